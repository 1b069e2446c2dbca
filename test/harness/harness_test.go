package harness_test

import (
	"errors"
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"

	"hueair2mqtt/test/harness"
)

func TestReservedPort(t *testing.T) {
	address := harness.ReserveAddress(t)
	refused := func() {
		t.Helper()
		if conn, err := net.Dial("tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
			if err == nil {
				conn.Close()
			}
			t.Errorf("dialing a reserved port: %v, want connection refused", err)
		}
	}
	refused()
	for range 2 {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatalf("listening on the reserved port: %v", err)
		}
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		refused()
	}
}

func TestClosedServerRefuses(t *testing.T) {
	server := harness.Serve(t, http.NotFoundHandler())
	response, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	server.Close()
	if _, err := http.Get(server.URL); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a closed server: %v, want connection refused", err)
	}
}

// TestReservedPortIsNotAssigned reserves the whole range of free ports.
func TestReservedPortIsNotAssigned(t *testing.T) {
	if !harness.Isolated(t, syscall.CLONE_NEWNET) {
		return
	}
	if err := harness.RaiseLoopback(0); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_local_port_range", []byte("40000 40009"), 0); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		harness.Reserve(t)
	}
	if listener, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		t.Errorf("a server that asked for any port got %v", listener.Addr())
		listener.Close()
	}
}

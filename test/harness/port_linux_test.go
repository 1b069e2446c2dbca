package harness_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"hueair2mqtt/test/harness"
)

func TestReservedPort(t *testing.T) {
	address := fmt.Sprintf("127.0.0.1:%d", harness.Reserve(t))
	refused := func() {
		t.Helper()
		if conn, err := net.Dial("tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
			if err == nil {
				conn.Close()
			}
			t.Errorf("dialing a reserved port: %v, want it refused", err)
		}
	}
	refused()
	for range 2 {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatalf("a server that names the port: %v", err)
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
		t.Errorf("a closed server: %v, want it refused", err)
	}
}

// In a network whose whole range of free ports is reserved, nobody gets one.
func TestNobodyElseGetsAReservedPort(t *testing.T) {
	const child = "LOOPBACK_TEST_NAMESPACE"
	if os.Getenv(child) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), child+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("in a network of its own: %v\n%s", err, out)
		}
		return
	}
	if err := harness.Raise(0); err != nil {
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

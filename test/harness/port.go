package harness

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Reserve returns a TCP port of 127.0.0.1 that belongs to the test until it ends.
// Connections to it are refused unless the test starts a server there. The kernel
// does not assign it to programs that ask for any free port; a server that names it
// and sets SO_REUSEADDR, as Go and Mosquitto do, may listen, stop and listen again.
func Reserve(t testing.TB) int {
	t.Helper()
	port, release, err := reserve()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return port
}

// ReserveAddress returns 127.0.0.1 with a reserved port.
func ReserveAddress(t testing.TB) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", Reserve(t))
}

// reserve binds a socket to a free port and does not listen on it.
func reserve() (port int, release func(), err error) {
	syscall.ForkLock.RLock() // a program started now would inherit the socket
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(socket)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return 0, nil, fmt.Errorf("opening a socket: %w", err)
	}
	release = func() { unix.Close(socket) }
	err = unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err == nil {
		err = unix.Bind(socket, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}
	var name unix.Sockaddr
	if err == nil {
		name, err = unix.Getsockname(socket)
	}
	if err != nil {
		release()
		return 0, nil, fmt.Errorf("reserving a port: %w", err)
	}
	return name.(*unix.SockaddrInet4).Port, release, nil
}

// Listen listens on a reserved port. Connections to its address are refused from the
// moment it is closed until the test ends.
func Listen(t testing.TB) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", ReserveAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

// Serve starts an HTTP server whose port stays reserved after the test closes it.
func Serve(t testing.TB, handler http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Listener.Close()
	server.Listener = Listen(t)
	server.Start()
	t.Cleanup(server.Close)
	return server
}

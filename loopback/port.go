// Package loopback is what tests need of a machine's own network, where all of them
// live: a port that is free, and the interface itself in a network namespace of their
// own, where it begins without being up.
package loopback

import (
	"net"
	"testing"
)

// FreePort returns a TCP port of 127.0.0.1 that nobody listens on. Somebody else may
// take it before the caller does.
func FreePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

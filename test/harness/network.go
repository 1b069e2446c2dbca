package harness

import (
	"context"
	"net"
	"net/netip"
	"sync"
)

// Network is a listener in memory whose clients choose their addresses. It works in
// virtual time.
type Network struct {
	conns  chan net.Conn
	closed chan struct{}
	close  func()
}

// NewNetwork returns a network without connections.
func NewNetwork() *Network {
	n := &Network{conns: make(chan net.Conn), closed: make(chan struct{})}
	n.close = sync.OnceFunc(func() { close(n.closed) })
	return n
}

// Dial connects from an IP address.
func (n *Network) Dial(address string) net.Conn {
	ours, theirs := net.Pipe()
	n.conns <- addressed{theirs, net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(address), 1000))}
	return ours
}

// DialContext connects from no address in particular. It fails once the listener is closed.
func (n *Network) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case n.conns <- theirs:
		return ours, nil
	case <-n.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept returns the server's side of the next connection.
func (n *Network) Accept() (net.Conn, error) {
	select {
	case c := <-n.conns:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (n *Network) Close() error { n.close(); return nil }

// Addr returns the zero address.
func (n *Network) Addr() net.Addr { return &net.TCPAddr{} }

type addressed struct {
	net.Conn
	from net.Addr
}

func (a addressed) RemoteAddr() net.Addr { return a.from }

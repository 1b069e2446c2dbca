//go:build faults && linux

package faults

import (
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// harm is what a proxy does to the connections that go through it. The zero harm
// is none.
type harm struct {
	// delay holds back everything, in both directions.
	delay time.Duration
	// trickle lets one byte a second through, in both directions.
	trickle bool
	// drop takes everything and lets nothing through; nobody is told. A connection
	// of which something was lost so never gets anything through again, as one whose
	// packets a router has forgotten.
	drop bool
	// corrupt changes one byte of each piece. Where only the server's is, the
	// client's bytes arrive as they are.
	corrupt, corruptServerOnly bool
	// cut resets every connection, at once or when it is made.
	cut bool
	// halfClose ends the server's direction in the middle of what it says; the
	// client's stays open.
	halfClose bool
	// existing spares the connections that are made from now on.
	existing bool
}

// proxy stands between the program and a server.
type proxy struct {
	listener net.Listener
	target   string
	serving  sync.WaitGroup

	mu     sync.Mutex
	random *rand.Rand
	harm   harm
	change chan struct{} // closed when harm changes
	conns  map[*proxied]struct{}
	made   int // connections so far
}

// proxied is one connection through a proxy.
type proxied struct {
	client, server *net.TCPConn
	born           int // the count of connections when it was made
	halfClosed     bool
	robbed         bool // something of it was dropped; the proxy's lock guards it
}

// newProxy starts a proxy to a server on this machine.
func newProxy(t *testing.T, target string, random *rand.Rand) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{
		listener: listener, target: target, change: make(chan struct{}),
		random: rand.New(rand.NewPCG(random.Uint64(), random.Uint64())), conns: make(map[*proxied]struct{}),
	}
	p.serving.Go(p.accept)
	t.Cleanup(func() {
		listener.Close()
		p.cutAll()
		p.set(harm{})
		p.serving.Wait()
	})
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

// set changes what the proxy does.
func (p *proxy) set(h harm) {
	p.mu.Lock()
	p.harm = h
	close(p.change)
	p.change = make(chan struct{})
	if h.existing {
		p.made++ // what is born from now on is another generation
	}
	p.mu.Unlock()
	if h.cut {
		p.cutAll()
	}
}

// cutAll resets every connection that there is.
func (p *proxy) cutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.reset()
	}
}

func (c *proxied) reset() {
	for _, conn := range []*net.TCPConn{c.client, c.server} {
		_ = conn.SetLinger(0) // it may be closed already
		conn.Close()
	}
}

// now is what is done to a connection, and a channel that closes when that
// changes. It is asked when there is something to pass on.
func (p *proxy) now(c *proxied) (harm, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.harm
	if h.existing && c.born >= p.made {
		h = harm{}
	}
	h.drop = h.drop || c.robbed
	c.robbed = h.drop
	return h, p.change
}

func (p *proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		client := conn.(*net.TCPConn)
		conn, err = net.Dial("tcp", p.target)
		if err != nil { // the server is not there, and so the proxy seems not to be
			_ = client.SetLinger(0)
			client.Close()
			continue
		}
		c := &proxied{client: client, server: conn.(*net.TCPConn)}
		p.mu.Lock()
		c.born = p.made
		p.conns[c] = struct{}{}
		cut := p.harm.cut
		p.mu.Unlock()
		if cut {
			c.reset()
		}
		p.serving.Go(func() { p.serve(c) })
	}
}

// serve passes on both directions until both have ended.
func (p *proxy) serve(c *proxied) {
	var directions sync.WaitGroup
	directions.Go(func() { p.pass(c, c.client, c.server, false) })
	directions.Go(func() { p.pass(c, c.server, c.client, true) })
	directions.Wait()
	c.client.Close()
	c.server.Close()
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
}

// pass passes on one direction.
func (p *proxy) pass(c *proxied, from, to *net.TCPConn, fromServer bool) {
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !p.passOn(c, to, buffer[:n], fromServer) {
			c.reset()
			return
		}
		if err != nil {
			if h, _ := p.now(c); !h.drop { // a goodbye is dropped like all else
				_ = to.CloseWrite() // it may be closed already
			}
			return
		}
	}
}

// passOn passes on one piece as the harm of now has it; false ends the
// connection.
func (p *proxy) passOn(c *proxied, to *net.TCPConn, piece []byte, fromServer bool) bool {
	for len(piece) > 0 {
		h, changed := p.now(c)
		next := piece
		switch {
		case h.cut:
			return false
		case h.drop:
			return true
		case h.halfClose && fromServer:
			if !c.halfClosed {
				c.halfClosed = true
				_, _ = to.Write(piece[:len(piece)/2]) // the client may be gone
				_ = to.CloseWrite()
			}
			return true
		case h.delay > 0:
			if !sleep(h.delay, changed) {
				continue
			}
		case h.trickle:
			if !sleep(time.Second, changed) {
				continue
			}
			next = piece[:1]
		case h.corrupt && (fromServer || !h.corruptServerOnly):
			p.mu.Lock()
			piece[p.random.IntN(len(piece))] ^= byte(1 + p.random.IntN(255))
			p.mu.Unlock()
		}
		if _, err := to.Write(next); err != nil {
			return false
		}
		piece = piece[len(next):]
	}
	return true
}

// sleep waits, and returns false if something changed meanwhile.
func sleep(d time.Duration, changed <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-changed:
		return false
	}
}

//go:build faults && linux

package faults

import (
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// harm is what a proxy does to its connections. The zero value does nothing.
type harm struct {
	// delay delays everything in both directions.
	delay time.Duration
	// trickle passes one byte a second in both directions.
	trickle bool
	// drop reads everything and passes on nothing. A connection that lost something never recovers,
	// like one that a router has forgotten.
	drop bool
	// corrupt changes one byte of each chunk; corruptServerOnly spares the client's.
	corrupt, corruptServerOnly bool
	// cut resets every connection, new ones too.
	cut bool
	// halfClose closes the server's direction in the middle of a chunk; the client's stays open.
	halfClose bool
	// existing spares the connections that are made from now on.
	existing bool
}

// proxy is a proxy between the program and a server.
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

// set replaces the harm.
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

// cutAll resets every open connection.
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

// now returns the harm to a connection and a channel that is closed when it changes.
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

// serve copies in both directions until both are closed.
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

// pass copies one direction.
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

// passOn copies one chunk under the current harm; false closes the connection.
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

// sleep waits and returns false if the harm changed meanwhile.
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

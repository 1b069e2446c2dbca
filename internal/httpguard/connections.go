package httpguard

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Limits bound what the clients of one server can hold.
type Limits struct {
	// Connections is the maximum for all clients, PerClient for one.
	Connections, PerClient int
	// Proxies have no limit per client.
	Proxies Proxies
	// Body is the maximum size of a request's body in bytes.
	Body int64
}

// shutdownTimeout is the time that requests have to finish when a server stops.
const shutdownTimeout = time.Second

// Serve serves the listener within the limits until ctx is done, and closes the
// listener. It returns nil if the server stopped because of ctx. It sets the server's
// ConnState and ConnContext and wraps its Handler.
//
// A connection beyond a limit replaces one that is waiting: idle, or still sending its
// request. So a client that holds connections without using them can't keep others
// out, not even from its own address. The new connection is closed only if all others
// are being served.
//
// Handlers are called when the whole body has arrived. Reading a body that is longer
// than allowed returns an *http.MaxBytesError.
func Serve(ctx context.Context, server *http.Server, listener net.Listener, limits Limits) error {
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			server.Close()
		}
	})
	err := server.Serve(bound(server, listener, limits))
	if stop() {
		return err
	}
	<-stopped
	return nil
}

// bound applies the limits to a server and the listener that it will serve.
func bound(server *http.Server, listener net.Listener, limits Limits) net.Listener {
	b := &bounded{Listener: listener, limits: limits, clients: make(map[Client]int), conns: make(map[*conn]struct{})}
	server.ConnState = b.changed
	server.ConnContext = func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) }
	server.Handler = b.serving(server.Handler)
	return b
}

type connKey struct{}

type bounded struct {
	net.Listener
	limits Limits

	mu      sync.Mutex
	clients map[Client]int // connections of each
	conns   map[*conn]struct{}
}

// conn is one connection. Its fields are guarded by the mutex of bounded.
type conn struct {
	net.Conn
	client Client
	proxy  bool
	busy   bool      // a whole request has arrived, and its response has not been sent
	since  time.Time // when busy last changed
}

// Accept returns the next connection within the limits.
func (b *bounded) Accept() (net.Conn, error) {
	for {
		raw, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		address := remoteAddr(raw.RemoteAddr().String())
		c := &conn{Conn: raw, client: ClientOf(address), proxy: b.limits.Proxies.Trusts(address), since: time.Now()}
		displaced, ok := b.add(c)
		if displaced != nil {
			displaced.Conn.Close() // the server notices
		}
		if ok {
			return c, nil
		}
		raw.Close()
	}
}

// add adds a connection, and may displace another one to make space. The caller must
// close the displaced connection.
func (b *bounded) add(c *conn) (displaced *conn, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !c.proxy && b.clients[c.client] >= b.limits.PerClient:
		displaced = b.victim(func(other *conn) bool { return other.client == c.client && !other.busy })
	case len(b.conns) >= b.limits.Connections:
		displaced = b.victim(func(other *conn) bool { return !other.busy })
		if displaced == nil {
			// All are being served, so a client that has more than the new one loses one.
			displaced = b.victim(func(other *conn) bool { return !other.proxy && b.clients[other.client] > b.clients[c.client]+1 })
		}
	default:
		b.append(c)
		return nil, true
	}
	if displaced == nil {
		return nil, false
	}
	b.remove(displaced)
	b.append(c)
	return displaced, true
}

// victim returns the oldest matching connection of the client that has the most.
func (b *bounded) victim(matches func(*conn) bool) *conn {
	var found *conn
	for c := range b.conns {
		if !matches(c) {
			continue
		}
		if found == nil || b.clients[c.client] > b.clients[found.client] ||
			b.clients[c.client] == b.clients[found.client] && c.since.Before(found.since) {
			found = c
		}
	}
	return found
}

func (b *bounded) append(c *conn) {
	b.conns[c] = struct{}{}
	b.clients[c.client]++
}

func (b *bounded) remove(c *conn) {
	if _, there := b.conns[c]; !there {
		return
	}
	delete(b.conns, c)
	if b.clients[c.client]--; b.clients[c.client] == 0 {
		delete(b.clients, c.client)
	}
}

func (b *bounded) setBusy(c *conn, busy bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c.busy, c.since = busy, time.Now()
}

// changed is the server's ConnState.
func (b *bounded) changed(nc net.Conn, state http.ConnState) {
	switch c := nc.(*conn); state {
	case http.StateIdle:
		b.setBusy(c, false)
	case http.StateClosed:
		b.mu.Lock()
		defer b.mu.Unlock()
		b.remove(c)
	}
}

// serving wraps a handler so that it is called when the whole request has arrived.
func (b *bounded) serving(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// NoBody is what the server sets for a request without one.
		if r.Body != http.NoBody {
			content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, b.limits.Body))
			var body io.Reader = bytes.NewReader(content)
			if err != nil {
				body = io.MultiReader(body, failed{err})
			}
			r.Body = io.NopCloser(body)
		}
		b.setBusy(r.Context().Value(connKey{}).(*conn), true)
		next.ServeHTTP(w, r)
	})
}

// failed is a reader that fails.
type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }

package pairing

import (
	"context"
	"net"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// maxConnections is the max number of concurrent connections, and so requests, to one
// bridge, event streams included. A bridge refuses more than three, and other
// applications need one.
const maxConnections = 2

// slots limits the connections of the whole program: pairing on the page and the polls
// share them.
var slots = slotTable{hosts: make(map[string]*hostSlots)}

// slotTable limits the connections to each host:port.
type slotTable struct {
	mu    sync.Mutex
	hosts map[string]*hostSlots // only those in use
}

type hostSlots struct {
	free  *semaphore.Weighted
	users int // that have a slot or wait for one
}

// acquire waits for a slot until ctx is done. The caller must call release.
func (t *slotTable) acquire(ctx context.Context, host string) (release func(), err error) {
	t.mu.Lock()
	h := t.hosts[host]
	if h == nil {
		h = &hostSlots{free: semaphore.NewWeighted(maxConnections)}
		t.hosts[host] = h
	}
	h.users++
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if h.users--; h.users == 0 {
			delete(t.hosts, host)
		}
	}
	if err := h.free.Acquire(ctx, 1); err != nil {
		leave()
		return nil, err
	}
	return sync.OnceFunc(func() {
		h.free.Release(1)
		leave()
	}), nil
}

// DialFunc has the signature of net.Dialer.DialContext.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// limited waits for a slot before it dials. The timeout bounds both, because net/http
// does not cancel the dial of an abandoned request.
func (dial DialFunc) limited(timeout time.Duration) DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		release, err := slots.acquire(ctx, address)
		if err != nil {
			return nil, err
		}
		conn, err := dial(ctx, network, address)
		if err != nil {
			release()
			return nil, err
		}
		return &slotConn{conn, release}, nil
	}
}

// slotConn returns its slot when it is closed.
type slotConn struct {
	net.Conn
	release func()
}

// Close closes the connection and returns its slot.
func (c *slotConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}

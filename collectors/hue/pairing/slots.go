package pairing

import (
	"context"
	"net"
	"sync"
	"time"
)

// maxConnections is the max number of concurrent connections, and so requests, to one
// bridge, event streams included. A bridge refuses more than three, and other
// applications need one.
const maxConnections = 2

// slots limits the connections of the whole program: pairing on the page and the
// polls share them.
var slots = slotTable{hosts: make(map[string]*hostSlots)}

// slotTable limits the connections to each host:port.
type slotTable struct {
	mu    sync.Mutex
	hosts map[string]*hostSlots // only hosts with connections
}

type hostSlots struct {
	used    int
	waiting []chan struct{} // each is closed when it gets a slot
}

// acquire waits for a slot until ctx is done.
func (t *slotTable) acquire(ctx context.Context, host string) error {
	t.mu.Lock()
	h := t.hosts[host]
	if h == nil {
		h = new(hostSlots)
		t.hosts[host] = h
	}
	if h.used < maxConnections {
		h.used++
		t.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	h.waiting = append(h.waiting, turn)
	t.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, other := range h.waiting {
		if other == turn {
			h.waiting = append(h.waiting[:i:i], h.waiting[i+1:]...)
			return ctx.Err()
		}
	}
	t.releaseLocked(host) // the slot was granted at the same time
	return ctx.Err()
}

// release returns a slot.
func (t *slotTable) release(host string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.releaseLocked(host)
}

func (t *slotTable) releaseLocked(host string) {
	h := t.hosts[host]
	if len(h.waiting) > 0 {
		close(h.waiting[0])
		h.waiting = h.waiting[1:]
		return
	}
	if h.used--; h.used == 0 {
		delete(t.hosts, host)
	}
}

// DialFunc has the signature of net.Dialer.DialContext.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// limited waits for a slot before it dials. The timeout bounds both, because net/http
// does not cancel the dial of an abandoned request.
func (dial DialFunc) limited(timeout time.Duration) DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		if err := slots.acquire(ctx, address); err != nil {
			return nil, err
		}
		conn, err := dial(ctx, network, address)
		if err != nil {
			slots.release(address)
			return nil, err
		}
		return &slotConn{Conn: conn, release: sync.OnceFunc(func() { slots.release(address) })}, nil
	}
}

// slotConn returns its slot when it is closed.
type slotConn struct {
	net.Conn
	release func()
}

func (c *slotConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}

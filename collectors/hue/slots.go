package hue

import (
	"context"
	"net"
	"sync"
	"time"
)

// maxConnections is how many connections, and so requests, there may be side by
// side to one bridge, event streams included. A bridge refuses more than three,
// and other applications need theirs.
const maxConnections = 2

// slots hand out the connections to each bridge, by its host and port. They are the
// program's: pairing on the page and the polls share them.
var slots = slotTable{hosts: make(map[string]*hostSlots)}

type slotTable struct {
	mu    sync.Mutex
	hosts map[string]*hostSlots // those with connections
}

type hostSlots struct {
	used    int
	waiting []chan struct{} // closed when the slot is theirs
}

// take waits for a slot, until ctx ends.
func (t *slotTable) take(ctx context.Context, host string) error {
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
	t.release(host) // it came at the same time
	return ctx.Err()
}

// put gives a slot back.
func (t *slotTable) put(host string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.release(host)
}

func (t *slotTable) release(host string) {
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

// dialFunc is net.Dialer.DialContext.
type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// limited is dial with a wait for a slot of the address, both within the timeout:
// net/http does not cancel a dial whose request was given up.
func (dial dialFunc) limited(timeout time.Duration) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		if err := slots.take(ctx, address); err != nil {
			return nil, err
		}
		conn, err := dial(ctx, network, address)
		if err != nil {
			slots.put(address)
			return nil, err
		}
		return &slotConn{Conn: conn, put: sync.OnceFunc(func() { slots.put(address) })}, nil
	}
}

// slotConn gives its slot back when it is closed.
type slotConn struct {
	net.Conn
	put func()
}

func (c *slotConn) Close() error {
	defer c.put()
	return c.Conn.Close()
}

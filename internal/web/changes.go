package web

import "sync"

// changes notifies the live streams that a page may have changed.
type changes struct {
	mu          sync.Mutex
	subscribers map[chan struct{}]struct{}
}

func newChanges() *changes { return &changes{subscribers: make(map[chan struct{}]struct{})} }

// subscribe returns a channel that holds a token after a change.
func (c *changes) subscribe() (changed chan struct{}, unsubscribe func()) {
	changed = make(chan struct{}, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.subscribers[changed] = struct{}{}
	return changed, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.subscribers, changed)
	}
}

// notify does not block.
func (c *changes) notify() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for changed := range c.subscribers {
		signal(changed)
	}
}

// signal puts a token into a channel with space for one, unless it has one.
func signal(changed chan struct{}) {
	select {
	case changed <- struct{}{}:
	default:
	}
}

package web

import "sync"

// changes tells those who look that a page may look different now. Without anybody
// who looks, telling costs a lock.
type changes struct {
	mu      sync.Mutex
	looking map[chan struct{}]struct{}
}

func newChanges() *changes { return &changes{looking: make(map[chan struct{}]struct{})} }

// look gives a channel that holds a token after a change, until away is called.
func (c *changes) look() (changed chan struct{}, away func()) {
	changed = make(chan struct{}, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looking[changed] = struct{}{}
	return changed, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.looking, changed)
	}
}

// tell never waits.
func (c *changes) tell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for changed := range c.looking {
		put(changed)
	}
}

// put puts a token into a channel that has room for one.
func put(changed chan struct{}) {
	select {
	case changed <- struct{}{}:
	default:
	}
}

package bridge

import (
	"context"
	"sync"

	"hueair2mqtt/internal/history"
)

// message is something to be published.
type message struct {
	topic    string
	payload  []byte
	retained bool
	reading  history.Key // the record of the reading that this tells; zero if there is none
}

// outbox holds, for one connection, what waits to be sent. A retained message
// takes the place of an older one of its topic that has not been sent yet, so
// that a slow broker gets the newest state and the outbox never holds more than
// one message a topic. Order is that of the first message of each topic.
type outbox struct {
	mu      sync.Mutex
	queue   []*message
	waiting map[string]*message // the retained ones of the queue, by topic
	changed chan struct{}       // holds one token when the queue or closed may have changed
	closed  bool
	events  int  // of the queue, not retained
	full    bool // an event found no room
}

func newOutbox() *outbox {
	return &outbox{waiting: make(map[string]*message), changed: make(chan struct{}, 1)}
}

// maxEvents bounds the messages of an outbox that are not retained: what happened
// at a moment, and answers to requests. A house makes some in a minute; somebody who
// sends requests to a broker that takes nothing must not fill the memory.
const maxEvents = 10_000

// put adds a message. It never waits. superseded is the reading that will not be
// sent because this message has taken its place. What is not retained finds no room
// where maxEvents wait already; then it is lost, and toTell is true the first time.
func (o *outbox) put(m message) (superseded history.Key, toTell bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if older, ok := o.waiting[m.topic]; ok && m.retained {
		superseded = older.reading
		older.payload, older.reading = m.payload, m.reading
		return superseded, false
	}
	if !m.retained {
		if o.events == maxEvents {
			toTell = !o.full
			o.full = true
			return superseded, toTell
		}
		o.events++
	}
	o.queue = append(o.queue, &m)
	if m.retained {
		o.waiting[m.topic] = &m
	}
	o.signal()
	return superseded, false
}

// close says that no message will follow; those that wait are still sent.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.signal()
}

func (o *outbox) signal() {
	select {
	case o.changed <- struct{}{}:
	default:
	}
}

// next waits for the next message; false means that the outbox is closed and
// empty, or that ctx has ended. Only one goroutine may call it.
func (o *outbox) next(ctx context.Context) (message, bool) {
	for {
		if m, ok, done := o.take(); ok || done {
			return m, ok
		}
		select {
		case <-o.changed:
		case <-ctx.Done():
			return message{}, false
		}
	}
}

func (o *outbox) take() (m message, ok, done bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == 0 {
		o.queue = nil
		return message{}, false, o.closed
	}
	first := o.queue[0]
	o.queue[0] = nil
	o.queue = o.queue[1:]
	if first.retained {
		delete(o.waiting, first.topic)
	} else {
		o.events--
	}
	return *first, true, false
}

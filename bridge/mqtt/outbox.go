package mqtt

import (
	"context"
	"errors"
	"sync"
)

// Message is an MQTT message to publish at QoS 1.
type Message struct {
	Topic    string
	Payload  []byte
	Retained bool

	// Done, if not nil, is called once the outcome of the message is known: with nil
	// when the broker has acknowledged it, with ErrSuperseded when a newer message of
	// its topic replaced it before it was sent, or with the error of sending it. It is
	// not called for a message that is still in the outbox when the connection ends.
	Done func(error)
}

func (m Message) done(err error) {
	if m.Done != nil {
		m.Done(err)
	}
}

// ErrSuperseded is the outcome of a message that was replaced by a newer one.
var ErrSuperseded = errors.New("superseded by a newer message")

// Outbox holds the messages that wait to be sent on one connection.
//
// A retained message replaces an unsent older one of its topic, so a slow broker gets
// the newest state and the outbox holds at most one retained message per topic.
// Messages are sent in the order in which their topics were first added.
type Outbox struct {
	mu       sync.Mutex
	queue    []*Message
	retained map[string]*Message // the retained messages in queue, by topic
	changed  chan struct{}       // holds one token when queue or closed may have changed
	closed   bool
	events   int  // messages in queue that are not retained
	full     bool // an event was dropped
}

func newOutbox() *Outbox {
	return &Outbox{retained: make(map[string]*Message), changed: make(chan struct{}, 1)}
}

// MaxEvents is the maximum number of messages in an outbox that are not retained. A
// home produces a few per minute, but anyone may send requests while the broker takes
// no answers.
const MaxEvents = 10_000

// Put adds a message and returns immediately. A message that is not retained is
// dropped if MaxEvents wait already; firstDropped is true the first time.
func (o *Outbox) Put(m Message) (firstDropped bool) {
	superseded, firstDropped := o.put(m)
	superseded.done(ErrSuperseded)
	return firstDropped
}

func (o *Outbox) put(m Message) (superseded Message, firstDropped bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !m.Retained {
		if o.events == MaxEvents {
			firstDropped = !o.full
			o.full = true
			return Message{}, firstDropped
		}
		o.events++
	} else if older, ok := o.retained[m.Topic]; ok {
		superseded, *older = *older, m
		return superseded, false
	} else {
		o.retained[m.Topic] = &m
	}
	o.queue = append(o.queue, &m)
	o.signal()
	return Message{}, false
}

// Close marks the outbox complete. The session sends the remaining messages and ends.
func (o *Outbox) Close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.signal()
}

func (o *Outbox) signal() {
	select {
	case o.changed <- struct{}{}:
	default:
	}
}

// next waits for the next message. It returns false when the outbox is closed and
// empty, or when ctx is done. Only one goroutine may call it.
func (o *Outbox) next(ctx context.Context) (Message, bool) {
	for {
		if m, ok, closed := o.take(); ok || closed {
			return m, ok
		}
		select {
		case <-o.changed:
		case <-ctx.Done():
			return Message{}, false
		}
	}
}

func (o *Outbox) take() (m Message, ok, closed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == 0 {
		o.queue = nil
		return Message{}, false, o.closed
	}
	first := o.queue[0]
	o.queue[0] = nil
	o.queue = o.queue[1:]
	if first.Retained {
		delete(o.retained, first.Topic)
	} else {
		o.events--
	}
	return *first, true, false
}

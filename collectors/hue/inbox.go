package hue

import (
	"encoding/json"
	"sync"
)

const (
	// maxQueue and maxQueueBytes limit the events that wait while a full read goes on.
	maxQueue      = 4096
	maxQueueBytes = 8 << 20
)

// streamEvent is one SSE event, or a notice of the stream.
type streamEvent struct {
	kind eventKind
	clip []clipEvent // of eventUpdates
	size int         // in bytes
}

type eventKind uint8

const (
	eventUpdates   eventKind = iota
	eventOpened              // the stream was opened; the one before lasted, and events may be missing
	eventReopened            // the stream was opened, but may end at once, as the one before
	eventMalformed           // an SSE event that could not be parsed
	eventOverflow            // events were dropped
)

// clipEvent is one of the CLIP events in an SSE event. Its resources are decoded one by one,
// so that a malformed one does not affect the others.
type clipEvent struct {
	Type string            `json:"type"`
	Data []json.RawMessage `json:"data"`
}

// Types of CLIP events; there is also "error".
const (
	clipUpdate = "update"
	clipAdd    = "add"
	clipDelete = "delete"
)

// inbox is the queue of events from the stream. It is safe for concurrent use.
type inbox struct {
	// filled has a value if events have arrived since it was received from.
	filled chan struct{}

	mu     sync.Mutex
	events []streamEvent
	size   int // in bytes
	lost   int // presses and turns in dropped events
}

func newInbox() *inbox { return &inbox{filled: make(chan struct{}, 1)} }

// push queues an event, or drops it if the inbox is full. It never blocks: a bridge that
// cannot deliver its events would close the stream.
func (q *inbox) push(e streamEvent) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch n := len(q.events); {
	case n < maxQueue && q.size+e.size <= maxQueueBytes:
		q.events = append(q.events, e)
		q.size += e.size
	default:
		if n == 0 || q.events[n-1].kind != eventOverflow {
			q.events = append(q.events, streamEvent{kind: eventOverflow})
		}
		q.lost += countActions(e.clip)
	}
	select {
	case q.filled <- struct{}{}:
	default:
	}
}

// len returns the number of events.
func (q *inbox) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.events)
}

// take removes and returns all events.
func (q *inbox) take() []streamEvent {
	q.mu.Lock()
	defer q.mu.Unlock()
	events := q.events
	q.events, q.size = nil, 0
	return events
}

// takeLost returns the number of presses and turns in events that were dropped since the
// last call.
func (q *inbox) takeLost() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	lost := q.lost
	q.lost = 0
	return lost
}

// countActions returns the number of presses and turns in CLIP events.
func countActions(events []clipEvent) (n int) {
	for _, e := range events {
		for _, raw := range e.Data {
			var head header
			if decode(raw, &head) != nil {
				continue
			}
			if update := newValue(head.Type); update != nil && decode(raw, update) == nil {
				if _, _, ok := eventOf(update); ok {
					n++
				}
			}
		}
	}
	return n
}

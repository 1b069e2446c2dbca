package huetest

import (
	"cmp"
	"fmt"
	"net/http"
)

// stream is one client that listens, or one that polls for the next SSE event.
type stream struct {
	poll    bool
	answer  *sseEvent // of a poll
	out     *http.ResponseController
	wake    chan struct{} // has room for one
	pending [][]byte
	silent  bool
	cut     bool
}

// send hands something to the stream's own goroutine, which writes it.
func (s *stream) send(frame []byte) {
	if s.silent || s.cut {
		return
	}
	s.pending = append(s.pending, frame)
	s.notify()
}

// deliver passes an SSE event to a client of either kind; frame is what it is in a stream.
func (s *stream) deliver(c sseEvent, frame []byte) {
	if !s.poll {
		s.send(frame)
	} else if s.answer == nil {
		s.answer = &c
		s.send(c.json)
	}
}

func (s *stream) notify() {
	select {
	case s.wake <- struct{}{}:
	default: // it knows already
	}
}

// history is how many SSE events the bridge keeps for a client that comes back
// and names the last one it got; a real one keeps 15 (bifrost, pull request 64).
const history = 15

// broadcast is the event stream. The lock of its Bridge guards it.
type broadcast struct {
	streams  map[*stream]struct{}
	past     []sseEvent
	opened   []string // the Last-Event-ID of each stream
	noReplay bool
	restored bool  // the bridge has restarted, and sends old reports again
	second   int64 // of the last SSE event
	number   int   // of the last SSE event in its second
}

// sseEvent is one SSE event: a list of CLIP events.
type sseEvent struct {
	second int64
	number int
	json   []byte
}

func (c sseEvent) after(second int64, number int) bool {
	return cmp.Or(cmp.Compare(c.second, second), cmp.Compare(c.number, number)) > 0
}

func (c sseEvent) id() string { return fmt.Sprintf("%d:%d", c.second, c.number) }

func (c sseEvent) frame() []byte { return fmt.Appendf(nil, "id: %s\ndata: %s\n\n", c.id(), c.json) }

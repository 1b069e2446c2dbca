package huetest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// LastSent is when something was last about to be written to a stream: the moment
// at which an event leaves the bridge. It is the zero time before the first.
func (b *Bridge) LastSent() time.Time {
	nanoseconds := b.sent.Load()
	if nanoseconds == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanoseconds)
}

// serveEvents answers GET /eventstream/clip/v2. Who accepts text/event-stream gets
// the stream. Who does not waits for the next SSE event and gets that alone, as
// JSON: so does the server that is in real bridges, nginx with nchan.
func (b *Bridge) serveEvents(w http.ResponseWriter, r *http.Request) {
	if !b.permits(w, r) {
		return
	}
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		page(w, http.StatusMethodNotAllowed)
		return
	}
	out := http.NewResponseController(w)
	s := &stream{wake: make(chan struct{}, 1), out: out, poll: !accepts(r, "text/event-stream")}
	b.open(s, cmp.Or(r.Header.Get("Last-Event-ID"), r.Header.Get("If-None-Match")))
	defer b.close(s)
	if s.poll {
		b.answerPoll(w, r, s)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	if _, err := w.Write([]byte(": hi\n\n")); err != nil || out.Flush() != nil {
		return
	}
	for {
		frames := b.next(r, s)
		if frames == nil {
			return
		}
		b.sent.Store(time.Now().UnixNano())
		for _, frame := range frames {
			if _, err := w.Write(frame); err != nil {
				return
			}
		}
		if out.Flush() != nil {
			return
		}
	}
}

func (b *Bridge) answerPoll(w http.ResponseWriter, r *http.Request, s *stream) {
	frames := b.next(r, s)
	if frames == nil {
		return
	}
	b.mu.Lock()
	w.Header().Set("Etag", s.answer.id())
	b.mu.Unlock()
	write(w, http.StatusOK, frames[0])
}

// next waits for something to write; nil is the client's end. A stream that is to
// be cut never returns.
func (b *Bridge) next(r *http.Request, s *stream) [][]byte {
	for {
		select {
		case <-r.Context().Done():
			return nil
		case <-s.wake:
		}
		b.mu.Lock()
		frames, cut := s.pending, s.cut
		s.pending = nil
		b.mu.Unlock()
		if cut {
			panic(http.ErrAbortHandler)
		}
		if len(frames) > 0 {
			return frames
		}
	}
}

func accepts(r *http.Request, mediaType string) bool {
	for _, line := range r.Header.Values("Accept") {
		for one := range strings.SplitSeq(line, ",") {
			name, _, _ := strings.Cut(one, ";")
			if strings.EqualFold(strings.TrimSpace(name), mediaType) {
				return true
			}
		}
	}
	return false
}

// open begins a stream, with what came after the SSE event that has the id lastID.
func (b *Bridge) open(s *stream, lastID string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.opened = append(b.opened, lastID)
	b.streams[s] = struct{}{}
	if b.restored {
		b.restored = false
		defer b.repeatReports()
	}
	if b.noReplay {
		return
	}
	second, number, ok := strings.Cut(strings.Trim(lastID, `" `), ":")
	if !ok {
		return
	}
	at, err := strconv.ParseInt(second, 10, 64)
	n, err2 := strconv.Atoi(number)
	if err != nil || err2 != nil {
		return
	}
	for _, c := range b.past {
		if c.after(at, n) {
			s.deliver(c, c.frame())
		}
	}
}

func (b *Bridge) close(s *stream) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.streams, s)
}

// LastEventIDs are what each stream that was opened named as the last event it
// got, in their order; "" where it named none.
func (b *Bridge) LastEventIDs() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.opened)
}

// Streams is how many event streams are open now, silent ones included.
func (b *Bridge) Streams() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for s := range b.streams {
		if !s.poll {
			n++
		}
	}
	return n
}

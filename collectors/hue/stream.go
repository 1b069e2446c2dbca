package hue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue/pairing"
)

const (
	// idleAfter is how long a stream may be silent before it is replaced: a bridge sends no
	// keep-alive, and streams sometimes end silently.
	idleAfter = 2 * time.Minute

	// overlap is how long a silent connection stays open beside its successor. Events that
	// are on their way on it arrive, and the bridge soon has a free connection again.
	overlap = 500 * time.Millisecond

	// A stream that lasted is opened again at once. Otherwise the pauses double: an
	// overloaded bridge accepts streams and ends them at once (home-assistant/core 181864),
	// so being accepted proves nothing.
	firstPause = time.Second
	maxPause   = 30 * time.Second
	lasting    = maxPause
	jitter     = 0.1 // up to this share of a pause is added to it
)

// streamState is the state of a stream.
type streamState int

const (
	streamOpening streamState = iota // not open yet
	streamLive                       // events arrive
	streamDown                       // it ended, or cannot be opened; failure has the reason
)

// stream keeps the event stream of one bridge open. Its goroutines put the events into the
// inbox.
type stream struct {
	inbox   *inbox
	client  *pairing.Client
	timeout time.Duration // of opening
	doubted chan struct{} // has a value after doubt
	cancel  context.CancelFunc
	done    chan struct{}
	seen    seenIDs

	mu      sync.Mutex
	state   streamState
	failure error // in streamDown
}

// openStream opens the event stream of a bridge. The caller must close it.
func openStream(client *pairing.Client, timeout time.Duration) *stream {
	ctx, cancel := context.WithCancel(context.Background())
	s := &stream{
		inbox: newInbox(), client: client, timeout: timeout,
		doubted: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{}),
	}
	go func() {
		defer close(s.done)
		s.run(ctx)
	}()
	return s
}

// close closes the stream and waits for its goroutines.
func (s *stream) close() {
	s.cancel()
	<-s.done
}

// doubt has the connection replaced as if it had been silent for too long: the bridge did
// not answer another request, and what failed there may also have ended the stream silently.
func (s *stream) doubt() {
	select {
	case s.doubted <- struct{}{}:
	default:
	}
}

// isLive reports whether events arrive; false for a nil stream.
func (s *stream) isLive() bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == streamLive
}

func (s *stream) setState(state streamState, failure error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.failure = state, failure
}

// faults reports what was lost, and why the stream is not open; nothing for a nil stream.
func (s *stream) faults() (all []error) {
	if s == nil {
		return nil
	}
	if lost := s.inbox.takeLost(); lost > 0 {
		all = append(all, fmt.Errorf("up to %d presses of buttons or turns of dials were lost: the Hue bridge sent them faster than they could be processed", lost))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == streamDown {
		all = append(all, fmt.Errorf("the event stream is closed, so changes are noticed only at the polls: %s", s.client.Clean(s.failure.Error())))
	}
	return all
}

// run keeps the stream open until ctx is done.
func (s *stream) run(ctx context.Context) {
	pause, opening := firstPause, eventOpened
	for {
		began := time.Now()
		err := s.follow(ctx, opening)
		if ctx.Err() != nil {
			return
		}
		s.setState(streamDown, err)
		opening = eventReopened
		if time.Since(began) >= lasting {
			pause, opening = firstPause, eventOpened
			continue
		}
		timer := time.NewTimer(pause + time.Duration(jitter*rand.Float64()*float64(pause)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		pause = min(2*pause, maxPause)
	}
}

// follow opens a connection and reads it to its end, and returns why it ended. A connection
// that is silent, or doubted, is replaced without a gap.
func (s *stream) follow(ctx context.Context, opening eventKind) error {
	current, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer func() { current.close() }()
	s.setState(streamLive, nil)
	s.inbox.push(streamEvent{kind: opening})
	current.start()
	timer := time.NewTimer(idleAfter)
	defer timer.Stop()
	for {
		reason, missed := fmt.Sprintf("nothing arrived for %s", idleAfter), false
		select {
		case <-current.ended:
			return current.err
		case <-s.doubted:
			reason, missed = "the Hue bridge did not answer another request", true
		case <-timer.C:
			if left := idleAfter - time.Since(current.lastRead()); left > 0 {
				timer.Reset(left)
				continue
			}
		}
		next, err := s.open(ctx)
		if err != nil {
			return fmt.Errorf("%s, and opening it again failed: %w", reason, err)
		}
		next.start()
		select {
		case <-time.After(overlap):
		case <-ctx.Done():
		}
		current.close()
		if missed || !next.resumed || s.seen.onlyOn(next.number) {
			// The old connection was dead, or may have been. The bridge may have sent more
			// than it repeats.
			s.inbox.push(streamEvent{kind: eventOpened})
		}
		current = next
		timer.Reset(idleAfter)
	}
}

// open opens a connection that begins after the last known event.
func (s *stream) open(ctx context.Context) (*streamConn, error) {
	ctx, cancel := context.WithCancel(ctx)
	late := time.AfterFunc(s.timeout, cancel)
	lastID, number := s.seen.connect()
	resp, err := s.request(ctx, lastID)
	if inTime := late.Stop(); !inTime && err == nil {
		_ = resp.Body.Close()
		err = context.Canceled
	}
	if err != nil {
		timedOut := ctx.Err() != nil
		cancel()
		if timedOut {
			return nil, fmt.Errorf("the stream did not begin within %s", s.timeout)
		}
		return nil, err
	}
	c := &streamConn{stream: s, number: number, resumed: lastID != "", body: resp.Body, cancel: cancel, ended: make(chan struct{})}
	c.read.Store(time.Now().UnixNano())
	return c, nil
}

// request asks for the stream.
func (s *stream) request(ctx context.Context, lastID string) (*http.Response, error) {
	req, err := s.client.NewRequest(ctx, http.MethodGet, "/eventstream/clip/v2", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/event-stream")
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := s.client.Transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if err := s.check(resp); err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	return resp, nil
}

// check returns an error if a response is not an event stream.
func (s *stream) check(resp *http.Response) error {
	if err := collectors.FromStatus(resp, time.Now()); err != nil {
		if resp.StatusCode < http.StatusInternalServerError {
			s.seen.forget() // the bridge may have refused the id
		}
		return err
	}
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || kind != "text/event-stream" {
		return errors.New("the response is not an event stream")
	}
	return nil
}

// streamConn is one connection of a stream.
type streamConn struct {
	stream  *stream
	number  int
	resumed bool // it began after a known event, so that the bridge repeats the missed ones
	body    io.ReadCloser
	cancel  context.CancelFunc
	read    atomic.Int64  // time of the last read, in nanoseconds since 1970
	ended   chan struct{} // closed when err is set
	err     error         // why it ended
}

// start starts to read. The caller must close the connection.
func (c *streamConn) start() {
	go func() {
		defer close(c.ended)
		c.err = c.readEvents()
	}()
}

// close closes the connection and waits for its goroutine.
func (c *streamConn) close() {
	c.cancel()
	<-c.ended
	_ = c.body.Close()
}

func (c *streamConn) lastRead() time.Time { return time.Unix(0, c.read.Load()) }

// Read reads the body and records the time.
func (c *streamConn) Read(p []byte) (int, error) {
	n, err := c.body.Read(p)
	if n > 0 {
		c.read.Store(time.Now().UnixNano())
	}
	return n, err
}

// readEvents puts the events into the inbox until the connection ends, and returns why it
// did.
func (c *streamConn) readEvents() error {
	reader := newSSEReader(c)
	for {
		sse, err := reader.next()
		if err != nil && !errors.Is(err, errLongEvent) {
			return err
		}
		if c.stream.seen.isRepeated(sse.id, c.number) {
			continue
		}
		c.stream.inbox.push(parseEvent(sse.data, err))
		// Let the receiver run first: there is no next event yet.
		runtime.Gosched()
	}
}

// parseEvent parses the data of an SSE event. failure is the error of reading it.
func parseEvent(data []byte, failure error) streamEvent {
	e := streamEvent{size: len(data)}
	if failure != nil || json.Unmarshal(data, &e.clip) != nil {
		e.kind = eventMalformed
	}
	return e
}

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
	// idleAfter is how long a stream may be silent before another one takes its
	// place: a bridge sends no keep-alive, and streams end silently at times.
	idleAfter = 2 * time.Minute

	// overlap is how long a silent stream stays open beside its successor. What is
	// still on its way on the old one arrives, and the bridge soon has room again.
	overlap = 500 * time.Millisecond

	// A stream that lasted is opened again at once. The pauses before one that did
	// not last double: an overloaded bridge accepts streams and ends them at once
	// (home-assistant/core 181864), so being accepted proves nothing.
	firstPause = time.Second
	maxPause   = 30 * time.Second
	lasting    = maxPause
	jitter     = 0.1 // up to this share of a pause is added to it

	// maxQueue and maxQueueBytes bound the events that wait for Next while a full
	// read goes on.
	maxQueue      = 4096
	maxQueueBytes = 8 << 20

	// maxIDs is how many ids of events are kept to recognize a repeated one; a
	// bridge repeats the last 15.
	maxIDs = 64
)

// piece is one event of the stream, or the notice that the stream may have a gap.
type piece struct {
	position   uint64
	gap        gap
	broken     bool // could not be understood
	containers []container
	bytes      int
}

// gap is why events may be missing before a piece.
type gap int

const (
	noGap       gap = iota
	reopened        // the stream was opened, and the one before it lasted
	reopenedTry     // the stream was opened, and may end at once as the one before it
)

// container is what a v2 bridge sends its changes in. Its items are read one by
// one later, so that one that is wrong costs nothing else.
type container struct {
	Type string            `json:"type"`
	Data []json.RawMessage `json:"data"`
}

// streamState is how far a stream is.
type streamState int

const (
	streamOpening streamState = iota // not open yet
	streamLive                       // events arrive
	streamDown                       // it ended, or can't be opened; failure has the reason
)

// stream holds the event stream of one bridge open. Its goroutines read and number
// the events and queue them; the owner takes them from the queue.
type stream struct {
	queue   chan piece
	wake    chan struct{} // holds one signal that lost has changed
	doubted chan struct{} // holds one signal of doubt
	cancel  context.CancelFunc
	done    chan struct{}
	timeout time.Duration // of opening

	last   atomic.Uint64 // the position of the newest piece
	queued atomic.Int64  // bytes

	mu        sync.Mutex
	state     streamState
	failure   error  // in streamDown
	lost      uint64 // the position of the newest piece that had no room
	lostMoves int    // presses and turns in what had no room, since they were reported
	seen      seenIDs
}

// openStream begins to read the events of a link.
func (c *Collector) openStream() *stream {
	ctx, cancel := context.WithCancel(context.Background())
	s := &stream{
		queue: make(chan piece, maxQueue), wake: make(chan struct{}, 1), doubted: make(chan struct{}, 1),
		cancel: cancel, done: make(chan struct{}), timeout: c.target.Timeout,
	}
	client := c.conn.client
	go func() {
		defer close(s.done)
		s.run(ctx, client)
	}()
	return s
}

// closeStream ends the stream and waits for its end.
func (c *Collector) closeStream() {
	if c.stream == nil {
		return
	}
	c.stream.cancel()
	<-c.stream.done
	c.stream, c.askedAt, c.readAt, c.toldLost = nil, 0, 0, 0
}

// run keeps the stream open until ctx ends.
func (s *stream) run(ctx context.Context, client *pairing.Client) {
	pause, opening := firstPause, reopened
	for {
		began := time.Now()
		err := s.follow(ctx, client, opening)
		if ctx.Err() != nil {
			return
		}
		s.setState(streamDown, err)
		opening = reopenedTry
		if time.Since(began) >= lasting {
			pause, opening = firstPause, reopened
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

// doubt has the connection replaced as if it had been silent for too long: the bridge
// did not answer another request, and what failed there may have ended the stream
// without a sign. It never waits and may be called without a stream.
func (s *stream) doubt() {
	if s == nil {
		return
	}
	select {
	case s.doubted <- struct{}{}:
	default:
	}
}

// follow opens a connection and reads it to its end, which always is an error. A
// connection that falls silent, or is doubted, is replaced without a gap.
func (s *stream) follow(ctx context.Context, client *pairing.Client, opening gap) error {
	current, err := s.open(ctx, client)
	if err != nil {
		return err
	}
	defer func() { current.close() }()
	s.setState(streamLive, nil)
	s.push(piece{gap: opening})
	current.start()
	timer := time.NewTimer(idleAfter)
	defer timer.Stop()
	for {
		reason, missed := fmt.Sprintf("nothing came for %s", idleAfter), false
		select {
		case <-current.ended:
			return current.err
		case <-s.doubted:
			reason, missed = "the Hue bridge did not answer a request beside it", true
		case <-timer.C:
			if left := idleAfter - time.Since(current.lastRead()); left > 0 {
				timer.Reset(left)
				continue
			}
		}
		next, err := s.open(ctx, client)
		if err != nil {
			return fmt.Errorf("%s, and opening it again failed: %w", reason, err)
		}
		next.start()
		select {
		case <-time.After(overlap):
		case <-ctx.Done():
		}
		current.close()
		if missed || !next.resumed || s.onlyIn(next.number) {
			// The old connection was dead, or nothing shows that it was not. The bridge
			// may have sent more than it keeps.
			s.push(piece{gap: reopened})
		}
		current = next
		timer.Reset(idleAfter)
	}
}

// streamConn is one request for the event stream.
type streamConn struct {
	stream  *stream
	number  int
	resumed bool // it was opened after a known event, so that the bridge repeats what was missed
	body    io.ReadCloser
	cancel  context.CancelFunc
	read    atomic.Int64  // when something was last read, in nanoseconds since 1970
	ended   chan struct{} // closed at its end
	err     error         // why it ended
}

// open asks for the stream, with what came after the last known event.
func (s *stream) open(ctx context.Context, client *pairing.Client) (*streamConn, error) {
	ctx, cancel := context.WithCancel(ctx)
	late := time.AfterFunc(s.timeout, cancel)
	lastID, number := s.nextConnection()
	resp, err := s.request(ctx, client, lastID)
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
func (s *stream) request(ctx context.Context, client *pairing.Client, lastID string) (*http.Response, error) {
	req, err := client.NewRequest(ctx, http.MethodGet, "/eventstream/clip/v2", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/event-stream")
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := client.Transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if err := s.check(resp); err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	return resp, nil
}

// check returns an error if an answer is no stream of events.
func (s *stream) check(resp *http.Response) error {
	if err := collectors.FromStatus(resp, time.Now()); err != nil {
		if resp.StatusCode < http.StatusInternalServerError {
			s.forgetIDs() // the bridge may not like the id
		}
		return err
	}
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || kind != "text/event-stream" {
		return errors.New("the answer is no stream of events")
	}
	return nil
}

// start begins to read. The caller must close the connection then.
func (c *streamConn) start() {
	go func() {
		defer close(c.ended)
		c.err = c.readAll()
	}()
}

// close ends the connection and waits for its goroutine.
func (c *streamConn) close() {
	c.cancel()
	<-c.ended
	_ = c.body.Close()
}

func (c *streamConn) lastRead() time.Time { return time.Unix(0, c.read.Load()) }

// Read reads the body and notes the time.
func (c *streamConn) Read(p []byte) (int, error) {
	n, err := c.body.Read(p)
	if n > 0 {
		c.read.Store(time.Now().UnixNano())
	}
	return n, err
}

// readAll queues the events until the connection ends, and returns why it did.
func (c *streamConn) readAll() error {
	events := newSSEReader(c)
	for {
		e, err := events.next()
		if err != nil && !errors.Is(err, errLongEvent) {
			return err
		}
		if c.stream.repeated(e.id, c.number) {
			continue
		}
		p := piece{bytes: len(e.data)}
		p.broken = err != nil || unmarshal(e.data, &p.containers) != nil
		c.stream.push(p)
		// Whoever waits for the event goes first; the next one is not there yet.
		runtime.Gosched()
	}
}

// push numbers a piece and queues it, unless there is no room. It never waits: a
// bridge that can't get rid of its events would cut the stream.
func (s *stream) push(p piece) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.position = s.last.Add(1)
	if s.queued.Load()+int64(p.bytes) <= maxQueueBytes {
		s.queued.Add(int64(p.bytes))
		select {
		case s.queue <- p:
			return
		default:
			s.queued.Add(-int64(p.bytes))
		}
	}
	s.lost = p.position
	s.lostMoves += moves(p.containers)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// moves counts the presses and turns.
func moves(containers []container) (n int) {
	for _, c := range containers {
		for _, raw := range c.Data {
			var head header
			if decode(raw, &head) != nil {
				continue
			}
			if part := newValue(head.Type); part != nil && decode(raw, part) == nil {
				if _, _, ok := event(part); ok {
					n++
				}
			}
		}
	}
	return n
}

func (s *stream) setState(state streamState, failure error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.failure = state, failure
}

// isLive reports whether events arrive; false without a stream.
func (s *stream) isLive() bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == streamLive
}

// position is that of the newest piece; 0 without a stream.
func (s *stream) position() uint64 {
	if s == nil {
		return 0
	}
	return s.last.Load()
}

// lostAt is the position of the newest piece that had no room.
func (s *stream) lostAt() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// faults reports what the stream lost, and why it is not open.
func (s *stream) faults(c *Collector) []error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []error
	if s.lostMoves > 0 {
		all = append(all, fmt.Errorf("up to %d presses of buttons or turns of dials were lost: the Hue bridge sent more at once than could be taken", s.lostMoves))
		s.lostMoves = 0
	}
	if s.state == streamDown {
		all = append(all, fmt.Errorf("the event stream is cut, so that changes are seen at the polls only: %s", c.target.Clean(s.failure.Error())))
	}
	return all
}

package hue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"mime"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tdrn-org/go-hue/api"

	"hueair2mqtt/collectors"
)

const (
	// idleAfter is how long a stream may be silent before it is opened anew. A
	// bridge sends no sign of life, and streams end silently at times; a house with
	// a sensor or two says something every few minutes. Opening one that was only
	// quiet costs a full read, as the poll does every minute.
	idleAfter = 2 * time.Minute

	// The pauses before a stream is opened again double, and begin anew after a
	// stream that lasted. A bridge that is overloaded accepts streams and ends them
	// at once, so that being accepted says nothing.
	firstPause = time.Second
	mostPause  = 30 * time.Second
	lasting    = mostPause
	jitter     = 0.1 // up to this share of a pause is added to it

	// mostTold is how many events of a button are remembered, so that none is told
	// twice.
	mostTold = 8

	// What waits to be fetched by Next, while a full read goes on, is bounded in
	// pieces and in bytes.
	maxQueue      = 4096
	maxQueueBytes = 8 << 20
)

// piece is one event of the stream, or the news that it has been opened.
type piece struct {
	position   uint64
	opened     bool
	broken     bool // could not be understood
	containers []container
	bytes      int
}

// container is what a v2 bridge sends its changes in. Its items are read one by
// one later, so that one that is wrong costs nothing else.
type container struct {
	Type api.EventType     `json:"type"`
	Data []json.RawMessage `json:"data"`
}

// stream holds the event stream of one bridge open. Its goroutine reads and
// numbers the events and lines them up; the owner fetches them.
type stream struct {
	queue  chan piece
	wake   chan struct{} // holds one sign that lost has changed
	cancel context.CancelFunc
	done   chan struct{}

	last   atomic.Uint64 // the position of the newest piece
	queued atomic.Int64  // bytes

	mu        sync.Mutex
	lost      uint64 // the position of the newest piece that had no room
	lostMoves int    // presses and turns in what had no room, since they were told
	failure   error  // why the stream is not open; nil when it is
}

// openStream begins to read the events of a link.
func (c *Collector) openStream() *stream {
	ctx, cancel := context.WithCancel(context.Background())
	s := &stream{
		queue: make(chan piece, maxQueue), wake: make(chan struct{}, 1),
		cancel: cancel, done: make(chan struct{}),
	}
	client, err := c.link.client(c.key)
	go func() {
		defer close(s.done)
		s.run(ctx, client, err)
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
func (s *stream) run(ctx context.Context, client *api.Client, unusable error) {
	pause := firstPause
	for {
		began := time.Now()
		err := unusable
		if err == nil {
			err = s.read(ctx, client)
		}
		if ctx.Err() != nil {
			return
		}
		s.setFailure(err)
		if time.Since(began) >= lasting {
			pause = firstPause
		}
		timer := time.NewTimer(pause + time.Duration(jitter*rand.Float64()*float64(pause)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		pause = min(2*pause, mostPause)
	}
}

// errSilent is why a stream is ended that says nothing.
var errSilent = fmt.Errorf("nothing came for %s", idleAfter)

// read opens the stream and reads it to its end, which always is an error.
func (s *stream) read(ctx context.Context, client *api.Client) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(idleAfter, func() { cancel(errSilent) })
	defer watch.Stop()

	resp, err := client.GetEventStream(ctx, nil, func(_ context.Context, req *http.Request) error {
		req.Header.Set("Accept", "text/event-stream")
		return nil
	})
	if err != nil {
		return because(ctx, err)
	}
	defer resp.Body.Close()
	if err := collectors.FromStatus(resp, time.Now()); err != nil {
		return err
	}
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || kind != "text/event-stream" {
		return errors.New("the answer is no stream of events")
	}
	s.setFailure(nil)
	s.push(piece{opened: true})
	events := newSSEReader(watched{resp.Body, watch})
	for {
		data, err := events.next()
		switch {
		case errors.Is(err, errLongEvent):
			s.push(piece{broken: true})
			continue
		case err != nil:
			return because(ctx, err)
		}
		p := piece{bytes: len(data)}
		p.broken = unmarshal(data, &p.containers) != nil
		s.push(p)
		// Whoever waits for the event goes first; the next one is not there yet.
		runtime.Gosched()
	}
}

// because is the cause of an error where that says more, without the URL.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return withoutURL(err)
}

// watched winds the watch up whenever something was read.
type watched struct {
	in interface {
		Read([]byte) (int, error)
	}
	watch *time.Timer
}

func (w watched) Read(p []byte) (int, error) {
	n, err := w.in.Read(p)
	if n > 0 {
		w.watch.Reset(idleAfter)
	}
	return n, err
}

// push numbers a piece and lines it up, unless there is no room. It never waits:
// a bridge that can't get rid of its events would cut the stream.
func (s *stream) push(p piece) {
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
	s.mu.Lock()
	s.lost = p.position
	s.lostMoves += moves(p.containers)
	s.mu.Unlock()
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

func (s *stream) setFailure(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = err
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

// faults tells what the stream lost, and why it is not open.
func (s *stream) faults(c *Collector) []error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var told []error
	if s.lostMoves > 0 {
		told = append(told, fmt.Errorf("%d presses of buttons or turns of dials were lost: the Hue bridge sent more at once than could be taken", s.lostMoves))
		s.lostMoves = 0
	}
	if s.failure != nil {
		told = append(told, fmt.Errorf("the event stream is cut, so that changes are seen at the polls only: %s", c.clean(s.failure.Error())))
	}
	return told
}

// Next returns what the bridge tells next, as collectors.Streamer has it. It opens
// the event stream if none is open. A bridge without CLIP v2, and one that no poll
// has reached yet, tells nothing.
func (c *Collector) Next(ctx context.Context) (collectors.Update, error) {
	if c.link == nil || !c.link.v2 || c.house == nil {
		<-ctx.Done()
		return collectors.Update{}, ctx.Err()
	}
	if c.stream == nil {
		c.stream = c.openStream()
	}
	for {
		if len(c.toldUpdates) > 0 {
			u := c.toldUpdates[0]
			c.toldUpdates = c.toldUpdates[1:]
			return u, nil
		}
		if c.resync {
			c.resync = false
			return collectors.Update{}, collectors.ErrResync
		}
		var p piece
		select {
		case p = <-c.stream.queue:
		default:
			// Only with the queue empty, so that it has room while the full read goes on.
			if lost := c.stream.lostAt(); lost > c.askedAt && lost > c.toldLost {
				c.toldLost = lost
				return collectors.Update{}, collectors.ErrResync
			}
			select {
			case p = <-c.stream.queue:
			case <-c.stream.wake:
				continue
			case <-ctx.Done():
				return collectors.Update{}, ctx.Err()
			}
		}
		c.stream.queued.Add(-int64(p.bytes))
		c.take(p)
	}
}

// take works one piece into the house. What comes of it is put into toldUpdates
// and resync.
//
// A piece that came before the last full read was asked for is part of that
// already, and older where the two differ: only the presses in it are news. Of
// one that came while the answer was under way that is so where the answer has a
// later report. What came after is newer, whatever the bridge's clock says.
func (c *Collector) take(p piece) {
	stale, onlyNewer := p.position <= c.askedAt, p.position <= c.readAt
	if p.opened || p.broken {
		c.resync = c.resync || !stale
	}
	var (
		step    = newStep()
		resyncs bool
	)
	for _, contained := range p.containers {
		if contained.Type != api.EventTypeUpdate {
			resyncs = true
			continue
		}
		for _, raw := range contained.Data {
			var head header
			if decode(raw, &head) != nil {
				resyncs = true
				continue
			}
			if !c.house.reads(head.Type) {
				continue
			}
			if step.touched[head.ID] {
				// Two changes of one thing must both be seen.
				c.tell(step)
				step = newStep()
			}
			if !stale {
				changed, err := c.house.update(head, raw, onlyNewer)
				if err != nil {
					resyncs = true
				}
				for _, rid := range changed {
					step.devices[rid] = true
				}
			}
			step.touched[head.ID] = c.happen(head, raw, step)
		}
	}
	c.tell(step)
	c.resync = c.resync || resyncs && !stale
}

// forgetStates leaves of what is still to be told only the events: a full read is
// newer than the states.
func (c *Collector) forgetStates() {
	pending := c.toldUpdates
	c.toldUpdates = nil
	for _, u := range pending {
		if len(u.Events) > 0 {
			c.toldUpdates = append(c.toldUpdates, collectors.Update{Events: u.Events})
		}
	}
}

// step gathers what becomes one Update.
type step struct {
	devices map[string]bool // by resource id
	touched map[string]bool // resources that have a state
	events  []collectors.Event
}

func newStep() *step { return &step{devices: make(map[string]bool), touched: make(map[string]bool)} }

// happen adds the event that a part tells of, if it is new. It returns whether the
// resource has a state, which a button and a dial have not.
func (c *Collector) happen(head header, raw []byte, s *step) (hasState bool) {
	r := c.house.services[head.ID]
	if r == nil {
		return true
	}
	key, types := eventTypes(r.value)
	if key == "" {
		return true
	}
	part := newValue(head.Type)
	if decode(raw, part) != nil {
		return false // update has seen to it
	}
	what, attributes, ok := event(part)
	id := c.house.ids[r.owner]
	if !ok || id == "" {
		return false
	}
	told := c.lastEvents[head.ID]
	if !what.at.IsZero() && slices.Contains(told, what) {
		return false
	}
	c.lastEvents[head.ID] = append(told[max(0, len(told)-mostTold+1):], what)
	c.house.learn(r, what.kind, types)
	s.devices[r.owner] = true
	s.events = append(s.events, c.buttonEvents.event(collectors.Event{DeviceID: id, Key: key, Type: what.kind, Attributes: attributes}, types))
	return false
}

// tell makes an Update of a step, if anything is in it.
func (c *Collector) tell(s *step) {
	if len(s.devices) == 0 && len(s.events) == 0 {
		return
	}
	u := collectors.Update{Events: s.events}
	for _, rid := range slices.Sorted(maps.Keys(s.devices)) {
		u.Devices = append(u.Devices, c.house.device(c, rid, &faults{})) // the next full read tells the faults
	}
	c.toldUpdates = append(c.toldUpdates, u)
}

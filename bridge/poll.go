package bridge

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/collectors"
)

// minPollGap keeps a stuck Refresh button from flooding a source.
const minPollGap = time.Second

// poller asks one collector at its interval, and in between when asked to.
type poller struct {
	task    Task
	stop    context.CancelFunc // nil before it runs
	retrier *collectors.Retrier
	refresh chan struct{} // holds one wish
	pause   pause
	log     *zap.Logger // tells which collector and endpoint it is about
}

func (p *poller) source() string   { return p.task.Collector.Source() }
func (p *poller) endpoint() string { return p.task.Collector.Endpoint() }

// polled is the outcome of one poll.
type polled struct {
	poller   *poller
	at       time.Time // when the poll began
	next     time.Time // when the next one is due
	paused   bool      // the source is left alone until then
	took     time.Duration
	retries  int64
	snapshot collectors.Snapshot
	err      error
}

// happened is what a collector's event stream told between two polls.
type happened struct {
	poller *poller
	at     time.Time
	update collectors.Update
}

// requestRefresh asks for a poll as soon as possible. It never waits.
func (p *poller) requestRefresh() {
	select {
	case p.refresh <- struct{}{}:
	default:
	}
}

// run polls at once and then at every interval from the start, until ctx ends. A
// source that throttles is left alone for longer, whoever asks for a poll. In between it follows the collector's event stream, if there is one.
func (p *poller) run(ctx context.Context, events chan<- event) {
	due := time.Now()
	for {
		began := time.Now()
		// The schedule counts from the start, so that slow polls do not shift it. A
		// poll that was asked for in between leaves it as it is.
		if late := began.Sub(due); late >= 0 {
			due = due.Add((late/p.task.Interval + 1) * p.task.Interval)
		}
		retries := p.retrier.Retries()
		snapshot, err := p.poll(ctx)
		pause := p.pause.after(err)
		if end := time.Now().Add(pause); pause > 0 && end.After(due) {
			due = end
		}
		outcome := polled{
			poller: p, at: began, next: due, paused: pause > 0, took: time.Since(began), retries: p.retrier.Retries() - retries,
			snapshot: snapshot, err: err,
		}
		if ctx.Err() != nil || !tell(ctx, events, outcome) {
			return
		}
		early := p.follow(ctx, due, pause > 0, events)
		switch {
		case pause > 0:
			sleepUntil(ctx, due)
		case early:
			sleepUntil(ctx, began.Add(minPollGap))
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// tell sends an event to the owner; false means that ctx has ended.
func tell(ctx context.Context, events chan<- event, e event) bool {
	select {
	case events <- e:
		return true
	case <-ctx.Done():
		return false
	}
}

func sleepUntil(ctx context.Context, at time.Time) {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// errRefresh ends the wait for the next poll because somebody asked for one.
var errRefresh = errors.New("a poll was asked for")

// follow passes on what happens until the next poll is due. early means that it
// is wanted before its time: somebody asked for it, or the stream may have missed
// something. In a pause, requests for a poll are dropped.
func (p *poller) follow(ctx context.Context, next time.Time, paused bool, events chan<- event) (early bool) {
	refresh := p.refresh
	if paused {
		select {
		case <-refresh:
		default:
		}
		refresh = nil
	}
	until, cancel := context.WithDeadline(ctx, next)
	waiting, stop := context.WithCancelCause(until)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel()
	watch.Go(func() {
		select {
		case <-refresh:
			stop(errRefresh)
		case <-until.Done():
			stop(nil)
		}
	})
	streamer, ok := p.task.Collector.(collectors.Streamer)
	for ok {
		update, err := p.next(waiting, streamer)
		switch {
		case err == nil:
			if !tell(ctx, events, happened{poller: p, at: time.Now(), update: update}) {
				return false
			}
		case errors.Is(err, collectors.ErrResync):
			return true
		default:
			ok = false
		}
	}
	<-waiting.Done()
	early = errors.Is(context.Cause(waiting), errRefresh)
	if r, ok := p.task.Collector.(collectors.Refresher); ok && early {
		r.Refresh()
	}
	return early
}

// next waits for what happens next. A panic costs a full read, as it costs a
// poll there.
func (p *poller) next(ctx context.Context, streamer collectors.Streamer) (update collectors.Update, err error) {
	defer func() {
		if r := recover(); r != nil {
			p.log.Error("following the event stream failed unexpectedly", zap.Any("panic", r), zap.Stack("stack"))
			update, err = collectors.Update{}, collectors.ErrResync
		}
	}()
	return streamer.Next(ctx)
}

// poll asks the collector once. A poll with its retries never outlasts the
// interval. A collector that panics has met an answer that nobody foresaw: that
// costs this poll, not the process.
func (p *poller) poll(ctx context.Context) (snapshot collectors.Snapshot, err error) {
	ctx, cancel := context.WithTimeout(ctx, p.task.Interval)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			p.log.Error("reading the answer failed unexpectedly", zap.Any("panic", r), zap.Stack("stack"))
			snapshot = collectors.Snapshot{}
			err = &collectors.PermanentError{
				Kind: "panic",
				Err:  fmt.Errorf("%s: reading the answer failed unexpectedly; the log has the place", p.endpoint()),
			}
		}
	}()
	return p.task.Collector.Collect(ctx, p.retrier)
}

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

// Task is a collector to run.
type Task struct {
	Collector collectors.Collector
	Interval  time.Duration
	// AlertFile is the name, in the state directory, of the file that reports an
	// authentication failure of the collector's source.
	AlertFile string
}

// minPollGap is the minimum time between requested polls. It keeps a stuck Refresh
// button from flooding a source.
const minPollGap = time.Second

// poller polls one collector at its interval and on request, and follows its event
// stream in between. run belongs to one goroutine.
type poller struct {
	task    Task
	retrier *collectors.Retrier
	wanted  chan struct{} // holds one request for a poll
	backoff backoff
	log     *zap.Logger // with the fields collector and endpoint
}

func (p *poller) source() string { return p.task.Collector.Source() }
func (p *poller) name() string   { return p.task.Collector.Endpoint() }

// pollResult is the outcome of one poll.
type pollResult struct {
	start    time.Time
	next     time.Time // when the next poll is due
	paused   bool      // the source is throttled and not polled until then
	took     time.Duration
	retries  int64
	snapshot collectors.Snapshot
	err      error
}

// pollHandler receives what a poller reads. An error ends the poller.
type pollHandler interface {
	polled(context.Context, pollResult) error
	updated(ctx context.Context, at time.Time, update collectors.Update) error
}

// requestPoll asks for a poll as soon as possible. It never waits.
func (p *poller) requestPoll() {
	select {
	case p.wanted <- struct{}{}:
	default:
	}
}

// run polls immediately and then at every interval until ctx is done. A throttled
// source is paused for longer, even if a poll is requested.
func (p *poller) run(ctx context.Context, handler pollHandler) {
	due := time.Now()
	for {
		start := time.Now()
		// The schedule counts from the start, so slow and requested polls do not shift it.
		if late := start.Sub(due); late >= 0 {
			due = due.Add((late/p.task.Interval + 1) * p.task.Interval)
		}
		retries := p.retrier.Retries()
		snapshot, err := p.poll(ctx)
		pause := p.backoff.after(err)
		if end := time.Now().Add(pause); pause > 0 && end.After(due) {
			due = end
		}
		result := pollResult{
			start: start, next: due, paused: pause > 0, took: time.Since(start), retries: p.retrier.Retries() - retries,
			snapshot: snapshot, err: err,
		}
		if ctx.Err() != nil || handler.polled(ctx, result) != nil {
			return
		}
		early := p.follow(ctx, due, pause > 0, handler)
		switch {
		case pause > 0:
			sleepUntil(ctx, due)
		case early:
			sleepUntil(ctx, start.Add(minPollGap))
		}
		if ctx.Err() != nil {
			return
		}
	}
}

func sleepUntil(ctx context.Context, at time.Time) {
	select {
	case <-time.After(time.Until(at)):
	case <-ctx.Done():
	}
}

// poll reads the collector once. A poll with its retries never outlasts the interval.
// A collector may panic on an unforeseen response: that fails this poll only.
func (p *poller) poll(ctx context.Context) (snapshot collectors.Snapshot, err error) {
	ctx, cancel := context.WithTimeout(ctx, p.task.Interval)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			p.log.Error("reading the response failed unexpectedly", zap.Any("panic", r), zap.Stack("stack"))
			snapshot = collectors.Snapshot{}
			err = &collectors.PermanentError{
				Kind: "panic",
				Err:  fmt.Errorf("%s: reading the response failed unexpectedly; see the log", p.name()),
			}
		}
	}()
	return p.task.Collector.Collect(ctx, p.retrier)
}

// errRefresh ends the wait for the next poll because one was requested.
var errRefresh = errors.New("a poll was requested")

// follow passes on updates until the next poll is due. early reports that the poll is
// wanted before: it was requested, or the event stream may have missed something. In a
// pause, requests are dropped.
func (p *poller) follow(ctx context.Context, next time.Time, paused bool, handler pollHandler) (early bool) {
	wanted := p.wanted
	if paused {
		select {
		case <-wanted:
		default:
		}
		wanted = nil
	}
	until, cancel := context.WithDeadline(ctx, next)
	waiting, stop := context.WithCancelCause(until)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel()
	watch.Go(func() {
		select {
		case <-wanted:
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
			if handler.updated(ctx, time.Now(), update) != nil {
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

// next waits for the next update. A panic costs a full read, as in poll.
func (p *poller) next(ctx context.Context, streamer collectors.Streamer) (update collectors.Update, err error) {
	defer func() {
		if r := recover(); r != nil {
			p.log.Error("following the event stream failed unexpectedly", zap.Any("panic", r), zap.Stack("stack"))
			update, err = collectors.Update{}, collectors.ErrResync
		}
	}()
	return streamer.Next(ctx)
}

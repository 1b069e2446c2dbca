package bridge

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"hueair2mqtt/collectors"
)

// minPollGap keeps a stuck Refresh button from flooding a source.
const minPollGap = time.Second

// poller asks one collector at its interval, and in between when asked to.
type poller struct {
	task    Task
	retrier *collectors.Retrier
	refresh chan struct{} // holds one wish
}

// polled is the outcome of one poll.
type polled struct {
	poller   *poller
	at       time.Time // when the poll began
	snapshot collectors.Snapshot
	err      error
}

// requestRefresh asks for a poll as soon as possible. It never waits.
func (p *poller) requestRefresh() {
	select {
	case p.refresh <- struct{}{}:
	default:
	}
}

// run polls at once and then at every interval from the start, until ctx ends.
func (p *poller) run(ctx context.Context, events chan<- event) {
	start := time.Now()
	for {
		began := time.Now()
		snapshot, err := p.poll(ctx)
		if ctx.Err() != nil {
			return
		}
		select {
		case events <- polled{poller: p, at: began, snapshot: snapshot, err: err}:
		case <-ctx.Done():
			return
		}
		// The schedule counts from the start, so that slow polls do not shift it;
		// a point of it that has passed meanwhile is left out.
		elapsed := time.Since(start)
		next := start.Add((elapsed/p.task.Interval + 1) * p.task.Interval)
		if !p.wait(ctx, began, next) {
			return
		}
	}
}

// wait returns true when the next poll is due, false when ctx has ended.
func (p *poller) wait(ctx context.Context, began, next time.Time) bool {
	timer := time.NewTimer(time.Until(next))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	case <-p.refresh:
	}
	gap := time.NewTimer(time.Until(began.Add(minPollGap)))
	defer gap.Stop()
	select {
	case <-gap.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// poll asks the collector once. A poll with its retries never outlasts the
// interval. A collector that panics has met an answer that nobody foresaw: that
// costs this poll, not the process.
func (p *poller) poll(ctx context.Context) (snapshot collectors.Snapshot, err error) {
	ctx, cancel := context.WithTimeout(ctx, p.task.Interval)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			snapshot = collectors.Snapshot{}
			err = &collectors.PermanentError{
				Kind: "panic",
				Err:  fmt.Errorf("%s: reading the answer failed unexpectedly: %v\n%s", p.task.Collector.Endpoint(), r, debug.Stack()),
			}
		}
	}()
	return p.task.Collector.Collect(ctx, p.retrier)
}

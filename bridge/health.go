package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// overdueAfter is how many intervals may pass without a poll. A poll with its
// retries lasts up to one interval, so that a bridge that works never lets more than
// two pass from the start of one poll to the end of the next.
const overdueAfter = 3

// Healthy returns an error if the owner doesn't answer before ctx is done, or if a
// source was not polled for three of its intervals. The pause of a throttled source
// is no such time. A poll that failed counts: a
// source that can't be reached is not mended by a restart of this program.
//
// The text of the error is one line and names no address.
func (l *Live) Healthy(ctx context.Context) error {
	return l.examine(ctx, (*owner).unhealthy)
}

// Ready is Healthy, and returns an error as well before the first poll of every
// source and while there is no connection to the broker.
func (l *Live) Ready(ctx context.Context) error {
	return l.examine(ctx, (*owner).unready)
}

func (l *Live) examine(ctx context.Context, look func(*owner) error) error {
	var found error
	err := l.do(ctx, func(_ context.Context, w *owner) { found = look(w) })
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("the bridge does not answer")
	}
	return errors.Join(err, found)
}

func (w *owner) unhealthy() error {
	for _, p := range w.pollers {
		end := w.endpoints[p]
		last := end.lastPoll
		if !end.polled {
			last = end.added
		}
		due := later(last, end.paused.until) // a pause is meant to be without polls
		if silent := time.Since(last); time.Since(due) > overdueAfter*p.task.Interval {
			return fmt.Errorf("%s was not polled for %s, although its interval is %s", p.source(), silent.Round(time.Second), p.task.Interval)
		}
	}
	return nil
}

func (w *owner) unready() error {
	if err := w.unhealthy(); err != nil {
		return err
	}
	for _, p := range w.pollers {
		if !w.endpoints[p].polled {
			return fmt.Errorf("%s was not polled yet", p.source())
		}
	}
	if w.out == nil && !w.options.Preview {
		return errors.New("there is no connection to the broker")
	}
	return nil
}

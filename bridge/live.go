package bridge

import (
	"context"
	"errors"
)

// Live looks into a running bridge and makes requests to it. It belongs to one Run,
// whose Options name it. The owner carries out every call between two events.
type Live struct{ inbox }

// NewLive returns the Live of one Run.
func NewLive() *Live { return &Live{newInbox()} }

// call is a function that runs in the owner's goroutine.
type call struct {
	run  func(ctx context.Context, w *owner)
	done chan struct{}
}

func (c call) handle(ctx context.Context, w *owner) (changed bool) {
	c.run(ctx, w)
	close(c.done)
	return false
}

// call runs a function in the owner's goroutine and waits for it.
func (l *Live) call(ctx context.Context, run func(ctx context.Context, w *owner)) error {
	c := call{run, make(chan struct{})}
	if err := l.send(ctx, c); err != nil {
		return err
	}
	<-c.done
	return nil
}

// Picture returns a copy of the bridge's state.
func (l *Live) Picture(ctx context.Context) (p Picture, err error) {
	err = l.call(ctx, func(_ context.Context, w *owner) { p = w.state.picture() })
	return p, err
}

// Watch calls changed, which must not block, after every event until ctx is done.
func (l *Live) Watch(ctx context.Context, changed func()) error {
	key := new(byte)
	if err := l.call(ctx, func(_ context.Context, w *owner) { w.watchers[key] = changed }); err != nil {
		return err
	}
	context.AfterFunc(ctx, func() {
		// The only error is that the bridge has stopped.
		_ = l.call(context.Background(), func(_ context.Context, w *owner) { delete(w.watchers, key) })
	})
	return nil
}

// Refresh polls a source now, or all sources if there is none of that name.
func (l *Live) Refresh(ctx context.Context, source string) error {
	return l.call(ctx, func(_ context.Context, w *owner) {
		_, _ = w.requests.refresh(source) // that a source is paused is in the picture
	})
}

// Acknowledge marks the problem of a source as seen, so that no notification follows.
func (l *Live) Acknowledge(ctx context.Context, source string) error {
	var failed error
	err := l.call(ctx, func(_ context.Context, w *owner) { _, failed = w.requests.acknowledge(source) })
	return errors.Join(err, failed)
}

// Add adds a collector to a running bridge. It returns false, and the caller keeps the
// collector, if the bridge has one for that endpoint already.
func (l *Live) Add(ctx context.Context, task Task) (added bool, err error) {
	err = l.call(ctx, func(ctx context.Context, w *owner) { added = w.add(ctx, task) == nil })
	return added, err
}

// Remove stops a collector, which the bridge then closes. Its devices become unavailable
// until another collector reports them. It returns false if there is none for that
// endpoint.
func (l *Live) Remove(ctx context.Context, source, endpoint string) (removed bool, err error) {
	err = l.call(ctx, func(_ context.Context, w *owner) {
		if e := w.state.endpoint(source, endpoint); e != nil {
			w.remove(e)
			removed = true
		}
	})
	return removed, err
}

// Healthy returns an error if the owner does not respond before ctx is done, or if a
// source was not polled for three of its intervals. A pause of a throttled source does
// not count. A failed poll counts as a poll: restarting the program does not repair a
// source that cannot be reached.
//
// The text of the error is one line without addresses.
func (l *Live) Healthy(ctx context.Context) error { return l.examine(ctx, (*state).unhealthy) }

// Ready is Healthy, and returns an error too before the first poll of every source and
// while there is no connection to the broker.
func (l *Live) Ready(ctx context.Context) error { return l.examine(ctx, (*state).unready) }

func (l *Live) examine(ctx context.Context, examine func(*state) error) error {
	var found error
	err := l.call(ctx, func(_ context.Context, w *owner) { found = examine(w.state) })
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("the bridge does not respond")
	}
	return errors.Join(err, found)
}

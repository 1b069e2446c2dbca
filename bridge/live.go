package bridge

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"hueair2mqtt/collectors"
)

// Live looks into a running bridge from outside, and asks it for things. It belongs
// to one Run, whose Options name it. All that it does is done by the owner, between
// two events; a bridge that nobody looks into has no cost.
type Live struct {
	asks chan ask
	gone chan struct{} // closed when the owner takes no more asks
}

// ask is something that the owner does for somebody outside. It must not wait.
type ask func(ctx context.Context, w *owner)

// ErrStopped says that the bridge runs no more.
var ErrStopped = errors.New("the bridge has stopped")

// NewLive makes the Live of one Run.
func NewLive() *Live { return &Live{asks: make(chan ask), gone: make(chan struct{})} }

// do has the owner do something and waits for that.
func (l *Live) do(ctx context.Context, what ask) error {
	done := make(chan struct{})
	select {
	case l.asks <- func(ctx context.Context, w *owner) { what(ctx, w); close(done) }:
		<-done
		return nil
	case <-l.gone:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Picture is what a bridge knows at one moment. It is a copy.
type Picture struct {
	Version string
	Started time.Time
	Broker  BrokerPicture
	Sources []SourcePicture // sorted by name
	Devices []DevicePicture // sorted by id
}

// BrokerPicture is the state of the connection to the broker.
type BrokerPicture struct {
	Address   string // of the last connection; empty before the first
	Connected bool
	Since     time.Time // of Connected; zero before the first connection
	Error     string    // of the last try, while there is no connection
}

// SourcePicture is the state of one source.
type SourcePicture struct {
	Source    string
	Problem   ProblemPicture
	Endpoints []EndpointPicture
}

// ProblemPicture is a problem that only the user can mend. Since is zero if there
// is none.
type ProblemPicture struct {
	Reason, Code, Remedy string
	Since                time.Time
	Acknowledged         bool
}

// EndpointPicture is the health of one Hue bridge or one account.
type EndpointPicture struct {
	Endpoint    string
	LastPoll    time.Time // zero before the first
	LastSuccess time.Time // zero before the first
	NextPoll    time.Time // zero before the first
	PausedUntil time.Time // zero unless the source asks for fewer requests
	Error       string    // of the last poll; empty if it was good
	Remedy      string    // for Error, while the source pauses or where the endpoint seems to be replaced; else empty
	Devices     int
}

// DevicePicture is one device.
type DevicePicture struct {
	collectors.Device
	Source    string
	Reachable bool      // whether its source could be asked
	Since     time.Time // when Online last changed, or was first known
}

// Picture takes a picture.
func (l *Live) Picture(ctx context.Context) (p Picture, err error) {
	err = l.do(ctx, func(_ context.Context, w *owner) { p = w.picture() })
	return p, err
}

// Watch calls changed, which must not wait, after everything that happened in the
// bridge, until ctx ends.
func (l *Live) Watch(ctx context.Context, changed func()) error {
	key := new(byte)
	if err := l.do(ctx, func(_ context.Context, w *owner) { w.watchers[key] = changed }); err != nil {
		return err
	}
	context.AfterFunc(ctx, func() {
		// That the bridge has stopped ends the watching just as well.
		_ = l.do(context.Background(), func(_ context.Context, w *owner) { delete(w.watchers, key) })
	})
	return nil
}

// Refresh polls a source now, or all if there is none of that name.
func (l *Live) Refresh(ctx context.Context, source string) error {
	return l.do(ctx, func(_ context.Context, w *owner) { w.refresh(source) })
}

// Acknowledge marks a source's problem as seen, so that no mail follows.
func (l *Live) Acknowledge(ctx context.Context, source string) error {
	var r response
	if err := l.do(ctx, func(_ context.Context, w *owner) { r = w.acknowledge(source) }); err != nil {
		return err
	}
	if r.Error != "" {
		return errors.New(r.Error)
	}
	return nil
}

// Add gives a running bridge another collector. It returns false, and the caller
// keeps the collector, if the bridge has one for that endpoint already.
func (l *Live) Add(ctx context.Context, task Task) (added bool, err error) {
	failed := l.do(ctx, func(ctx context.Context, w *owner) {
		p, addErr := w.addTask(task)
		if addErr != nil {
			return
		}
		added = true
		w.announceSource(task.Collector.Source())
		w.begin(ctx, p)
	})
	return added, failed
}

// Remove ends a collector, which the bridge closes. Its devices become unavailable
// until another collector has them. It returns false if there is none for that
// endpoint.
func (l *Live) Remove(ctx context.Context, source, endpoint string) (removed bool, err error) {
	failed := l.do(ctx, func(_ context.Context, w *owner) { removed = w.removeTask(source, endpoint) })
	return removed, failed
}

// picture copies what the owner knows.
func (w *owner) picture() Picture {
	p := Picture{
		Version: w.options.Version, Started: w.started,
		Broker: BrokerPicture{Address: w.broker, Connected: w.out != nil, Since: w.brokerSince, Error: w.brokerError},
	}
	devices := make(map[*poller]int)
	for _, id := range slices.Sorted(maps.Keys(w.devices)) {
		d := w.devices[id]
		devices[d.poller]++
		seen := DevicePicture{Device: d.Device, Source: d.poller.source(), Reachable: d.reachable, Since: d.since}
		seen.Readings = maps.Clone(d.Readings)
		seen.EventTypes = maps.Clone(d.EventTypes)
		p.Devices = append(p.Devices, seen)
	}
	for _, source := range w.sources() {
		s := SourcePicture{Source: source}
		if a := w.alerts[source]; a.raised() {
			told := a.told()
			s.Problem = ProblemPicture{Reason: told.reason, Code: told.code, Remedy: told.remedy, Since: a.since, Acknowledged: !a.acknowledged.IsZero()}
		}
		for _, of := range w.pollers {
			if of.source() != source {
				continue
			}
			end := w.endpoints[of]
			e := EndpointPicture{Endpoint: of.endpoint(), LastPoll: end.lastPoll, LastSuccess: end.lastSuccess, NextPoll: end.nextPoll, PausedUntil: end.paused.until, Devices: devices[of]}
			if end.err != nil {
				e.Error = oneLine(end.err.Error())
			}
			switch {
			case end.presence == replaced:
				e.Remedy = of.removal()
			case end.paused.now():
				e.Remedy = end.paused.remedy
			}
			s.Endpoints = append(s.Endpoints, e)
		}
		p.Sources = append(p.Sources, s)
	}
	return p
}

// tellWatchers tells those who look that something has happened.
func (w *owner) tellWatchers() {
	for _, changed := range w.watchers {
		changed()
	}
}

package bridge

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/bridge/mqtt"
	"hueair2mqtt/collectors"
	"hueair2mqtt/discovery"
)

// ownerEvent is a message to the owner.
type ownerEvent interface {
	// handle handles the event in the owner's goroutine, which it must not block. It
	// reports whether it may have changed anything.
	handle(ctx context.Context, w *owner) (changed bool)
}

// ErrStopped is returned when the bridge does not run any more.
var ErrStopped = errors.New("the bridge has stopped")

// inbox carries events to the owner.
type inbox struct {
	events chan ownerEvent
	closed chan struct{} // when the owner has stopped
}

func newInbox() inbox { return inbox{make(chan ownerEvent), make(chan struct{})} }

// send sends an event and waits until the owner has received it. Its error is ErrStopped
// or that of ctx.
func (in inbox) send(ctx context.Context, e ownerEvent) error {
	select {
	case in.events <- e:
		return nil
	case <-in.closed:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// owner owns the state. It handles one event at a time and publishes what has changed.
type owner struct {
	inbox
	state     *state
	publisher *publisher
	rebirth   *rebirth
	requests  requestHandler
	service   service
	observer  Observer
	watchers  map[*byte]func() // called after every change
	start     func(ctx context.Context, e *endpoint)
	log       *zap.Logger
}

// run handles events until ctx is done, then publishes that the bridge is offline.
// handleConnected reports whether there is a connection to send that.
func (w *owner) run(ctx context.Context) (connected bool) {
	defer close(w.closed)
	pingDue := w.service.begin()
	defer w.service.end()
	w.service.show(w.state)
	for {
		select {
		case <-ctx.Done():
			w.rebirth.stop()
			if connected = w.state.broker.Connected; connected {
				w.publisher.close()
			}
			return connected
		case <-pingDue:
			w.service.ping()
		case <-w.rebirth.timer.C:
			w.rebirth.proceed()
		case e := <-w.events:
			if e.handle(ctx, w) {
				for _, changed := range w.watchers {
					changed()
				}
			}
		}
	}
}

// handlePoll handles the outcome of a poll.
func (w *owner) handlePoll(ctx context.Context, e *endpoint, r pollResult) {
	if e.record(r) {
		w.publisher.problem(e.source())
	}
	w.observer.Polled(e.source(), e.name(), r.start, r.took, r.retries, r.err)
	if r.err == nil {
		w.pollSucceeded(e, r)
	} else {
		w.pollFailed(ctx, e, r.err)
	}
	w.publisher.info()
	w.service.show(w.state)
}

func (w *owner) pollSucceeded(e *endpoint, r pollResult) {
	if e.replaced {
		e.replaced = false
		e.retrier.SetQuiet(false)
		e.log.Info("the endpoint answers again")
	}
	e.logFaults(r.snapshot.Faults)
	w.updateDevices(e, r.start, r.snapshot.Devices)
	w.loseMissing(e, r.snapshot.Devices)
	w.state.alerts.Clear(e.source(), e.name())
}

// updateDevices records and publishes what an endpoint reports of devices.
func (w *owner) updateDevices(e *endpoint, at time.Time, found []collectors.Device) {
	changed := false
	for _, f := range found {
		if d := w.state.updateDevice(e, f); d != nil {
			changed = w.publisher.announceDevice(d) || changed
			w.publisher.reading(d, at)
		}
	}
	if changed {
		w.publisher.deviceList()
	}
}

// loseMissing makes the devices of an endpoint unavailable that it no longer reports.
func (w *owner) loseMissing(e *endpoint, found []collectors.Device) {
	seen := make(map[string]bool, len(found))
	for _, f := range found {
		seen[f.ID] = true
	}
	var lost []string
	for _, d := range w.state.devicesOf(e) {
		if seen[d.ID] {
			continue
		}
		if d.Online {
			lost = append(lost, d.ID)
		}
		d.lose(true)
		w.publisher.device(d)
	}
	if len(lost) > 0 {
		e.log.Warn("devices are no longer reported by their source; they stay in Home Assistant as unavailable",
			zap.Int("lost", len(lost)), zap.Strings("devices", lost[:min(len(lost), maxLogged)]))
	}
}

func (w *owner) pollFailed(ctx context.Context, e *endpoint, err error) {
	var exhausted *collectors.ExhaustedError
	switch {
	case collectors.ClassOf(err) == collectors.Authentication:
		w.state.alerts.Raise(ctx, e.source(), e.name(), err)
	case w.state.isReplaced(e):
		w.logReplaced(e)
	case errors.As(err, &exhausted): // logged by the retry, with all attempts
	case e.throttling.active(): // logged when it was recorded
	default:
		e.log.Error("poll failed", zap.String("kind", collectors.KindOf(err)), zap.Error(err))
	}
	for _, d := range w.state.devicesOf(e) {
		d.lose(false)
		w.publisher.device(d)
	}
}

// logReplaced logs once that an endpoint seems to be replaced, with the remedy.
func (w *owner) logReplaced(e *endpoint) {
	if e.replaced {
		return
	}
	e.replaced = true
	e.retrier.SetQuiet(true)
	e.log.Warn("the endpoint does not answer, and its devices are at another one; this is not logged again until it answers",
		zap.Error(e.err), zap.String("remedy", "If it was replaced, "+e.removal()+"; if not, check its power and network."))
}

// handleUpdate handles an update of an event stream.
func (w *owner) handleUpdate(e *endpoint, at time.Time, update collectors.Update) {
	w.updateDevices(e, at, update.Devices)
	for _, pressed := range update.Events {
		w.publisher.publishEvent(pressed)
	}
}

// handleConnected handles a new connection to the broker.
func (w *owner) handleConnected(broker string, out *mqtt.Outbox) {
	w.state.broker = BrokerPicture{Address: broker, Connected: true, Since: time.Now()}
	w.observer.Connected()
	w.publisher.connect(out)
	w.service.show(w.state)
}

// handleDisconnected handles the loss of a connection.
func (w *owner) handleDisconnected(out *mqtt.Outbox) {
	if w.publisher.out != out {
		return // it was lost before the owner knew of it
	}
	w.state.broker.Connected, w.state.broker.Since = false, time.Now()
	w.observer.Disconnected()
	w.rebirth.stop()
	w.publisher.disconnect()
	w.service.show(w.state)
}

// handleReceived handles a message from the broker. A retained request or birth message is
// old and is ignored: a new connection publishes everything anyway.
func (w *owner) handleReceived(m mqtt.Received) {
	topics, payload := w.publisher.announcer, strings.TrimSpace(string(m.Payload))
	switch name, isRequest := topics.RequestName(m.Topic); {
	case m.Topic == topics.BridgeDevices() && m.Retained:
		if w.state.previous.addDevices(m.Payload) {
			w.publisher.deviceList()
			w.publisher.previousRun()
		}
	case m.Topic == topics.BridgeInfo() && m.Retained:
		w.state.addPreviousSources(m.Payload)
		w.publisher.previousRun()
	case m.Retained:
	case m.Topic == topics.Birth():
		if payload == discovery.Online && w.state.broker.Connected {
			w.log.Info("Home Assistant has started; announcing all devices to it")
			w.rebirth.birth()
		}
	case isRequest:
		w.requests.handle(name, payload)
	}
}

// add adds a task and starts its poller. Its error is that there is one for the endpoint.
func (w *owner) add(ctx context.Context, task Task) error {
	e, err := w.state.addEndpoint(task)
	if err != nil {
		return err
	}
	source := e.source()
	w.observer.Polls(source, e.name())
	delete(w.state.previous.sources, source)
	w.publisher.announceSource(source)
	w.publisher.problem(source)
	w.start(ctx, e)
	return nil
}

// remove stops the poller of an endpoint and makes its devices unavailable.
func (w *owner) remove(e *endpoint) {
	e.stop()
	e.log.Info("the endpoint was removed and is no longer polled")
	w.state.removeEndpoint(e)
	w.state.alerts.Clear(e.source(), e.name())
	w.observer.Forgets(e.source(), e.name())
	for _, d := range w.state.devicesOf(e) {
		e.log.Warn("a device is no longer read; it stays in Home Assistant as unavailable", zap.String("device", d.ID), zap.String("name", d.Name))
		d.lose(false)
		w.publisher.device(d)
	}
	w.publisher.info()
	w.service.show(w.state)
}

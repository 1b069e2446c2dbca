package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/collectors"
	"hueair2mqtt/discovery"
	"hueair2mqtt/internal/history"
)

// owner owns the states of all devices and all alerts. Only its own goroutine,
// run, touches them.
type owner struct {
	options   Options
	announcer discovery.Announcer
	events    chan event
	pollers   []*poller
	started   time.Time
	log       *zap.Logger

	endpoints map[*poller]*endpoint
	alerts    map[string]*alert // by source
	devices   map[string]*device

	former former

	history *history.Log // nil unless readings are kept for a broker that is away

	out         *outbox // nil while there is no connection
	broker      string  // the one of the last connection
	brokerSince time.Time
	brokerError string    // why there is no connection
	rebirth     *rebirth  // nil if no birth is to be answered
	reborn      time.Time // when the last rebirth began
	mails       sync.WaitGroup
	service     service

	begin    func(ctx context.Context, p *poller) // lets a poller run
	watchers map[*byte]func()                     // told after every event
}

// endpoint is the health of what one poller asks.
type endpoint struct {
	added       time.Time
	polled      bool // at least once
	lastPoll    time.Time
	lastSuccess time.Time // zero before the first
	nextPoll    time.Time
	paused      pausedSource
	err         error // of the last poll
	failures    int   // polls in a row
	presence    presence
	moved       int             // of its devices, to other endpoints
	faults      map[string]bool // of the last poll, to tell only news
}

// device is a device with what has been told about it.
type device struct {
	collectors.Device
	poller *poller // whose poll saw it last

	// reachable says whether the device's source could be asked.
	reachable bool

	since time.Time // when Online last changed

	// What this connection's broker has been told.
	announced    announced
	availability string
}

// announced is all of a device that its announcement says. Entities are counted:
// take only ever adds to them.
type announced struct {
	name, area, manufacturer, model, softwareVersion, serial string
	readings, events                                         int
}

func (d *device) announcement() announced {
	return announced{
		d.Name, d.Area, d.Manufacturer, d.Model, d.SoftwareVersion, d.Serial,
		len(d.Readings) + 1, len(d.EventTypes), // + 1: never the zero announced
	}
}

// forget makes the next announcement and availability news again.
func (d *device) forget() { d.announced, d.availability = announced{}, "" }

func newOwner(o Options, events chan event) (*owner, error) {
	w := &owner{
		options:   o,
		announcer: discovery.Announcer{Topics: o.topics(), Version: o.Version},
		events:    events,
		started:   time.Now(),
		log:       o.Log,
		endpoints: make(map[*poller]*endpoint),
		alerts:    make(map[string]*alert),
		devices:   make(map[string]*device),
		former:    newFormer(),
		watchers:  make(map[*byte]func()),
		service:   service{manager: o.ServiceManager, log: o.Log},
	}
	for _, task := range o.Tasks {
		if _, err := w.addTask(task); err != nil {
			return nil, err
		}
	}
	if o.Preview {
		return w, nil
	}
	for _, source := range w.sources() {
		if err := w.alerts[source].restore(w.endpointsOf(source)); err != nil {
			w.log.Error("an alert file of an earlier run can't be read; it will be written anew if the problem is still there",
				zap.String("file", w.alerts[source].file), zap.Error(err))
		}
	}
	return w, nil
}

// addTask makes the poller of a task. Its error is that there is one already.
func (w *owner) addTask(task Task) (*poller, error) {
	source, asked := task.Collector.Source(), task.Collector.Endpoint()
	for _, p := range w.pollers {
		if p.source() == source && p.endpoint() == asked {
			return nil, fmt.Errorf("%s %s is configured twice: remove one of the two", source, asked)
		}
	}
	p := &poller{
		task:    task,
		retrier: collectors.NewRetrier(RetryPolicy(w.options.Retry), source, w.options.Log),
		refresh: make(chan struct{}, 1),
		log:     w.options.Log.With(zap.String("collector", source), zap.String("endpoint", asked)),
	}
	w.pollers = append(w.pollers, p)
	w.endpoints[p] = &endpoint{added: time.Now()}
	w.options.Observer.Polls(source, asked)
	if w.alerts[source] == nil {
		w.alerts[source] = newAlert(source, w.options.StateDir, task.AlertFile)
	}
	return p, nil
}

// sources are all sources in a fixed order.
func (w *owner) sources() []string { return slices.Sorted(maps.Keys(w.alerts)) }

func (w *owner) endpointsOf(source string) []string {
	var names []string
	for _, p := range w.pollers {
		if p.source() == source {
			names = append(names, p.endpoint())
		}
	}
	return names
}

// run handles events until ctx ends, then hands the last message to the session.
// connected says whether there is a session to send it.
func (w *owner) run(ctx context.Context) (connected bool) {
	// Mails end with ctx; their goroutines are waited for.
	defer w.mails.Wait()
	var asks <-chan ask
	if l := w.options.Live; l != nil {
		asks = l.asks
		defer close(l.gone)
	}
	pingDue := w.service.begin()
	defer w.service.end()
	w.showStatus()
	for {
		var spread <-chan time.Time
		if w.rebirth != nil {
			spread = w.rebirth.timer.C
		}
		select {
		case <-ctx.Done():
			if w.rebirth != nil {
				w.rebirth.timer.Stop()
			}
			if w.out == nil {
				return false
			}
			w.publish(w.announcer.BridgeState(), []byte(discovery.Offline))
			w.out.close()
			return true
		case <-pingDue:
			w.service.ping()
		case <-spread:
			w.continueRebirth()
		case e := <-w.events:
			w.handle(ctx, e)
			w.tellWatchers()
		case ask := <-asks:
			ask(ctx, w)
		}
	}
}

func (w *owner) handle(ctx context.Context, e event) {
	switch e := e.(type) {
	case polled:
		if w.endpoints[e.poller] != nil { // or it was removed meanwhile
			w.handlePolled(ctx, e)
			w.showStatus()
		}
	case happened:
		if w.endpoints[e.poller] != nil {
			w.handleHappened(e)
		}
	case connectionUp:
		w.out, w.broker, w.brokerSince, w.brokerError = e.out, e.broker, time.Now(), ""
		w.publishEverything()
		w.showStatus()
	case connectionFailed:
		w.brokerError = oneLine(e.err.Error())
	case connectionDown:
		if w.out == e.out {
			w.out, w.brokerSince = nil, time.Now()
			w.stopRebirth()
			w.showStatus()
			w.keepUnacknowledged()
		}
	case received:
		w.handleReceived(e)
	case mailed:
		w.handleMailed(e)
	default:
		panic(fmt.Sprintf("unknown event %T", e))
	}
}

func (w *owner) handlePolled(ctx context.Context, e polled) {
	p := e.poller
	end := w.endpoints[p]
	end.polled, end.lastPoll, end.nextPoll, end.err = true, e.at, e.next, e.err
	w.takePause(e)
	p.log.Debug("polled", zap.Int("devices", len(e.snapshot.Devices)), zap.Duration("took", e.took), zap.Bool("good", e.err == nil))
	w.options.Observer.Polled(p.source(), p.endpoint(), e.at, e.took, e.retries, e.err)
	if e.err == nil {
		end.lastSuccess, end.failures = e.at, 0
		w.noteBack(p)
		w.tellFaults(p, e.snapshot.Faults)
		w.takeSnapshot(p, e.at, e.snapshot)
		w.clearAlert(p)
	} else {
		w.takeFailure(ctx, p, e.err)
	}
	w.publishInfo()
}

// takeSnapshot makes what a poll saw the truth.
func (w *owner) takeSnapshot(p *poller, at time.Time, snapshot collectors.Snapshot) {
	seen := make(map[string]bool, len(snapshot.Devices))
	for _, found := range snapshot.Devices {
		seen[found.ID] = true
	}
	w.takeDevices(p, at, snapshot.Devices)
	var lost []string
	for _, id := range slices.Sorted(maps.Keys(w.devices)) {
		if d := w.devices[id]; d.poller == p && !seen[id] {
			if d.Online {
				lost = append(lost, id)
			}
			d.lose(true)
			w.publishDevice(d)
		}
	}
	if len(lost) > 0 {
		p.log.Warn("devices are no longer reported by their source; they stay in Home Assistant as unavailable",
			zap.Int("lost", len(lost)), zap.Strings("devices", lost[:min(len(lost), maxTold)]))
	}
}

// maxTold bounds how many entries of a list are logged.
const maxTold = 10

// takeDevices makes what was found of these devices, at that time, the truth.
func (w *owner) takeDevices(p *poller, at time.Time, devices []collectors.Device) {
	changed := false
	for _, found := range devices {
		d := w.devices[found.ID]
		if d == nil {
			d = &device{since: time.Now()}
			w.devices[found.ID] = d
		} else if d.poller != p && d.Online && !found.Online {
			continue // a device that has moved to another endpoint: the one that reaches it is right
		}
		d.take(found)
		if end := w.endpoints[d.poller]; d.poller != p && end != nil {
			end.moved++
		}
		d.poller, d.reachable = p, true
		if w.options.OnReadings != nil {
			w.options.OnReadings(d.ID, d.Readings)
		}
		if w.announce(d) {
			changed = true
		}
		w.publishReading(d, at)
	}
	if changed {
		w.publishDevices()
	}
}

// handleHappened takes what an event stream told. An event of a time when there
// is no connection is gone: what a button started must not start hours later.
func (w *owner) handleHappened(e happened) {
	w.takeDevices(e.poller, e.at, e.update.Devices)
	for _, happening := range e.update.Events {
		if w.out != nil && w.devices[happening.DeviceID] != nil {
			w.publishEvent(w.announcer.Event(happening.DeviceID, happening.Key), discovery.EventPayload(happening))
		}
	}
}

// take replaces what is known of a device by what was found. A name that the
// source did not tell this time, and entities that it once had, stay.
func (d *device) take(found collectors.Device) {
	readings := make(map[collectors.Measurement]collectors.Value, len(found.Readings))
	for measurement := range d.Readings {
		readings[measurement] = collectors.Unknown
	}
	maps.Copy(readings, found.Readings)
	known := d.Device
	if known.ID != "" && known.Online != found.Online {
		d.since = time.Now()
	}
	d.Device = found
	d.Readings = readings
	for _, field := range []struct {
		now *string
		was string
	}{
		{&d.Name, known.Name},
		{&d.Area, known.Area},
		{&d.Manufacturer, known.Manufacturer},
		{&d.Model, known.Model},
		{&d.SoftwareVersion, known.SoftwareVersion},
		{&d.Serial, known.Serial},
	} {
		if *field.now == "" {
			*field.now = field.was
		}
	}
	if d.LastSeen.IsZero() {
		d.LastSeen = known.LastSeen
	}
	d.EventTypes = maps.Clone(known.EventTypes)
	if d.EventTypes == nil {
		d.EventTypes = make(map[string][]string, len(found.EventTypes))
	}
	maps.Copy(d.EventTypes, found.EventTypes)
}

// lose makes a device unavailable: nothing is measured now.
func (d *device) lose(reachable bool) {
	if d.Online {
		d.since = time.Now()
	}
	d.Online, d.reachable = false, reachable
	for measurement := range d.Readings {
		d.Readings[measurement] = collectors.Unknown
	}
}

// takeFailure handles a poll that brought nothing.
func (w *owner) takeFailure(ctx context.Context, p *poller, err error) {
	var exhausted *collectors.ExhaustedError
	w.endpoints[p].failures++
	switch {
	case collectors.ClassOf(err) == collectors.Authentication:
		w.raiseAlert(ctx, p, err)
	case w.isReplaced(p):
		w.noteReplaced(p)
	case errors.As(err, &exhausted):
		// The retry has told it, with all its tries.
	case w.endpoints[p].paused.now():
		// takePause has logged it.
	default:
		p.log.Error("poll failed", zap.String("kind", collectors.KindOf(err)), zap.Error(err))
	}
	for _, id := range slices.Sorted(maps.Keys(w.devices)) {
		if d := w.devices[id]; d.poller == p {
			d.lose(false)
			w.publishDevice(d)
		}
	}
}

// tellFaults logs what could not be understood, each fault once for as long as every
// poll has it.
func (w *owner) tellFaults(p *poller, faults []error) {
	end := w.endpoints[p]
	known := end.faults
	end.faults = make(map[string]bool, len(faults))
	var texts []string
	more := 0
	for _, fault := range faults {
		text := fault.Error()
		switch {
		case known[text], end.faults[text]:
		case len(texts) < maxTold:
			texts = append(texts, text)
		default:
			more++
		}
		end.faults[text] = true
	}
	if more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	if len(texts) > 0 {
		p.log.Warn("the source answered, but not all is well", zap.Strings("faults", texts))
	}
}

// publishEverything tells a broker that may know nothing all there is. That the
// bridge is online comes last, when the rest is true.
func (w *owner) publishEverything() {
	w.announceBridge()
	devices := slices.Sorted(maps.Keys(w.devices))
	for _, id := range devices {
		w.devices[id].forget()
		w.announce(w.devices[id])
	}
	for _, id := range devices {
		w.publishDevice(w.devices[id])
	}
	for _, source := range w.sources() {
		w.publishProblem(source)
	}
	w.publishFormer()
	w.publishDevices()
	w.publishInfo()
	w.publish(w.announcer.BridgeState(), []byte(discovery.Online))
}

// announceBridge announces the devices of the program itself.
func (w *owner) announceBridge() {
	if !w.options.HomeAssistant.Discovery {
		return
	}
	w.publishMessage(w.announcer.Bridge())
	for _, source := range w.sources() {
		w.publishMessage(w.announcer.Source(source))
	}
}

// announceSource announces a source that has come while the bridge runs.
func (w *owner) announceSource(source string) {
	delete(w.former.sources, source)
	if w.options.HomeAssistant.Discovery {
		w.publishMessage(w.announcer.Source(source))
	}
	w.publishProblem(source)
}

// announce announces a device if that says anything new, and returns whether it
// does.
func (w *owner) announce(d *device) (news bool) {
	now := d.announcement()
	if w.out == nil || now == d.announced {
		return false
	}
	d.announced = now
	if w.options.HomeAssistant.Discovery {
		w.publishMessage(w.announcer.Device(d.poller.source(), d.Device))
	}
	return true
}

// publishDevice publishes a device's state, and its availability if that is news.
func (w *owner) publishDevice(d *device) {
	if w.out != nil {
		w.publishState(d, d.state(), history.Key{})
	}
}

// state is a device's state as it is published.
func (d *device) state() []byte {
	connectivity := collectors.Truth(d.Online)
	if !d.reachable {
		connectivity = collectors.Unknown
	}
	return discovery.State(d.Device, connectivity)
}

// publishState publishes a state with what goes with it. reading is its record in
// the history, if it has one.
func (w *owner) publishState(d *device, state []byte, reading history.Key) {
	w.put(message{topic: w.announcer.State(d.ID), payload: state, retained: true, reading: reading})
	availability := discovery.Offline
	if d.Online {
		availability = discovery.Online
	}
	if availability != d.availability {
		d.availability = availability
		w.publish(w.announcer.Availability(d.ID), []byte(availability))
	}
}

func (w *owner) publishMessage(m discovery.Message) { w.publish(m.Topic, m.Payload) }

// publish publishes a retained message, if there is a connection. What is
// published without one comes with publishEverything when there is.
func (w *owner) publish(topic string, payload []byte) {
	if w.out != nil {
		w.put(message{topic: topic, payload: payload, retained: true})
	}
}

// publishEvent publishes what is of this moment, if there is a connection.
func (w *owner) publishEvent(topic string, v any) {
	if w.out != nil {
		w.put(message{topic: topic, payload: encode(v)})
	}
}

func (w *owner) publishJSON(topic string, v any) { w.publish(topic, encode(v)) }

// encode encodes what this package made itself, which can't fail.
func encode(v any) []byte {
	encoded, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encoding %T: %v", v, err))
	}
	return encoded
}

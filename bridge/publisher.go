package bridge

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/bridge/mqtt"
	"hueair2mqtt/collectors"
	"hueair2mqtt/discovery"
	"hueair2mqtt/internal/history"
)

// publisher turns the state into messages, records readings for the history, and puts
// the messages into the outbox. Without a connection it publishes nothing: everything
// is published when there is one. Only the owner's goroutine uses it.
type publisher struct {
	*state
	announcer  discovery.Announcer
	discovery  bool            // announce devices to Home Assistant
	history    *history.Log    // nil if readings are not recorded
	out        *mqtt.Outbox    // nil while there is no connection
	sent       map[string]sent // by device id
	observer   Observer
	onReadings func(device string, readings map[collectors.Measurement]collectors.Value)
	log        *zap.Logger
}

// sent records the messages about a device that were sent on this connection.
type sent struct {
	announcement announcement
	availability string
}

// announcement is everything about a device that its announcement contains. Counting
// readings and event types is enough, because device.update only adds to them.
type announcement struct {
	name, area, manufacturer, model, softwareVersion, serial string
	readings, events                                         int
}

func announcementOf(d *device) announcement {
	return announcement{
		d.Name, d.Area, d.Manufacturer, d.Model, d.SoftwareVersion, d.Serial,
		len(d.Readings) + 1, len(d.EventTypes), // + 1: never the zero announcement
	}
}

// connect publishes everything on a new connection, because the broker may have retained
// nothing. The message that the bridge is online comes last.
func (p *publisher) connect(out *mqtt.Outbox) {
	p.out, p.sent = out, make(map[string]sent)
	p.announceBridge()
	devices := p.sortedDevices()
	for _, d := range devices {
		p.announceDevice(d)
	}
	for _, d := range devices {
		p.device(d)
	}
	for _, source := range p.alerts.Sources() {
		p.problem(source)
	}
	p.previousRun()
	p.deviceList()
	p.info()
	p.retain(p.announcer.BridgeState(), []byte(discovery.Online))
}

// disconnect ends the connection. Messages that it may not have delivered become
// history.
func (p *publisher) disconnect() {
	p.out = nil
	if p.history != nil {
		p.history.ReleaseAll()
	}
}

// close publishes that the bridge is offline and closes the outbox.
func (p *publisher) close() {
	p.retain(p.announcer.BridgeState(), []byte(discovery.Offline))
	p.out.Close()
}

// announceBridge announces the devices that represent the program and its sources.
func (p *publisher) announceBridge() {
	if p.discovery {
		p.message(p.announcer.Bridge())
	}
	for _, source := range p.alerts.Sources() {
		p.announceSource(source)
	}
}

// announceSource announces the device that represents a source.
func (p *publisher) announceSource(source string) {
	if p.discovery {
		p.message(p.announcer.Source(source))
	}
}

// announceDevice announces a device if its announcement has changed, and reports whether it
// has.
func (p *publisher) announceDevice(d *device) (changed bool) {
	known, now := p.sent[d.ID], announcementOf(d)
	if p.out == nil || now == known.announcement {
		return false
	}
	known.announcement = now
	p.sent[d.ID] = known
	if p.discovery {
		p.message(p.announcer.Device(d.endpoint.source(), d.Device))
	}
	return true
}

// reading publishes a new reading of a device. The history records it first, so it
// survives the loss of the connection and of this process.
func (p *publisher) reading(d *device, at time.Time) {
	p.observer.Read(d.endpoint.source(), d.Readings)
	p.onReadings(d.ID, d.Readings)
	if p.out == nil && p.history == nil {
		return
	}
	m := p.stateMessage(d)
	if p.history != nil && d.Online {
		m.Done = p.record(d.ID, at, m.Payload)
	}
	if p.out != nil {
		p.put(m)
		p.availability(d)
	}
}

// record records a reading in the history. The returned function is called with the
// outcome of publishing it: what the broker has not acknowledged is sent again as
// history.
func (p *publisher) record(id string, at time.Time, state []byte) (done func(error)) {
	key := p.history.Add(id, at, state, p.out != nil)
	if key.IsZero() {
		return nil
	}
	log := p.history
	return func(err error) {
		if err == nil {
			log.Acknowledge(key)
		} else {
			log.Release(key)
		}
	}
}

// device publishes the state of a device that is not a new reading.
func (p *publisher) device(d *device) {
	if p.out != nil {
		p.put(p.stateMessage(d))
		p.availability(d)
	}
}

func (p *publisher) stateMessage(d *device) mqtt.Message {
	connectivity := collectors.Bool(d.Online)
	if !d.reachable {
		connectivity = collectors.Unknown
	}
	return mqtt.Message{Topic: p.announcer.State(d.ID), Payload: discovery.State(d.Device, connectivity), Retained: true}
}

// availability publishes the availability of a device if it has changed.
func (p *publisher) availability(d *device) {
	known, now := p.sent[d.ID], discovery.Offline
	if d.Online {
		now = discovery.Online
	}
	if now != known.availability {
		known.availability = now
		p.sent[d.ID] = known
		p.retain(p.announcer.Availability(d.ID), []byte(now))
	}
}

// publishEvent publishes an event of a device. An event without a connection is dropped: what
// a button starts must not start hours later.
func (p *publisher) publishEvent(e collectors.Event) {
	if p.devices[e.DeviceID] != nil {
		p.publish(p.announcer.Event(e.DeviceID, e.Key), discovery.EventPayload(e))
	}
}

func (p *publisher) problem(source string) {
	p.retainJSON(p.announcer.Problem(source), p.state.problem(source))
}

func (p *publisher) info() {
	if p.out != nil {
		p.retainJSON(p.announcer.BridgeInfo(), p.state.info())
	}
}

// deviceList publishes the list of all devices, including those of previous runs.
func (p *publisher) deviceList() {
	if p.out == nil {
		return
	}
	listed := maps.Clone(p.previous.devices)
	for id, d := range p.devices {
		listed[id] = listedDevice{ID: id, Source: d.endpoint.source(), Name: d.Name, Area: d.Area, Model: d.Model}
	}
	list := make([]listedDevice, 0, len(listed))
	for _, id := range slices.Sorted(maps.Keys(listed)) {
		list = append(list, listed[id])
	}
	p.retainJSON(p.announcer.BridgeDevices(), list)
}

// previousRun makes the devices of previous runs unavailable that no poll of this run
// has seen, and removes sources that are now disabled from Home Assistant.
func (p *publisher) previousRun() {
	if p.out == nil {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(p.previous.devices)) {
		if p.devices[id] == nil {
			p.retain(p.announcer.State(id), discovery.State(collectors.Device{ID: id}, collectors.Unknown))
			p.retain(p.announcer.Availability(id), []byte(discovery.Offline))
		}
	}
	for _, source := range slices.Sorted(maps.Keys(p.previous.sources)) {
		// Home Assistant still listens to the topic and logs an error about an empty
		// message.
		p.retainJSON(p.announcer.Problem(source), problem{})
		if p.discovery {
			p.retain(p.announcer.Config(p.announcer.SourceID(source)), nil)
		}
	}
}

func (p *publisher) message(m discovery.Message) { p.retain(m.Topic, m.Payload) }

func (p *publisher) retainJSON(topic string, v any) { p.retain(topic, encode(v)) }

func (p *publisher) retain(topic string, payload []byte) {
	p.put(mqtt.Message{Topic: topic, Payload: payload, Retained: true})
}

// publish publishes a message that is not retained.
func (p *publisher) publish(topic string, v any) {
	p.put(mqtt.Message{Topic: topic, Payload: encode(v)})
}

// put puts a message into the outbox, if there is a connection.
func (p *publisher) put(m mqtt.Message) {
	if p.out != nil && p.out.Put(m) {
		p.log.Warn("the broker accepts messages too slowly; events and responses are dropped, states are not",
			zap.Int("waiting", mqtt.MaxEvents))
	}
}

// encode encodes one of this package's own types, which cannot fail.
func encode(v any) []byte {
	encoded, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encoding %T: %v", v, err))
	}
	return encoded
}

package amazon

import (
	"fmt"
	"strings"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/wire"
)

// Source is the name of this kind of source.
const Source = "amazon"

const (
	// amazonsType is the device type of Amazon's own monitor, and amazonsName its
	// manufacturer.
	amazonsType = "AEZME1X38KDRA"
	amazonsName = "Amazon"
)

// always are the measurements that every monitor of Amazon has; PM10 only some have.
var always = []collectors.Measurement{
	collectors.Temperature, collectors.Humidity, collectors.PM25,
	collectors.CarbonMonoxide, collectors.VOCIndex, collectors.IndoorAirQuality,
}

// monitor is one air quality monitor as listed, and what readings have shown since.
type monitor struct {
	id string // of the device; never changes

	endpointID string // for GraphQL; empty if only the entities list it
	entityID   string // for /api/phoenix/state

	serial          string
	deviceType      string // of an Alexa device; empty for other makers' monitors
	name            string
	manufacturer    string
	model           string
	softwareVersion string

	// instances maps the ranges of another maker's monitor whose configuration was
	// understood. leftOut are the other ones, for people.
	instances map[string]meaning
	leftOut   []string

	measures map[collectors.Measurement]bool // everything that it ever reported

	lastSeen time.Time
}

// label names the monitor in a fault.
func (m *monitor) label() string {
	if m.name == "" {
		return m.id
	}
	return fmt.Sprintf("%q (%s)", m.name, m.id)
}

// identify makes the device id from the first hardware id there is, and reports whether
// there is one.
func (m *monitor) identify() bool {
	for _, hardwareID := range []string{m.serial, m.entityID, m.endpointID} {
		if m.id = collectors.DeviceID(Source, hardwareID); m.id != "" {
			return true
		}
	}
	return false
}

// device returns the device of a snapshot. s is nil if Alexa did not report the monitor.
func (m *monitor) device(s *sample, area string) collectors.Device {
	if s != nil {
		for measurement := range s.readings {
			m.measures[measurement] = true
		}
		if s.newest.After(m.lastSeen) {
			m.lastSeen = s.newest
		}
	}
	online := s.online()
	readings := make(map[collectors.Measurement]collectors.Value, len(always)+1)
	add := func(measurement collectors.Measurement) {
		readings[measurement] = collectors.Unknown
		if online {
			readings[measurement] = s.readings[measurement]
		}
	}
	if m.isAmazons() {
		for _, measurement := range always {
			add(measurement)
		}
	}
	for measurement := range m.measures {
		add(measurement)
	}
	return collectors.Device{
		ID: m.id, Name: m.name, Area: area,
		Manufacturer: m.manufacturer, Model: m.model,
		SoftwareVersion: m.softwareVersion, Serial: m.serial,
		Online: online, LastSeen: m.lastSeen, Readings: readings,
	}
}

// isAmazons reports whether the table of Amazon's own monitor applies.
func (m *monitor) isAmazons() bool {
	if m.deviceType != "" {
		return m.deviceType == amazonsType
	}
	return strings.EqualFold(m.manufacturer, amazonsName)
}

// isSame reports whether two listed monitors are the same one. Different serial numbers
// are different monitors, whatever else they share.
func (m *monitor) isSame(old *monitor) bool {
	if m.serial != "" && old.serial != "" {
		return strings.EqualFold(m.serial, old.serial)
	}
	same := func(a, b string) bool { return a != "" && a == b }
	return same(m.endpointID, old.endpointID) || same(m.entityID, old.entityID)
}

// inherit takes from an earlier listing what this one lacks.
func (m *monitor) inherit(old *monitor) {
	m.id, m.lastSeen, m.measures = old.id, old.lastSeen, old.measures
	m.instances, m.leftOut = old.instances, old.leftOut
	for _, field := range []struct {
		own   *string
		known string
	}{
		{&m.endpointID, old.endpointID}, {&m.entityID, old.entityID},
		{&m.serial, old.serial}, {&m.deviceType, old.deviceType}, {&m.name, old.name}, {&m.manufacturer, old.manufacturer},
		{&m.model, old.model}, {&m.softwareVersion, old.softwareVersion},
	} {
		if *field.own == "" {
			*field.own = field.known
		}
	}
}

// monitorOf returns the monitor that an entry of a response is about. It is nil if the
// entry is to be skipped, because it is about none that was asked for, or a second one.
func monitorOf(entry, id string, err error, byID map[string]*monitor, samples map[*monitor]*sample, found *wire.Faults) *monitor {
	m := byID[id]
	switch {
	case err != nil:
		found.Add("%s: id: %v", entry, err)
	case id == "":
		found.Add("%s: it has no id", entry)
	case m != nil && samples[m] != nil:
		found.Add("monitor %s is in the response more than once: only the first is taken", m.label())
	default:
		return m
	}
	return nil
}

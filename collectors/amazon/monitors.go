package amazon

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"hueair2mqtt/collectors"
)

const graphQLPath = "/nexus/v1/graphql"

// monitorType is how Alexa calls the kind of device.
const monitorType = "AIR_QUALITY_MONITOR"

// presentQuery lists the monitors as the Alexa app does now.
const presentQuery = `query listAirQualityMonitors {
  listEndpoints(listEndpointsInput: {displayCategory: "AIR_QUALITY_MONITOR", includeHouseholdDevices: true}) {
    endpoints {
      id
      friendlyNameObject { value { text } }
      manufacturer { value { text } }
      model { value { text } }
      serialNumber { value { text } }
      softwareVersion { value { text } }
      displayCategories { primary { value } }
      legacyIdentifiers {
        dmsIdentifier { deviceType { value { text } } }
        chrsIdentifier { entityId }
      }
    }
  }
}`

// monitor is one air quality monitor as the listing tells of it, and what was
// learnt of it since.
type monitor struct {
	id string // of the device, never changing

	endpointID string // what GraphQL calls it; empty if only the entities list it
	entityID   string // what /api/phoenix/state calls it

	serial          string
	deviceType      string // of an Alexa device; empty for other makers' monitors
	name            string
	manufacturer    string
	model           string
	softwareVersion string

	// instances is the meaning of the ranges of another maker's monitor, as far as
	// their configuration was understood.
	instances map[string]meaning
	leftOut   []string // its other ranges, for people

	// measures is all it was ever seen to measure.
	measures map[collectors.Measurement]bool

	lastSeen time.Time
}

// label names the monitor in a fault.
func (m *monitor) label() string {
	if m.name == "" {
		return m.id
	}
	return fmt.Sprintf("%q (%s)", m.name, m.id)
}

// identify makes the device id from the first hardware id there is. False is a
// monitor that can't be told from another.
func (m *monitor) identify() bool {
	for _, hardwareID := range []string{m.serial, m.entityID, m.endpointID} {
		if m.id = collectors.DeviceID(Source, hardwareID); m.id != "" {
			return true
		}
	}
	return false
}

// device turns a sample into the device of a snapshot. No sample is a monitor
// that Alexa does not tell of.
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

// listPresent asks for the monitors in the present way.
func (c *Collector) listPresent(ctx context.Context, retry *collectors.Retrier, found *faults) ([]*monitor, error) {
	var monitors []*monitor
	question := graphQLQuestion{OperationName: "listAirQualityMonitors", Query: presentQuery, Variables: struct{}{}}
	err := c.post(ctx, retry, graphQLPath, "listing the monitors", question, func(body []byte) (err error) {
		monitors, err = parsePresentListing(body, found)
		return err
	})
	return monitors, err
}

func parsePresentListing(body []byte, found *faults) ([]*monitor, error) {
	entries, err := graphQLList(body, found, "listEndpoints", "endpoints")
	if err != nil {
		return nil, err
	}
	var monitors []*monitor
	for i, raw := range entries {
		var entry struct {
			ID, EndpointID, FriendlyNameObject, Manufacturer, Model, SerialNumber, SoftwareVersion,
			DisplayCategories, LegacyIdentifiers json.RawMessage
		}
		if err := object(raw, &entry); err != nil {
			found.add("listed endpoint %d: %v", i, err)
			continue
		}
		if isNull(entry.ID) {
			entry.ID = entry.EndpointID
		}
		r := fieldReader{found: found, of: fmt.Sprintf("listed endpoint %d", i)}
		if category := r.text("displayCategories", entry.DisplayCategories, "primary", "value"); category != "" && category != monitorType {
			continue // not that it was asked for
		}
		monitors = appendMonitor(monitors, found, i, &monitor{
			endpointID:      r.id("id", entry.ID),
			entityID:        r.id("legacyIdentifiers", entry.LegacyIdentifiers, "chrsIdentifier", "entityId"),
			deviceType:      r.text("legacyIdentifiers", entry.LegacyIdentifiers, "dmsIdentifier", "deviceType", "value", "text"),
			serial:          r.text("serialNumber", entry.SerialNumber, "value", "text"),
			name:            r.text("friendlyNameObject", entry.FriendlyNameObject, "value", "text"),
			manufacturer:    r.text("manufacturer", entry.Manufacturer, "value", "text"),
			model:           r.text("model", entry.Model, "value", "text"),
			softwareVersion: r.text("softwareVersion", entry.SoftwareVersion, "value", "text"),
		})
	}
	return monitors, nil
}

// appendMonitor adds a monitor that can be told from the others.
func appendMonitor(monitors []*monitor, found *faults, i int, m *monitor) []*monitor {
	if !m.identify() {
		found.add("listed endpoint %d: left out, as it has no serial number, entity id or endpoint id", i)
		return monitors
	}
	m.measures = map[collectors.Measurement]bool{}
	return append(monitors, m)
}

// fieldReader reads the fields of one entry; what has the wrong shape is empty,
// and told as a fault.
type fieldReader struct {
	found *faults
	of    string
}

func (r fieldReader) raw(name string, raw json.RawMessage, path ...string) string {
	s, err := textAt(raw, path...)
	if err != nil {
		r.found.add("%s: %s: %v", r.of, name, err)
	}
	return s
}

// text is text to be shown.
func (r fieldReader) text(name string, raw json.RawMessage, path ...string) string {
	return collectors.CleanText(r.raw(name, raw, path...))
}

// maxID is beyond the length of any id that Alexa gives, in bytes: an appliance
// id that is made of others has about 200.
const maxID = 1024

// id is text to be sent back as it came.
func (r fieldReader) id(name string, raw json.RawMessage, path ...string) string {
	id := r.raw(name, raw, path...)
	if len(id) > maxID {
		r.found.add("%s: %s: longer than %d bytes, which is no id", r.of, name, maxID)
		return ""
	}
	return id
}

func (r fieldReader) list(name string, raw json.RawMessage) []json.RawMessage {
	if isNull(raw) {
		return nil
	}
	entries, err := list(raw)
	if err != nil {
		r.found.add("%s: %s: %v", r.of, name, err)
	}
	return entries
}

// merge makes the new list of monitors, and keeps of the known ones what the
// listing does not tell every time: ids above all, so that a monitor whose
// serial number is left out once does not become another device.
func merge(known, listed []*monitor, found *faults) []*monitor {
	taken := map[string]bool{}
	var monitors []*monitor
	for _, m := range listed {
		for _, old := range known {
			if m.isSame(old) {
				m.inherit(old)
				break
			}
		}
		if taken[m.id] {
			found.add("monitor %s is listed more than once: only the first is taken", m.label())
			continue
		}
		taken[m.id] = true
		monitors = append(monitors, m)
	}
	slices.SortFunc(monitors, func(a, b *monitor) int { return strings.Compare(a.id, b.id) })
	return monitors
}

// isSame says whether two listings tell of the same monitor. Different serial
// numbers are different monitors, whatever else they share.
func (m *monitor) isSame(old *monitor) bool {
	if m.serial != "" && old.serial != "" {
		return strings.EqualFold(m.serial, old.serial)
	}
	same := func(a, b string) bool { return a != "" && a == b }
	return same(m.endpointID, old.endpointID) || same(m.entityID, old.entityID)
}

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

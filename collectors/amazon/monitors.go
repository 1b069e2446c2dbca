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

// monitorDescription is what the older listing says of Amazon's own monitor,
// also where it leaves the type out.
const monitorDescription = "Amazon Indoor Air Quality Monitor"

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
      legacyIdentifiers {
        dmsIdentifier { deviceType { value { text } } }
        chrsIdentifier { entityId }
      }
      legacyAppliance { applianceId }
    }
  }
}`

// olderQuery lists every smart home device of the account, with what it can do.
const olderQuery = `query CustomerSmartHome {
  endpoints(endpointsQueryParams: {paginationParams: {disablePagination: true}}) {
    items {
      id
      legacyAppliance {
        applianceId
        applianceTypes
        friendlyName
        friendlyDescription
        manufacturerName
        modelName
        entityId
        capabilities
        alexaDeviceIdentifierList
      }
    }
  }
}`

// monitor is one air quality monitor as the listing tells of it, and what was
// learnt of it since.
type monitor struct {
	id string // of the device, never changing

	endpointID  string // what GraphQL calls it
	entityID    string // what /api/phoenix/state calls it
	applianceID string // what it calls it where there is no entity id

	serial          string
	name            string
	manufacturer    string
	model           string
	softwareVersion string

	// instances is the meaning of its ranges, where a capability list told it.
	instances map[string]collectors.Measurement

	// measures is all it was ever seen to measure, beyond always.
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

// measurement is the meaning of one range. A capability list that names the
// instances of this monitor rules out that the common table gives the same
// meaning to another one.
func (m *monitor) measurement(instance string) (collectors.Measurement, bool) {
	if meaning, ok := m.instances[instance]; ok {
		return meaning, true
	}
	meaning, ok := byInstance[instance]
	for _, taken := range m.instances {
		if taken == meaning {
			return "", false
		}
	}
	return meaning, ok
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
	for _, measurement := range always {
		add(measurement)
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
	return c.listBy(ctx, retry, found, "listing the monitors", "listAirQualityMonitors", presentQuery, parsePresentListing)
}

// listOlder asks for them as earlier versions of the app did.
func (c *Collector) listOlder(ctx context.Context, retry *collectors.Retrier, found *faults) ([]*monitor, error) {
	return c.listBy(ctx, retry, found, "listing the monitors, the older way", "CustomerSmartHome", olderQuery, parseOlderListing)
}

func (c *Collector) listBy(ctx context.Context, retry *collectors.Retrier, found *faults, what, operation, query string,
	parse func([]byte, *faults) ([]*monitor, error)) ([]*monitor, error) {
	var monitors []*monitor
	question := graphQLQuestion{OperationName: operation, Query: query, Variables: struct{}{}}
	err := c.post(ctx, retry, graphQLPath, what, question, func(body []byte) (err error) {
		monitors, err = parse(body, found)
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
			LegacyIdentifiers, LegacyAppliance json.RawMessage
		}
		if err := object(raw, &entry); err != nil {
			found.add("listed endpoint %d: %v", i, err)
			continue
		}
		if isNull(entry.ID) {
			entry.ID = entry.EndpointID
		}
		r := fieldReader{found: found, of: fmt.Sprintf("listed endpoint %d", i)}
		monitors = appendMonitor(monitors, found, i, &monitor{
			endpointID:      r.id("id", entry.ID),
			entityID:        r.id("legacyIdentifiers", entry.LegacyIdentifiers, "chrsIdentifier", "entityId"),
			applianceID:     r.id("legacyAppliance", entry.LegacyAppliance, "applianceId"),
			serial:          r.text("serialNumber", entry.SerialNumber, "value", "text"),
			name:            r.text("friendlyNameObject", entry.FriendlyNameObject, "value", "text"),
			manufacturer:    r.text("manufacturer", entry.Manufacturer, "value", "text"),
			model:           r.text("model", entry.Model, "value", "text"),
			softwareVersion: r.text("softwareVersion", entry.SoftwareVersion, "value", "text"),
		})
	}
	return monitors, nil
}

func parseOlderListing(body []byte, found *faults) ([]*monitor, error) {
	entries, err := graphQLList(body, found, "endpoints", "items")
	if err != nil {
		return nil, err
	}
	var monitors []*monitor
	for i, raw := range entries {
		var endpoint struct{ ID, LegacyAppliance json.RawMessage }
		if err := object(raw, &endpoint); err != nil {
			found.add("listed endpoint %d: %v", i, err)
			continue
		}
		if isNull(endpoint.LegacyAppliance) {
			continue // not every endpoint of an account is an appliance
		}
		var appliance struct {
			ApplianceID, ApplianceTypes, FriendlyName, FriendlyDescription, ManufacturerName, ModelName,
			EntityID, Capabilities, AlexaDeviceIdentifierList json.RawMessage
		}
		if err := object(endpoint.LegacyAppliance, &appliance); err != nil {
			found.add("listed endpoint %d: legacyAppliance: %v", i, err)
			continue
		}
		r := fieldReader{found: found, of: fmt.Sprintf("listed endpoint %d", i)}
		if !slices.Contains(r.texts("applianceTypes", appliance.ApplianceTypes), monitorType) &&
			r.text("friendlyDescription", appliance.FriendlyDescription) != monitorDescription {
			continue
		}
		m := &monitor{
			endpointID:   r.id("id", endpoint.ID),
			entityID:     r.id("entityId", appliance.EntityID),
			applianceID:  r.id("applianceId", appliance.ApplianceID),
			name:         r.text("friendlyName", appliance.FriendlyName),
			manufacturer: r.text("manufacturerName", appliance.ManufacturerName),
			model:        r.text("modelName", appliance.ModelName),
		}
		for _, device := range r.list("alexaDeviceIdentifierList", appliance.AlexaDeviceIdentifierList) {
			if m.serial = r.text("alexaDeviceIdentifierList", device, "dmsDeviceSerialNumber"); m.serial != "" {
				break
			}
		}
		m.instances = parseCapabilities(r, appliance.Capabilities)
		monitors = appendMonitor(monitors, found, i, m)
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
	for _, measurement := range m.instances {
		m.measures[measurement] = true
	}
	return append(monitors, m)
}

// parseCapabilities finds what each range of a monitor means.
func parseCapabilities(r fieldReader, raw json.RawMessage) map[string]collectors.Measurement {
	meanings := map[string]collectors.Measurement{}
	for _, raw := range r.list("capabilities", raw) {
		var capability struct{ InterfaceName, Instance, Resources json.RawMessage }
		if err := object(raw, &capability); err != nil {
			r.found.add("%s: capability: %v", r.of, err)
			continue
		}
		if r.text("interfaceName", capability.InterfaceName) != "Alexa.RangeController" {
			continue
		}
		instance := r.text("instance", capability.Instance)
		names, err := dig(capability.Resources, "friendlyNames")
		if err != nil {
			r.found.add("%s: capability resources: %v", r.of, err)
			continue
		}
		for _, name := range r.list("friendlyNames", names) {
			value, err := dig(name, "value")
			if err != nil {
				r.found.add("%s: capability name: %v", r.of, err)
				continue
			}
			meaning, ok := byAsset[r.text("assetId", value, "assetId")]
			if !ok && strings.Contains(r.text("text", value, "text"), "PM10") {
				meaning, ok = collectors.PM10, true // it has a name only, no asset
			}
			if ok && instance != "" {
				meanings[instance] = meaning
				break
			}
		}
	}
	return meanings
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

func (r fieldReader) texts(name string, raw json.RawMessage) []string {
	var all []string
	for _, entry := range r.list(name, raw) {
		all = append(all, r.text(name, entry))
	}
	return all
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
	return same(m.endpointID, old.endpointID) || same(m.entityID, old.entityID) || same(m.applianceID, old.applianceID)
}

func (m *monitor) inherit(old *monitor) {
	m.id, m.lastSeen, m.measures = old.id, old.lastSeen, old.measures
	for _, field := range []struct {
		own   *string
		known string
	}{
		{&m.endpointID, old.endpointID}, {&m.entityID, old.entityID}, {&m.applianceID, old.applianceID},
		{&m.serial, old.serial}, {&m.name, old.name}, {&m.manufacturer, old.manufacturer},
		{&m.model, old.model}, {&m.softwareVersion, old.softwareVersion},
	} {
		if *field.own == "" {
			*field.own = field.known
		}
	}
	if len(m.instances) == 0 {
		m.instances = old.instances
	}
	for _, measurement := range m.instances {
		m.measures[measurement] = true
	}
}

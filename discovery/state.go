package discovery

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"hueair2mqtt/collectors"
)

// Keys of a device's state that are not measurements. The two versions are there
// if the device has a reading of SoftwareUpdate.
const (
	lastSeenKey  = "last_seen"
	versionKey   = "software_version"
	availableKey = "software_available"
)

// State returns a device's state as JSON: every reading by its name, connectivity,
// the time of the last report and the software versions, sorted by key.
//
// Every event of a sensor comes through here, so the JSON is built by hand:
// encoding/json takes over six times as long for a map (BenchmarkState).
func State(d collectors.Device, connectivity collectors.Value) []byte {
	const connectivityKey = string(collectors.Connectivity)
	keys := make([]string, 0, len(d.Readings)+4)
	for measurement := range d.Readings {
		keys = append(keys, string(measurement))
	}
	keys = append(keys, connectivityKey, lastSeenKey)
	if _, ok := d.Readings[collectors.SoftwareUpdate]; ok {
		keys = append(keys, versionKey, availableKey)
	}
	slices.Sort(keys)

	state := make([]byte, 0, 32*len(keys))
	for i, key := range keys {
		separator := byte(',')
		if i == 0 {
			separator = '{'
		}
		state = append(append(append(state, separator, '"'), key...), '"', ':')
		switch key {
		case connectivityKey:
			state = connectivity.AppendJSON(state)
		case lastSeenKey:
			state = appendTimestamp(state, d.LastSeen)
		case versionKey:
			state = collectors.Text(installedVersion(d)).AppendJSON(state)
		case availableKey:
			state = collectors.Text(availableVersion(d)).AppendJSON(state)
		default:
			state = d.Readings[collectors.Measurement(key)].AppendJSON(state)
		}
	}
	return append(state, '}')
}

func appendTimestamp(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, "null"...)
	}
	b = t.UTC().AppendFormat(append(b, '"'), time.RFC3339)
	return append(b, '"')
}

func installedVersion(d collectors.Device) string { return cmp.Or(d.SoftwareVersion, "unknown") }

// availableVersion returns the installed version, or another text if there is an
// update: no source reports its number. It is never empty, because Home Assistant
// would take its word for "unknown" for a version.
func availableVersion(d collectors.Device) string {
	installed := installedVersion(d)
	state, known := d.Readings[collectors.SoftwareUpdate].Text()
	if !known || state == "no_update" {
		return installed
	}
	return "newer than " + installed
}

// Timestamp returns a time as every topic has it: RFC 3339 in UTC to the second,
// null for the zero time.
func Timestamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

// historyTime is RFC 3339 with microseconds and a fixed length. A database that
// identifies a point by time and device must not merge two events of one second.
const historyTime = "2006-01-02T15:04:05.000000Z"

// History returns a device's earlier state with its time and with an id that is
// the same in every repetition.
func History(id string, at time.Time, state []byte) []byte {
	payload := make([]byte, 0, len(state)+80)
	payload = append(append(append(payload, `{"id":"`...), id...), `","time":"`...)
	payload = append(at.UTC().AppendFormat(payload, historyTime), `",`...)
	return append(payload, state[1:]...)
}

// EventPayload returns the payload of an event: its type under the key that Home
// Assistant's event entities read, and its attributes.
func EventPayload(e collectors.Event) map[string]any {
	payload := make(map[string]any, len(e.Attributes)+1)
	maps.Copy(payload, e.Attributes)
	payload["event_type"] = e.Type
	return payload
}

package discovery

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"hueair2mqtt/collectors"
)

// Announcer makes announcements.
type Announcer struct {
	Topics
	Version string // of this program
}

// Device announces a device with an entity for each reading that it has, for its
// connectivity and for the time of its last report.
func (a Announcer) Device(source string, d collectors.Device) Message {
	components := make(map[string]component)
	for _, e := range entities {
		_, measured := d.Readings[collectors.Measurement(e.key)]
		if !measured && !e.evenOffline {
			continue
		}
		c := e.component("hueair2mqtt_"+d.ID+"_"+e.key, "value_json."+e.key)
		if e.platform == "update" {
			a.compareVersions(&c, d.ID)
		}
		if e.evenOffline {
			c.Availability = []availability{{Topic: a.BridgeState()}}
		}
		components[e.key] = c
	}
	for key, types := range d.EventTypes {
		components[key] = a.event(d.ID, key, types)
	}
	return a.message(d.ID, payload{
		Device: device{
			Identifiers:   []string{d.ID},
			Name:          cmp.Or(d.Name, d.Model, d.ID),
			Manufacturer:  d.Manufacturer,
			Model:         d.Model,
			SWVersion:     d.SoftwareVersion,
			SerialNumber:  d.Serial,
			ViaDevice:     a.SourceID(source),
			SuggestedArea: d.Area,
		},
		Origin:           a.origin(),
		Availability:     []availability{{Topic: a.BridgeState()}, {Topic: a.Availability(d.ID)}},
		AvailabilityMode: "all",
		StateTopic:       a.State(d.ID),
		Components:       components,
	})
}

// Source announces the device that stands for a source: its problem, its health,
// and the button that acknowledges the problem.
func (a Announcer) Source(source string) Message {
	id := a.SourceID(source)
	info := "(value_json.collectors." + source + " | default({}))."
	entry := func(e entity) component { return e.component(id+"_"+e.key, info+e.key) }

	problem := entry(entity{key: "problem", platform: "binary_sensor", deviceClass: "problem", diagnostic: true})
	problem.StateTopic = a.Problem(source)
	problem.ValueTemplate = valueTemplate("binary_sensor", "value_json.problem")
	problem.JSONAttributesTopic = a.Problem(source)

	retries := entry(entity{key: "retries", platform: "sensor", name: "Retries", diagnostic: true})
	retries.StateClass = "total_increasing"

	return a.message(id, payload{
		Device: device{
			Identifiers:  []string{id},
			Name:         a.Base + " " + strings.ToUpper(source[:1]) + source[1:],
			Manufacturer: originName,
			Model:        "Source",
			SWVersion:    a.Version,
			ViaDevice:    a.BridgeID(),
		},
		Origin:       a.origin(),
		Availability: []availability{{Topic: a.BridgeState()}},
		StateTopic:   a.BridgeInfo(),
		Components: map[string]component{
			"problem":      problem,
			"connectivity": entry(entity{key: "connected", platform: "binary_sensor", deviceClass: "connectivity", diagnostic: true}),
			"last_success": entry(entity{key: "last_success", platform: "sensor", name: "Last success", deviceClass: "timestamp", diagnostic: true}),
			"devices":      entry(entity{key: "devices", platform: "sensor", name: "Devices", diagnostic: true}),
			"retries":      retries,
			"acknowledge": {
				Platform:       "button",
				UniqueID:       id + "_acknowledge",
				Name:           "Acknowledge problem",
				EntityCategory: "diagnostic",
				Icon:           "mdi:check",
				CommandTopic:   a.Request("acknowledge"),
				PayloadPress:   source,
			},
		},
	})
}

// Bridge announces the device that stands for this program.
func (a Announcer) Bridge() Message {
	id := a.BridgeID()
	entry := func(e entity) component { return e.component(id+"_"+e.key, "value_json."+e.key) }

	// Not unavailable but off is what tells the user that the program is down.
	running := entry(entity{key: "connectivity", platform: "binary_sensor", deviceClass: "connectivity", diagnostic: true})
	running.StateTopic = a.BridgeState()
	running.ValueTemplate = ""
	running.PayloadOn = Online
	running.PayloadOff = Offline

	version := entry(entity{key: "version", platform: "sensor", name: "Version", diagnostic: true})
	version.StateClass = ""
	version.SuggestedDisplayPrecision = nil
	started := entry(entity{key: "uptime_start", platform: "sensor", name: "Running since", deviceClass: "timestamp", diagnostic: true})
	for _, c := range []*component{&version, &started} {
		c.StateTopic = a.BridgeInfo()
		c.Availability = []availability{{Topic: a.BridgeState()}}
	}

	return a.message(id, payload{
		Device: device{
			Identifiers:  []string{id},
			Name:         a.Base + " Bridge",
			Manufacturer: originName,
			Model:        "Bridge",
			SWVersion:    a.Version,
		},
		Origin: a.origin(),
		Components: map[string]component{
			"connectivity": running,
			"version":      version,
			"uptime_start": started,
			"refresh": {
				Platform:       "button",
				UniqueID:       id + "_refresh",
				Name:           "Refresh",
				EntityCategory: "diagnostic",
				Icon:           "mdi:refresh",
				CommandTopic:   a.Request("refresh"),
				PayloadPress:   "PRESS",
				Availability:   []availability{{Topic: a.BridgeState()}},
			},
		},
	})
}

func (a Announcer) origin() origin { return origin{Name: originName, SWVersion: a.Version} }

// State is a device's state as JSON: each reading under its name, whether the
// device can be reached, when it last reported, and two versions where its software
// is updated, sorted by name.
//
// It is put together by hand because every event of a sensor comes through here:
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

// Timestamp is a time as every topic writes it, RFC 3339 in UTC to the second;
// null for the zero time.
func Timestamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

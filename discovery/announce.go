package discovery

import (
	"cmp"
	"slices"
	"strings"

	"hueair2mqtt/collectors"
)

// Announcer makes announcements.
type Announcer struct {
	Topics
	Version string // of this program
}

// Device announces a device with an entity for each of its readings and events, its
// connectivity and the time of its last report.
func (a Announcer) Device(source string, d collectors.Device) Message {
	unique := "hueair2mqtt_" + d.ID + "_"
	// These describe the device while it is offline, too.
	connectivity := entityOf(collectors.Connectivity.Describe(), unique+string(collectors.Connectivity))
	lastSeen := statusEntity(sensor, unique+lastSeenKey, "Last seen", "timestamp", "value_json."+lastSeenKey)
	lastSeen.EnabledByDefault = new(bool)
	for _, c := range []*component{&connectivity, &lastSeen} {
		c.Availability = []availability{{Topic: a.BridgeState()}}
	}
	components := map[string]component{string(collectors.Connectivity): connectivity, lastSeenKey: lastSeen}
	for m := range d.Readings {
		c := entityOf(m.Describe(), unique+string(m))
		if m == collectors.SoftwareUpdate {
			// An update entity is on while the two versions differ.
			c.ValueTemplate = valueTemplate(c.Platform, "value_json."+versionKey)
			c.LatestVersionTopic = a.State(d.ID)
			c.LatestVersionTemplate = valueTemplate(c.Platform, "value_json."+availableKey)
		}
		components[string(m)] = c
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

// event returns the entity of a button, a doorbell or a dial. Home Assistant has no
// device class for a dial.
func (a Announcer) event(deviceID, key string, types []string) component {
	c := component{
		Platform:   "event",
		UniqueID:   "hueair2mqtt_" + deviceID + "_" + key,
		Name:       collectors.Title(key),
		StateTopic: a.Event(deviceID, key),
		EventTypes: types,
	}
	switch {
	case slices.Contains(types, "ring"): // required by the device class
		c.DeviceClass = "doorbell"
	case strings.HasPrefix(key, "button"), key == "bell":
		c.DeviceClass = "button"
	}
	return c
}

// statusEntity returns a diagnostic entity.
func statusEntity(platform, uniqueID, name, class, value string) component {
	return component{
		Platform: platform, UniqueID: uniqueID, Name: name, DeviceClass: class, EntityCategory: diagnostic,
		ValueTemplate: valueTemplate(platform, value),
	}
}

// button returns a button that sends a request.
func (a Announcer) button(uniqueID, name, icon, request, payload string) component {
	return component{
		Platform: "button", UniqueID: uniqueID, Name: name, EntityCategory: diagnostic, Icon: icon,
		CommandTopic: a.Request(request), PayloadPress: payload,
	}
}

// Source announces the device that represents a source: its problem, its health,
// and the button that acknowledges the problem.
func (a Announcer) Source(source string) Message {
	id := a.SourceID(source)
	entity := func(platform, key, name, class string) component {
		return statusEntity(platform, id+"_"+key, name, class, "(value_json.collectors."+source+" | default({}))."+key)
	}
	problem := entity(binarySensor, "problem", "", "problem")
	problem.StateTopic = a.Problem(source)
	problem.ValueTemplate = valueTemplate(binarySensor, "value_json.problem")
	problem.JSONAttributesTopic = a.Problem(source)

	decimals := 0
	devices, retries := entity(sensor, "devices", "Devices", ""), entity(sensor, "retries", "Retries", "")
	devices.StateClass, retries.StateClass = "measurement", "total_increasing"
	devices.SuggestedDisplayPrecision, retries.SuggestedDisplayPrecision = &decimals, &decimals

	return a.message(id, payload{
		Device: device{
			Identifiers:  []string{id},
			Name:         a.Base + " " + collectors.Title(source),
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
			"connectivity": entity(binarySensor, "connected", "", "connectivity"),
			"last_success": entity(sensor, "last_success", "Last success", "timestamp"),
			"devices":      devices,
			"retries":      retries,
			"acknowledge":  a.button(id+"_acknowledge", "Acknowledge problem", "mdi:check", "acknowledge", source),
		},
	})
}

// Bridge announces the device that represents this program.
func (a Announcer) Bridge() Message {
	id := a.BridgeID()
	available := []availability{{Topic: a.BridgeState()}}

	// Off, not unavailable, shows the user that the program is down.
	running := component{
		Platform: binarySensor, UniqueID: id + "_connectivity", DeviceClass: "connectivity", EntityCategory: diagnostic,
		StateTopic: a.BridgeState(), PayloadOn: Online, PayloadOff: Offline,
	}
	version := statusEntity(sensor, id+"_version", "Version", "", "value_json.version")
	started := statusEntity(sensor, id+"_uptime_start", "Running since", "timestamp", "value_json.uptime_start")
	for _, c := range []*component{&version, &started} {
		c.StateTopic, c.Availability = a.BridgeInfo(), available
	}
	refresh := a.button(id+"_refresh", "Refresh", "mdi:refresh", "refresh", "PRESS")
	refresh.Availability = available

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
			"refresh":      refresh,
		},
	})
}

func (a Announcer) origin() origin { return origin{Name: originName, SWVersion: a.Version} }

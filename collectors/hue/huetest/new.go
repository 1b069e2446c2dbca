package huetest

import (
	"net/http"
	"strings"
)

// refreshBridge renews the resources of the bridge itself, and those that are no
// hardware.
func (b *Bridge) refreshBridge() []changes {
	self := b.uuid("bridge", "device")
	own := func(kind, name string, o object) *resource {
		r := &resource{id: b.uuid(name, kind), kind: kind, build: constant(o)}
		if name == "bridge" {
			r.owner = reference(self, "device")
		}
		return r
	}
	services := []*resource{
		own("bridge", "bridge", object{"bridge_id": b.ID(), "time_zone": object{"time_zone": "Europe/Berlin"}}),
		own("zigbee_connectivity", "bridge", object{
			"channel": object{"status": "set", "value": "channel_20"}, "extended_pan_id": "0123456789abcdef",
			"mac_address": "00:17:88:01:" + macOf(b.id)[6:], "status": "connected",
		}),
		own("zigbee_device_discovery", "bridge", object{"status": "ready"}),
		own("device_software_update", "bridge", object{"problems": []string{}, "state": "no_update"}),
	}
	archetype, name := "bridge_v2", "Hue Bridge"
	if b.model == "BSB003" {
		archetype, name = "bridge_v3", "Hue Bridge Pro"
	}
	device := &resource{id: self, kind: "device", from: b.model + b.software, build: func() object {
		return object{
			"identify": object{},
			"metadata": object{"archetype": archetype, "name": "Hue Bridge"},
			"product_data": object{
				"certified": true, "manufacturer_name": signify, "model_id": b.model, "product_archetype": archetype,
				"product_name": name, "software_version": strings.TrimSuffix(apiVersion(b.software), "0") + b.software,
			},
			"services": references(services),
		}
	}}
	all := append([]*resource{device}, services...)
	all = append(all,
		own("geolocation", "", object{"is_configured": false}),
		own("behavior_instance", "", object{
			"configuration": object{}, "dependees": []object{}, "enabled": true, "last_error": "",
			"metadata": object{"name": "Scene cycle"}, "script_id": b.uuid("", "behavior_script"), "status": "running",
		}))
	var c changes
	b.bridgeDevice, c = b.replace(b.bridgeDevice, all)
	return []changes{c, b.refreshHome()}
}

// NewBridge returns a bridge with the software sensors that every home has and
// nothing else, which have the CLIP v1 ids 1 and 2; later ones count on from
// there. id is its bridge id, 16 hexadecimal digits; username is the one key it
// accepts before it is paired.
func NewBridge(id, username string) *Bridge {
	b := &Bridge{
		id: id, username: username, model: "BSB002",
		keys:        map[string]*appKey{username: {deviceType: "hueair2mqtt#test", created: stamp()}},
		pathScripts: make(map[string][]http.HandlerFunc),
		requestsTo:  make(map[string]int),
	}
	b.home.init(b.ID())
	b.software = DefaultSoftware
	b.streams = make(map[*stream]struct{})
	b.addSoftwareSensors()
	b.refreshBridge()
	return b
}

// SetSoftware makes the bridge one with this software, "1967054020" for example.
// One before 1948086000 has no CLIP v2: its paths are not found. One before 2023
// has CLIP v2 without reports and times.
func (b *Bridge) SetSoftware(version string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.software = version
	b.publish(b.refreshBridge())
	b.reshape()
}

// SetModel makes the bridge one of this model: BSB001, the first one, with its last
// software and without a client key; BSB002, the default; or BSB003, the Bridge
// Pro.
func (b *Bridge) SetModel(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.model = id
	if id == firstModel {
		b.software = oldestSoftware
	}
	b.publish(b.refreshBridge())
}

// addSoftwareSensors adds the sensors without hardware.
func (b *Bridge) addSoftwareSensors() {
	now := stamp()
	b.sensors.put("", "Daylight", func() object {
		return object{
			"state":            object{"daylight": true, "lastupdated": now},
			"config":           object{"on": true, "configured": true, "sunriseoffset": 30, "sunsetoffset": -30},
			"name":             "Daylight",
			"type":             "Daylight",
			"modelid":          "PHDL00",
			"manufacturername": signify,
			"swversion":        "1.0",
		}
	})
	b.sensors.put("", "CLIPGenericStatus", func() object {
		return object{
			"state":            object{"status": 0, "lastupdated": "none"},
			"config":           object{"on": true, "reachable": true},
			"name":             "Scene cycle",
			"type":             "CLIPGenericStatus",
			"modelid":          "PHWA01",
			"manufacturername": signify,
			"swversion":        "1.0",
			"uniqueid":         "WA0001",
			"recycle":          true,
		}
	})
}

// SetReportTimes has every report of CLIP v2 have this time from now on, which
// may be any text: "1970-01-01T00:00:00.000Z" as by a bridge whose clock is not
// set, "none" as by emulators; "" for the true one.
func (b *Bridge) SetReportTimes(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reportTime = text
	b.reshape()
}

// reshape renews all resources, which look different.
func (b *Bridge) reshape() {
	b.shape++
	var c changes
	for _, d := range b.list {
		c.append(b.refresh(d))
	}
	for _, r := range b.rooms {
		c.append(b.refreshRoom(r))
	}
	for _, a := range b.motionAreas {
		c.append(b.refreshMotionArea(a))
	}
	c.append(b.refreshHome())
	b.publish([]changes{c})
}

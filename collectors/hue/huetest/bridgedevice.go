package huetest

import "strings"

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

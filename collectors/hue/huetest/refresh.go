package huetest

import (
	"cmp"
	"slices"
)

// setPart adds parts to the device with this MAC, which it creates if necessary, or
// replaces those of their kind.
func (h *home) setPart(mac, name, status string, battery int, parts ...part) []changes {
	d := h.deviceOf(mac)
	isNew := d == nil
	if isNew {
		d = &device{mac: lower(mac), update: "no_update", ids: make(map[serviceKey]string)}
		h.devices[d.mac] = d
		h.list = append(h.list, d)
		h.membership++
	}
	d.status, d.battery = status, battery
	for _, p := range parts {
		i := slices.IndexFunc(d.parts, func(other part) bool { return other.kind() == p.kind() })
		if i < 0 {
			d.parts = append(d.parts, p)
		} else {
			d.parts[i] = p
		}
		if d.parts[0] == p {
			d.name = name
		}
	}
	for _, p := range d.parts {
		p.enter(h, d)
	}
	return h.refreshAround(d, isNew)
}

// refreshAround renews a device's resources and those of the groups it is in.
func (h *home) refreshAround(d *device, membership bool) []changes {
	own := h.refresh(d)
	var groups changes
	_, motion := partOf[observer](d)
	_, light := partOf[lamp](d)
	if membership || motion || light {
		for _, r := range h.rooms {
			if slices.Contains(r.macs, d.mac) {
				groups.append(h.refreshRoom(r))
			}
		}
		groups.append(h.refreshHome())
	}
	return []changes{own, groups}
}

// refresh renews a device's resources.
func (h *home) refresh(d *device) changes {
	primary := ""
	about := product{}
	powered := false
	var services []*resource
	for i, p := range d.parts {
		if i == 0 {
			about = p.product()
		}
		if primary == "" {
			primary = p.v1(h, d)
		}
		powered = powered || p.powered()
		services = append(services, p.services(h, d)...)
	}
	if powered {
		services = append(services, d.service("device_power", 0, primary, d.battery, func() object {
			return object{"power_state": powerState(d.battery)}
		}))
	}
	switch d.connection() {
	case greenPower:
		services = append(services, d.service("zgp_connectivity", 0, primary, d.status, func() object {
			return object{"source_id": d.mac, "status": d.status}
		}))
	case zigbee:
		services = append(services,
			d.service("zigbee_connectivity", 0, primary, d.status, func() object {
				return object{"mac_address": d.mac, "status": d.status}
			}),
			d.service("device_software_update", 0, "", d.update, func() object {
				return object{"problems": []string{}, "state": d.update}
			}))
	}
	archetype := about.archetype
	if archetype == "" {
		archetype = "unknown_archetype"
	}
	// Parts are never removed, so their number identifies them.
	from := struct {
		about product
		name  string
		parts int
	}{about, d.name, len(d.parts)}
	self := &resource{id: d.id("device", 0), kind: "device", idV1: primary, from: from, build: func() object {
		return object{
			"identify": object{},
			"metadata": object{"archetype": archetype, "name": d.name},
			"product_data": object{
				"certified": true, "manufacturer_name": cmp.Or(about.manufacturer, signify), "model_id": about.model,
				"product_archetype": archetype, "product_name": about.name, "software_version": about.software,
			},
			"services": references(services),
		}
	}}
	var c changes
	d.resources, c = h.replace(d.resources, append([]*resource{self}, services...))
	return c
}

func powerState(battery int) object {
	state := "normal"
	switch {
	case battery <= 2:
		state = "critical"
	case battery <= 20:
		state = "low"
	}
	return object{"battery_level": battery, "battery_state": state}
}

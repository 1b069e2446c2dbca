package huetest

import (
	"cmp"
	"fmt"
	"slices"
)

// home is what both APIs report. The lock of its Bridge guards it.
type home struct {
	bridgeID        string
	sensors, lights collection         // CLIP v1
	devices         map[string]*device // by MAC
	list            []*device          // in the order in which they were added
	membership      int                // how often devices or rooms came, went or moved
	rooms           []*room
	lastGroup       int
	resources       map[string]*resource // CLIP v2, by id
	order           []string             // of the ids of resources
	bridgeDevice    []string             // ids of the bridge's own resources
	homeGroups      []string             // ids of the resources of the whole home
	homeMotion      motionGroup
	motionAreas     []*motionArea
	software        string
	reportTime      string // instead of the time of every report; "" for none
	shape           int    // how often what all resources look like has changed
}

func (h *home) init(bridgeID string) {
	h.bridgeID = bridgeID
	h.sensors, h.lights = newCollection(), newCollection()
	h.devices = make(map[string]*device)
	h.resources = make(map[string]*resource)
}

func (h *home) sensorPath(mac, kind string) string {
	if id := h.sensors.id(mac, kind); id != "" {
		return "/sensors/" + id
	}
	return ""
}

func (h *home) deviceOf(mac string) *device { return h.devices[lower(mac)] }

// partOf is a part of a device, or nil.
func (h *home) partOf(mac, kind string) part {
	if d := h.deviceOf(mac); d != nil {
		return d.part(kind)
	}
	return nil
}

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
		switch p := p.(type) {
		case *motionPart:
			d.motion = p
		case *lightPart:
			d.light = p
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
	if membership || d.motion != nil || d.light != nil {
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

// Rename gives a device another name, as the user does in the Hue app. In CLIP v1
// the entries that never have it keep theirs: temperature, light level, and the
// ring of a dial.
func (b *Bridge) Rename(mac, name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.deviceOf(mac)
	if d == nil {
		panic(fmt.Sprintf("huetest: no device %q to rename", mac))
	}
	d.name = name
	for _, p := range d.parts {
		switch p := p.(type) {
		case *buttonPart:
			p.name = name
		case *rotaryPart:
			if p.model != dialModel {
				p.name = name
			}
		}
		p.enter(&b.home, d)
	}
	b.publish([]changes{b.refresh(d)})
}

// SetConnectivity gives a device a Zigbee status until it is set again:
// "connected", "disconnected", "connectivity_issue" or "unidirectional_incoming".
// For CLIP v1 all but the first are unreachable.
func (b *Bridge) SetConnectivity(mac, status string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.deviceOf(mac)
	if d == nil {
		panic(fmt.Sprintf("huetest: no device %q to connect", mac))
	}
	d.status = status
	for _, p := range d.parts {
		p.enter(&b.home, d)
	}
	b.publish([]changes{b.refresh(d)})
}

// SetSoftwareUpdate has a device report how far an update of its software is:
// "no_update", "update_pending", "ready_to_install" or "installing". CLIP v1 does not
// report it.
func (b *Bridge) SetSoftwareUpdate(mac, state string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.deviceOf(mac)
	if d == nil {
		panic(fmt.Sprintf("huetest: no device %q to update", mac))
	}
	d.update = state
	b.publish([]changes{b.refresh(d)})
}

// Remove removes the device with this MAC from the home, if there is one.
func (b *Bridge) Remove(mac string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	mac = lower(mac)
	for _, c := range []*collection{&b.sensors, &b.lights} {
		for _, id := range c.idsOf(mac) {
			c.remove(id)
		}
	}
	d := b.devices[mac]
	if d == nil {
		return
	}
	_, own := b.replace(d.resources, nil)
	delete(b.devices, mac)
	b.list = slices.DeleteFunc(b.list, func(other *device) bool { return other == d })
	b.membership++
	var groups changes
	for _, r := range b.rooms {
		if slices.Contains(r.macs, mac) {
			r.macs = slices.DeleteFunc(r.macs, func(other string) bool { return other == mac })
			groups.append(b.refreshRoom(r))
		}
	}
	groups.append(b.refreshHome())
	b.publish([]changes{own, groups})
}

package huetest

import (
	"fmt"
	"slices"
)

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

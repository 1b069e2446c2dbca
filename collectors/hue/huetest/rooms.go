package huetest

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// SetRoom makes a room of the Hue app with the devices that have these MACs, or
// gives the room of this name these devices instead. A device is in one room at
// most: it is removed from any other. MACs without a device count when one is added.
func (b *Bridge) SetRoom(name string, macs ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	members := make([]string, len(macs))
	for i, mac := range macs {
		members[i] = lower(mac)
	}
	var target *room
	for _, r := range b.rooms {
		if r.name == name {
			target = r
			continue
		}
		r.macs = slices.DeleteFunc(r.macs, func(mac string) bool { return slices.Contains(members, mac) })
	}
	if target == nil {
		b.lastGroup++
		target = &room{name: name, v1: fmt.Sprint(b.lastGroup)}
		b.rooms = append(b.rooms, target)
	}
	target.macs = members
	b.membership++
	var c changes
	for _, r := range b.rooms {
		c.append(b.refreshRoom(r))
	}
	c.append(b.refreshHome())
	b.publish([]changes{c})
}

// members are the devices in the room.
func (h *home) members(r *room) []*device {
	var members []*device
	for _, mac := range r.macs {
		if d := h.devices[mac]; d != nil {
			members = append(members, d)
		}
	}
	return members
}

// observer is a part that detects motion and measures light.
type observer interface {
	part
	// observed returns nothing for a sensor that is switched off or never reported.
	observed() (motion bool, level float64)
}

// lamp is a part that gives light.
type lamp interface {
	part
	isOn() bool
}

// observe is what the motion sensors among these devices see together, and
// whether there are any.
func observe(devices []*device, before motionGroup) (now motionGroup, measures bool) {
	for _, d := range devices {
		if p, ok := partOf[observer](d); ok {
			measures = true
			motion, level := p.observed()
			now.motion = now.motion || motion
			now.level = math.Max(now.level, level)
		}
	}
	at := time.Now()
	now.motionChanged = since(!before.motionChanged.IsZero() && before.motion == now.motion, before.motionChanged, at)
	now.levelSince = since(!before.levelSince.IsZero() && before.level == now.level, before.levelSince, at)
	return now, measures
}

// group makes the resources of a room or of the home.
func (h *home) group(id, kind, idV1 string, devices []*device, g motionGroup, measures bool, build func() object) []*resource {
	owner := reference(id, kind)
	on := slices.ContainsFunc(devices, func(d *device) bool {
		light, ok := partOf[lamp](d)
		return ok && light.isOn()
	})
	services := []*resource{{
		id: uuid(id, "grouped_light"), kind: "grouped_light", idV1: idV1, owner: owner, from: on, build: func() object {
			return object{"alert": object{"action_values": []string{"breathe"}}, "dimming": object{"brightness": 0.0}, "on": object{"on": on}}
		},
	}}
	if measures && h.reports() {
		motion := struct {
			motion bool
			since  time.Time
		}{g.motion, g.motionChanged}
		level := struct {
			level float64
			since time.Time
		}{g.level, g.levelSince}
		services = append(services, &resource{
			id: uuid(id, "grouped_motion"), kind: "grouped_motion", owner: owner, from: motion, build: func() object {
				return object{"enabled": true, "motion": object{
					"motion_report": object{"changed": h.instant(g.motionChanged), "motion": g.motion},
				}}
			},
		}, &resource{
			id: uuid(id, "grouped_light_level"), kind: "grouped_light_level", owner: owner, from: level, build: func() object {
				return object{"enabled": true, "light": object{
					"light_level_report": object{"changed": h.instant(g.levelSince), "light_level": int(g.level)},
				}}
			},
		})
	}
	from := struct {
		membership int
		measures   bool
	}{h.membership, measures}
	self := &resource{id: id, kind: kind, idV1: idV1, from: from, build: func() object {
		o := build()
		o["services"] = references(services)
		return o
	}}
	return append([]*resource{self}, services...)
}

// refreshRoom renews the resources of a room.
func (h *home) refreshRoom(r *room) changes {
	members := h.members(r)
	g, measures := observe(members, r.motion)
	r.motion = g
	var c changes
	r.ids, c = h.replace(r.ids, h.group(h.roomID(r), "room", "/groups/"+r.v1, members, g, measures, func() object {
		children := []object{}
		for _, d := range members {
			children = append(children, d.reference())
		}
		return object{"children": children, "metadata": object{"archetype": "other", "name": r.name}}
	}))
	return c
}

func (h *home) roomID(r *room) string { return h.uuid("room", r.name) }

// refreshHome renews the resources of the whole home, whose children are the
// bridge, the rooms, and the devices that are in none.
func (h *home) refreshHome() changes {
	g, measures := observe(h.list, h.homeMotion)
	h.homeMotion = g
	var c changes
	h.homeGroups, c = h.replace(h.homeGroups, h.group(h.uuid("bridge_home"), "bridge_home", "/groups/0", h.list, g, measures, func() object {
		children := []object{reference(h.uuid("bridge", "device"), "device")}
		placed := make(map[string]bool)
		for _, r := range h.rooms {
			children = append(children, reference(h.roomID(r), "room"))
			for _, mac := range r.macs {
				placed[mac] = true
			}
		}
		for _, d := range h.list {
			if !placed[d.mac] {
				children = append(children, d.reference())
			}
		}
		return object{"children": children}
	}))
	return c
}

package huetest

import (
	"fmt"
	"slices"
	"time"
)

// SetMotionArea adds an area, or replaces the one of its name.
func (b *Bridge) SetMotionArea(a MotionArea) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.ContainsFunc(b.rooms, func(r *room) bool { return r.name == a.Room }) {
		panic(fmt.Sprintf("huetest: no room %q for the area %q", a.Room, a.Name))
	}
	i := slices.IndexFunc(b.motionAreas, func(other *motionArea) bool { return other.Name == a.Name })
	if i < 0 {
		i = len(b.motionAreas)
		b.motionAreas = append(b.motionAreas, &motionArea{changed: time.Now()})
	}
	area := b.motionAreas[i]
	area.changed = since(area.Motion == a.Motion, area.changed, time.Now())
	area.MotionArea = a
	b.publish([]changes{b.refreshMotionArea(area)})
}

// MotionAreaID is the id of the resource of an area.
func (b *Bridge) MotionAreaID(name string) string { return b.uuid("motion_area", name) }

// RemoveMotionArea removes an area.
func (b *Bridge) RemoveMotionArea(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var c changes
	b.motionAreas = slices.DeleteFunc(b.motionAreas, func(a *motionArea) bool {
		if a.Name == name {
			_, gone := b.replace(a.ids, nil)
			c.append(gone)
		}
		return a.Name == name
	})
	b.publish([]changes{c})
}

// refreshMotionArea renews the resources of an area.
func (h *home) refreshMotionArea(a *motionArea) changes {
	id := h.uuid("motion_area", a.Name)
	service := func(kind string, reporting bool) *resource {
		from := struct {
			reporting, motion, silent bool
			changed                   time.Time
		}{reporting, a.Motion, a.Silent, a.changed}
		return &resource{
			id: uuid(id, kind), kind: kind, owner: reference(id, "motion_area_configuration"), from: from, build: func() object {
				o := object{"enabled": reporting, "sensitivity": object{"sensitivity": 2, "sensitivity_max": 4}}
				seen := a.Motion && reporting
				if !a.Silent {
					o["motion"] = object{
						"motion": seen, "motion_report": object{"changed": h.instant(a.changed), "motion": seen}, "motion_valid": reporting,
					}
				}
				return o
			},
		}
	}
	services := []*resource{
		service("convenience_area_motion", a.Lights),
		service("security_area_motion", !a.Lights),
	}
	health := either(a.Health == "", "healthy", a.Health)
	var group *room
	for _, r := range h.rooms {
		if r.name == a.Room {
			group = r
		}
	}
	self := &resource{id: id, kind: "motion_area_configuration", from: a.MotionArea, build: func() object {
		o := object{
			"enabled": !a.Off, "health": health, "name": a.Name, "services": references(services),
			"participants": []object{},
		}
		if group != nil {
			o["group"] = reference(h.roomID(group), "room")
		}
		return o
	}}
	var c changes
	a.ids, c = h.replace(a.ids, append([]*resource{self}, services...))
	return c
}

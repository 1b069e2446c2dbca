package hue

import "hueair2mqtt/collectors"

// room is a room of the Hue app. If it has several sensors, it becomes a device for what
// they detect together.
type room struct {
	Children list[reference] `json:"children"`
	Metadata struct {
		Name label `json:"name"`
	} `json:"metadata"`
}

func (r *room) hasOwnID() bool { return true }

func (r *room) describe(d *collectors.Device) {
	d.Name = string(r.Metadata.Name)
	d.Manufacturer, d.Model = signify, "Room"
}

// minSensors is the min number of sensors for which their group has more to report than
// they have. A Hue bridge has a group for every room with one.
const minSensors = 2

// isGroup reports whether at least minSensors devices of the room detect motion or light.
func (r *room) isGroup(services map[string][]*resource) bool {
	sensors := 0
	for _, child := range r.Children {
		for _, s := range services[child.RID] {
			if s.kind == "motion" || s.kind == "camera_motion" || s.kind == "light_level" {
				sensors++
				break
			}
		}
	}
	return sensors >= minSensors
}

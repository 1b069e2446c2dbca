package hue

import "hueair2mqtt/collectors"

// room is a room of the Hue app. It becomes a device if it has several sensors,
// for what they see together.
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

// minSensors is how many sensors a room must have for their group to say more than
// they do. A Hue bridge has a group for every room that has one.
const minSensors = 2

// isGroup reports whether enough of the room's devices sense motion or light.
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

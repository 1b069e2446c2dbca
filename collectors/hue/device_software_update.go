package hue

import "hueair2mqtt/collectors"

// softwareUpdate is whether there is newer software for a device. The Hue bridge
// installs it.
type softwareUpdate struct {
	State *string `json:"state"`
}

func (u *softwareUpdate) measure(r *readings) {
	switch {
	case u.State == nil:
	case !collectors.SoftwareUpdate.Has(*u.State): // aiohue knows of "unknown" ones
		r.set(collectors.SoftwareUpdate, collectors.Unknown)
	default:
		r.set(collectors.SoftwareUpdate, collectors.Text(*u.State))
	}
}

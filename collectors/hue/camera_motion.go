package hue

import "hueair2mqtt/collectors"

// cameraMotion is the motion that a camera or doorbell sees.
type cameraMotion struct {
	Enabled *bool         `json:"enabled"`
	Motion  motionFeature `json:"motion"`
}

func (c *cameraMotion) reported() moment { return c.Motion.reported() }

func (c *cameraMotion) measure(r *readings) {
	r.enabled(c.Enabled)
	r.set(collectors.Motion, c.Motion.value(c.Enabled))
}

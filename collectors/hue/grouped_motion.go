package hue

import "hueair2mqtt/collectors"

// groupedMotion is what the motion sensors of a room see together.
type groupedMotion struct {
	Enabled *bool         `json:"enabled"`
	Motion  motionFeature `json:"motion"`
}

func (g *groupedMotion) reported() moment { return g.Motion.reported() }

func (g *groupedMotion) measure(r *readings) {
	r.set(collectors.Motion, g.Motion.value(g.Enabled))
}

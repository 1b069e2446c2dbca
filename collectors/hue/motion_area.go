package hue

import "hueair2mqtt/collectors"

// signify is the manufacturer of devices that are no hardware.
const signify = "Signify Netherlands B.V."

// motionArea is a MotionAware area: lamps of a room with whose radios a Bridge Pro detects
// motion. It is no hardware.
type motionArea struct {
	Name    label     `json:"name"`
	Enabled *bool     `json:"enabled"`
	Health  string    `json:"health"` // "healthy", "degraded", "not_running" and others
	Group   reference `json:"group"`  // the room or zone
}

func (a *motionArea) hasOwnID() bool { return true }

func (a *motionArea) describe(d *collectors.Device) {
	d.Name = string(a.Name)
	d.Manufacturer, d.Model = signify, "MotionAware area"
	if a.Enabled != nil {
		d.Readings[collectors.Enabled] = collectors.Bool(*a.Enabled)
	}
	if !isTrue(a.Enabled) || a.Health == "not_running" {
		d.Readings[collectors.Motion] = collectors.Unknown
	}
}

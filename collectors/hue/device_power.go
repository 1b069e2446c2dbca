package hue

import "hueair2mqtt/collectors"

const minBattery, maxBattery = 0, 100 // %

// devicePower is the battery of a device.
type devicePower struct {
	PowerState struct {
		BatteryLevel *float64 `json:"battery_level"` // %
		BatteryState *string  `json:"battery_state"`
	} `json:"power_state"`
}

func (p *devicePower) measure(r *readings) {
	if level := p.PowerState.BatteryLevel; level != nil {
		r.number(collectors.Battery, *level, minBattery, maxBattery, "battery_level")
	} else {
		r.set(collectors.Battery, collectors.Unknown)
	}
	switch state := p.PowerState.BatteryState; {
	case state == nil:
	case !collectors.BatteryState.Has(*state):
		r.impossible(collectors.BatteryState, "battery_state is %.40q, not normal, low or critical", *state)
	default:
		r.set(collectors.BatteryState, collectors.Text(*state))
	}
}

package hue

import (
	"maps"
	"slices"

	"hueair2mqtt/collectors"
)

// step gathers what becomes one Update.
type step struct {
	devices map[string]bool // by resource id
	touched map[string]bool // resources that have a state
	events  []collectors.Event
}

func newStep() *step { return &step{devices: make(map[string]bool), touched: make(map[string]bool)} }

// tell makes an Update of a step, if anything is in it.
func (c *Collector) tell(s *step) {
	if len(s.devices) == 0 && len(s.events) == 0 {
		return
	}
	u := collectors.Update{Events: s.events}
	for _, rid := range slices.Sorted(maps.Keys(s.devices)) {
		u.Devices = append(u.Devices, c.house.device(c, rid, &faults{})) // the next full read reports the faults
	}
	c.toldUpdates = append(c.toldUpdates, u)
}

// forgetStates leaves only the events of what is still to be returned: a full read
// is newer than the states.
func (c *Collector) forgetStates() {
	pending := c.toldUpdates
	c.toldUpdates = nil
	for _, u := range pending {
		if len(u.Events) > 0 {
			c.toldUpdates = append(c.toldUpdates, collectors.Update{Events: u.Events})
		}
	}
}

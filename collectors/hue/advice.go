package hue

import (
	"fmt"

	"hueair2mqtt/collectors"
)

// Advise tells what to do about a failure of Collect; see collectors.Adviser.
func (c *Collector) Advise(err error) string {
	if err == nil {
		return "add the sensors to the Hue bridge in the Hue app"
	}
	switch collectors.KindOf(err) {
	case collectors.NotUnderstood:
		return "look for a newer hueair2mqtt, and update the Hue bridge in the Hue app"
	case "other bridge":
		return fmt.Sprintf(`run "hueair2mqtt hue discover" to see which Hue bridge is where, and correct %s.host or %[1]s.id`, c.setting)
	case "malformed", "oversized", "permanent":
		return fmt.Sprintf("see that %s.host is the Hue bridge", c.setting)
	}
	if answered(err) {
		return "wait a minute and try again; if it stays so, take the Hue bridge from its power for ten seconds"
	}
	advice := fmt.Sprintf(`see that the Hue bridge has power and network, and is still at %s: "hueair2mqtt hue discover" tells`, c.host)
	if c.endpoint == c.id {
		advice += "; if another one replaced it, " + c.Removal()
	}
	return advice
}

// Removal tells how to remove the bridge; see collectors.Removable.
func (c *Collector) Removal() string {
	if c.endpoint == c.id { // no address is configured
		return fmt.Sprintf(`run "hueair2mqtt hue forget %s"`, c.id)
	}
	return fmt.Sprintf("remove %s from the configuration and restart hueair2mqtt", c.setting)
}

package discovery

import (
	"maps"
	"slices"
	"strings"

	"hueair2mqtt/collectors"
)

// event makes the entity of something that happens at a moment: a button, a
// doorbell, or a dial, which Home Assistant has no device class for.
func (a Announcer) event(deviceID, key string, types []string) component {
	c := component{
		Platform:   "event",
		UniqueID:   "hueair2mqtt_" + deviceID + "_" + key,
		Name:       eventName(key),
		StateTopic: a.Event(deviceID, key),
		EventTypes: types,
	}
	switch {
	case slices.Contains(types, "ring"): // which the device class wants to be there
		c.DeviceClass = "doorbell"
	case strings.HasPrefix(key, "button"), key == "bell":
		c.DeviceClass = "button"
	}
	return c
}

// eventName turns a key into what is shown: "button_1" into "Button 1".
func eventName(key string) string {
	words := strings.ReplaceAll(key, "_", " ")
	if words == "" {
		return words
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

// EventPayload is what is published when something happens: its type, as Home
// Assistant's event entities want it, and what else is known.
func EventPayload(e collectors.Event) map[string]any {
	payload := make(map[string]any, len(e.Attributes)+1)
	maps.Copy(payload, e.Attributes)
	payload["event_type"] = e.Type
	return payload
}

package hue

import (
	"maps"
	"slices"

	"hueair2mqtt/collectors"
)

// ButtonEvents is how the types of button events are named.
type ButtonEvents string

const (
	// HueEvents are named as the Hue bridge names them: "initial_press".
	HueEvents ButtonEvents = "hue"
	// StandardEvents are named as Home Assistant's event entities of the device class
	// button have them since 2026.7: "press_start". What has no name there keeps that
	// of Hue: "repeat".
	StandardEvents ButtonEvents = "standard"
)

// Types of events and an attribute of Home Assistant.
const (
	pressEnd        = "press_end"
	multiPressEnd   = "multi_press_end"
	ring            = "ring" // of the device class doorbell
	multiPressCount = "multi_press_count"
)

// standardNames are those of Home Assistant by Hue's.
var standardNames = map[string]string{
	initialPress:       "press_start",
	shortRelease:       pressEnd,
	longPress:          "long_press_start",
	longRelease:        "long_press_end",
	doubleShortRelease: multiPressEnd,
}

// name names a type of event of a button that emits these types.
func (b ButtonEvents) name(key, eventType string, types []string) string {
	if b != StandardEvents {
		return eventType
	}
	switch {
	case eventType != initialPress:
	case key == bellKey:
		return ring
	case len(types) == 1: // the press of a Hue Tap is all that it reports
		return pressEnd
	}
	if name, ok := standardNames[eventType]; ok {
		return name
	}
	return eventType
}

// types names all types of events of a button, sorted.
func (b ButtonEvents) types(key string, types []string) []string {
	named := make([]string, len(types))
	for i, t := range types {
		named[i] = b.name(key, t, types)
	}
	slices.Sort(named)
	return slices.Compact(named)
}

// event names the type of an event of a button that emits these types.
func (b ButtonEvents) event(e collectors.Event, types []string) collectors.Event {
	if e.Type = b.name(e.Key, e.Type, types); e.Type == multiPressEnd {
		attributes := maps.Clone(e.Attributes)
		if attributes == nil {
			attributes = make(map[string]any, 1)
		}
		attributes[multiPressCount] = 2
		e.Attributes = attributes
	}
	return e
}

package hue

import (
	"maps"
	"slices"

	"hueair2mqtt/collectors"
)

// Source is the name of this source, with which the ids of its devices begin.
const Source = "hue"

// deviceOptions is what the configuration says about devices.
type deviceOptions struct {
	areas        map[string]string // by MAC in lower case
	lights       bool              // read lights and plugs
	buttonEvents ButtonEvents
	clean        func(string) string // makes text from the network fit for an error
}

// ButtonEvents selects the names of the types of button events.
type ButtonEvents string

const (
	// HueEvents selects the names of the Hue bridge, such as "initial_press".
	HueEvents ButtonEvents = "hue"
	// StandardEvents selects the names of Home Assistant's event entities of the device
	// class button since 2026.7, such as "press_start". A type without such a name keeps
	// that of Hue: "repeat".
	StandardEvents ButtonEvents = "standard"
)

// Types of events and an attribute in Home Assistant.
const (
	pressEnd        = "press_end"
	multiPressEnd   = "multi_press_end"
	ring            = "ring" // of the device class doorbell
	multiPressCount = "multi_press_count"
)

// standardNames maps Hue's types to those of Home Assistant.
var standardNames = map[string]string{
	initialPress:       "press_start",
	shortRelease:       pressEnd,
	longPress:          "long_press_start",
	longRelease:        "long_press_end",
	doubleShortRelease: multiPressEnd,
}

// name returns the name of a type of event, for a button that emits these types.
func (b ButtonEvents) name(key, eventType string, types []string) string {
	if b != StandardEvents {
		return eventType
	}
	switch {
	case eventType != initialPress:
	case key == bellKey:
		return ring
	case len(types) == 1: // a Hue Tap reports only presses
		return pressEnd
	}
	if name, ok := standardNames[eventType]; ok {
		return name
	}
	return eventType
}

// types returns the names of all types of events of a button, sorted.
func (b ButtonEvents) types(key string, types []string) []string {
	named := make([]string, len(types))
	for i, t := range types {
		named[i] = b.name(key, t, types)
	}
	slices.Sort(named)
	return slices.Compact(named)
}

// event renames the type of an event, for a button that emits these types.
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

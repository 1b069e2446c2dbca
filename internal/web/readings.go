package web

import (
	"html/template"
	"maps"
	"slices"
	"strings"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors"
)

// reading is a value as the page shows it.
type reading struct {
	Measurement       collectors.Measurement
	Name, Value, Unit string
	Unknown           bool
	IsBool            bool          // Value needs no name: "no motion"
	Sparkline         template.HTML // empty if there is nothing to draw
}

// readings returns the readings of a device in the order in which they are announced.
func readings(d bridge.DevicePicture) []reading {
	measurements := slices.SortedFunc(maps.Keys(d.Readings), collectors.Measurement.Compare)
	all := make([]reading, 0, len(measurements))
	for _, m := range measurements {
		all = append(all, readingOf(m, d.Readings[m]))
	}
	return all
}

func readingOf(m collectors.Measurement, v collectors.Value) reading {
	d := m.Describe()
	r := reading{Measurement: m, Name: d.Name, Value: d.Show(v), Unit: d.Unit, Unknown: v.IsUnknown(), IsBool: d.True != ""}
	if r.Unknown {
		r.Unit = ""
	}
	return r
}

// values returns the readings and events of a device in one line.
func values(d bridge.DevicePicture) string {
	var parts []string
	for _, r := range readings(d) {
		switch {
		case r.Unknown:
		case r.IsBool:
			parts = append(parts, r.Value)
		default:
			parts = append(parts, strings.TrimSpace(r.Name+" "+r.Value+" "+r.Unit))
		}
	}
	return strings.Join(append(parts, eventNames(d)...), ", ")
}

// entities returns the names of a device's readings and events in one line.
func entities(d bridge.DevicePicture) string {
	var names []string
	for _, r := range readings(d) {
		names = append(names, r.Name)
	}
	return strings.Join(append(names, eventNames(d)...), ", ")
}

// eventNames returns the names of a device's buttons and dials, such as "Button 1".
func eventNames(d bridge.DevicePicture) (names []string) {
	for _, key := range slices.Sorted(maps.Keys(d.EventTypes)) {
		names = append(names, collectors.Title(key))
	}
	return names
}

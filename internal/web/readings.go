package web

import (
	"cmp"
	"html/template"
	"maps"
	"slices"
	"strconv"
	"strings"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors"
	"hueair2mqtt/discovery"
)

// boolWords are the words for true and false. Other bools are "yes" or "no".
var boolWords = map[collectors.Measurement][2]string{
	collectors.Motion:  {"motion", "no motion"},
	collectors.Contact: {"open", "closed"},
	collectors.Tamper:  {"tampered with", "untouched"},
	collectors.Enabled: {"switched on", "switched off"},
	collectors.On:      {"on", "off"},
}

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
	measurements := slices.SortedFunc(maps.Keys(d.Readings), func(a, b collectors.Measurement) int {
		_, orderA := discovery.LabelOf(string(a))
		_, orderB := discovery.LabelOf(string(b))
		return cmp.Or(cmp.Compare(orderA, orderB), cmp.Compare(a, b))
	})
	all := make([]reading, 0, len(measurements))
	for _, m := range measurements {
		all = append(all, readingOf(m, d.Readings[m]))
	}
	return all
}

func readingOf(m collectors.Measurement, v collectors.Value) reading {
	label, _ := discovery.LabelOf(string(m))
	words, isBool := boolWords[m]
	r := reading{Measurement: m, Name: label.Name, Unit: label.Unit, IsBool: isBool}
	if !isBool {
		words = [2]string{"yes", "no"}
	}
	number, isNumber := v.Number()
	truth, isTruth := v.Truth()
	text, isText := v.Text()
	switch {
	case isText:
		r.Value = strings.ReplaceAll(text, "_", " ")
	case isNumber:
		r.Value = strconv.FormatFloat(number, 'f', label.Precision, 64)
	case isTruth && truth:
		r.Value = words[0]
	case isTruth:
		r.Value = words[1]
	default:
		r.Value, r.Unit, r.Unknown = "unknown", "", true
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
		label, _ := discovery.LabelOf(key)
		names = append(names, label.Name)
	}
	return names
}

package web

import (
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors"
	"hueair2mqtt/discovery"
)

// truths are words for what is true or false; others are "yes" and "no".
var truths = map[collectors.Measurement][2]string{
	collectors.Motion:  {"motion", "no motion"},
	collectors.Contact: {"open", "closed"},
	collectors.Tamper:  {"tampered with", "untouched"},
	collectors.Enabled: {"switched on", "switched off"},
	collectors.On:      {"on", "off"},
}

// reading is a value with what it is called.
type reading struct {
	Measurement       collectors.Measurement
	Name, Value, Unit string
	Unknown           bool
	Speaks            bool          // Value says what it is about: "no motion"
	Sparkline         template.HTML // empty where there is nothing to draw
}

// readings are a device's, in the order of the table that announces them.
func readings(d bridge.DevicePicture) []reading {
	measured := make([]collectors.Measurement, 0, len(d.Readings))
	for m := range d.Readings {
		measured = append(measured, m)
	}
	slices.SortFunc(measured, func(a, b collectors.Measurement) int {
		_, orderA := discovery.LabelOf(string(a))
		_, orderB := discovery.LabelOf(string(b))
		return cmp.Or(cmp.Compare(orderA, orderB), strings.Compare(string(a), string(b)))
	})
	all := make([]reading, 0, len(measured))
	for _, m := range measured {
		all = append(all, readingOf(m, d.Readings[m]))
	}
	return all
}

func readingOf(m collectors.Measurement, v collectors.Value) reading {
	label, _ := discovery.LabelOf(string(m))
	words, isTruth := truths[m]
	r := reading{Measurement: m, Name: label.Name, Unit: label.Unit, Speaks: isTruth}
	number, isNumber := v.Number()
	truth, known := v.Truth()
	text, isText := v.Text()
	switch {
	case isText:
		r.Value = strings.ReplaceAll(text, "_", " ")
	case isNumber:
		r.Value = strconv.FormatFloat(number, 'f', label.Precision, 64)
	case known && !isTruth:
		r.Value = map[bool]string{true: "yes", false: "no"}[truth]
	case known && truth:
		r.Value = words[0]
	case known:
		r.Value = words[1]
	default:
		r.Value, r.Unit, r.Unknown = "unknown", "", true
	}
	return r
}

// values are a device's values in one line, what makes events last.
func values(d bridge.DevicePicture) string {
	var parts []string
	for _, r := range readings(d) {
		switch {
		case r.Unknown:
		case r.Speaks:
			parts = append(parts, r.Value)
		default:
			parts = append(parts, strings.TrimSpace(r.Name+" "+r.Value+" "+r.Unit))
		}
	}
	return strings.Join(append(parts, eventNames(d)...), ", ")
}

// eventNames are what makes events: "Button 1".
func eventNames(d bridge.DevicePicture) (names []string) {
	for _, key := range slices.Sorted(maps.Keys(d.EventTypes)) {
		label, _ := discovery.LabelOf(key)
		names = append(names, label.Name)
	}
	return names
}

// timeElement shows a time: by this machine's clock here, which the script turns
// into the browser's own.
func timeElement(t, now time.Time) template.HTML {
	if t.IsZero() {
		return "never"
	}
	layout := "15:04:05"
	local := t.Local()
	if y, d := local.Year(), local.YearDay(); y != now.Local().Year() || d != now.Local().YearDay() {
		layout = "2 Jan 15:04"
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s</time>`, t.UTC().Format(time.RFC3339), local.Format(layout)))
}

func secondsLeft(until, now time.Time) int {
	return max(0, int(math.Ceil(until.Sub(now).Seconds())))
}

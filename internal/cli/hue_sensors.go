package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"hueair2mqtt/collectors"
)

// hueReadings are what the list of sensors shows, in this order, each with words
// for its value.
var hueReadings = []struct {
	measurement collectors.Measurement
	words       func(collectors.Value) string
}{
	{collectors.Temperature, inUnit(" °C")},
	{collectors.Motion, eitherOr("motion", "no motion")},
	{collectors.Illuminance, inUnit(" lx")},
	{collectors.Contact, eitherOr("open", "closed")},
	{collectors.Tamper, eitherOr("tampered with", "not tampered with")},
	{collectors.Battery, func(v collectors.Value) string { return "battery " + v.String() + " %" }},
}

func inUnit(unit string) func(collectors.Value) string {
	return func(v collectors.Value) string { return v.String() + unit }
}

func eitherOr(yes, no string) func(collectors.Value) string {
	return func(v collectors.Value) string {
		if truth, _ := v.Truth(); truth {
			return yes
		}
		return no
	}
}

// writeHueSensors lists sensors, buttons and dials with their values, a line each.
func writeHueSensors(w io.Writer, devices []collectors.Device) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, d := range devices {
		var parts []string
		if !d.Online {
			parts = append(parts, "offline")
		}
		for _, r := range hueReadings {
			if v := d.Readings[r.measurement]; !v.IsUnknown() {
				parts = append(parts, r.words(v))
			}
		}
		if len(d.EventTypes) > 0 {
			parts = append(parts, strings.Join(slices.Sorted(maps.Keys(d.EventTypes)), ", "))
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", orUnknown(d.Name), d.Area, d.Serial, strings.Join(parts, ", "))
	}
	return table.Flush()
}

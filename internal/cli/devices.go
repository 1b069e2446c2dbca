package cli

import (
	"fmt"
	"hueair2mqtt/collectors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
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

// monitorColumns are what the list of monitors shows, with units.
var monitorColumns = []struct {
	measurement collectors.Measurement
	title       string
}{
	{collectors.Temperature, "Temperature °C"},
	{collectors.Humidity, "Humidity %"},
	{collectors.PM25, "PM2.5 µg/m³"},
	{collectors.PM10, "PM10 µg/m³"},
	{collectors.CarbonMonoxide, "CO ppm"},
	{collectors.VOCIndex, "VOC index"},
	{collectors.IndoorAirQuality, "Air quality 0-100"},
}

// writeMonitors lists monitors with their values, a line each.
func writeMonitors(w io.Writer, devices []collectors.Device) error {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprint(table, "Monitor\tSerial number")
	for _, column := range monitorColumns {
		fmt.Fprint(table, "\t"+column.title)
	}
	fmt.Fprintln(table)
	for _, d := range devices {
		name := d.Name
		if name == "" {
			name = d.ID
		}
		if !d.Online {
			name += " (offline)"
		}
		fmt.Fprint(table, name+"\t"+d.Serial)
		for _, column := range monitorColumns {
			text := "-"
			if value, ok := d.Readings[column.measurement].Number(); ok {
				text = strconv.FormatFloat(value, 'f', -1, 64)
			}
			fmt.Fprint(table, "\t"+text)
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}

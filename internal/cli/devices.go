package cli

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"hueair2mqtt/collectors"
)

// readings returns the known readings of a device as people read them. Of those
// about the device itself it returns the battery alone.
func readings(d collectors.Device) (parts []string) {
	for _, m := range collectors.Measurements {
		v := d.Readings[m.Measurement]
		_, isNumber := v.Number()
		switch {
		case v.IsUnknown(), m.Diagnostic && m.Unit == "":
		case !isNumber:
			parts = append(parts, m.Show(v))
		case m.Unit == "" || m.Unit == "%": // which says little without the name
			parts = append(parts, strings.TrimSpace(strings.ToLower(m.Name)+" "+v.String()+" "+m.Unit))
		default:
			parts = append(parts, v.String()+" "+m.Unit)
		}
	}
	return parts
}

// writeHueSensors lists sensors, buttons and dials with their values, one per line.
func writeHueSensors(w io.Writer, devices []collectors.Device) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, d := range devices {
		var parts []string
		if !d.Online {
			parts = append(parts, "offline")
		}
		parts = append(parts, readings(d)...)
		if len(d.EventTypes) > 0 {
			parts = append(parts, strings.Join(slices.Sorted(maps.Keys(d.EventTypes)), ", "))
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", orUnknown(d.Name), d.Area, d.Serial, strings.Join(parts, ", "))
	}
	return table.Flush()
}

// writeMonitors lists monitors with their values, one per line.
func writeMonitors(w io.Writer, devices []collectors.Device) error {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprint(table, "Monitor\tSerial number")
	columns := slices.DeleteFunc(slices.Clone(collectors.Measurements), func(m collectors.Description) bool {
		return m.Diagnostic || !slices.ContainsFunc(devices, func(d collectors.Device) bool { _, ok := d.Readings[m.Measurement]; return ok })
	})
	for _, m := range columns {
		fmt.Fprint(table, "\t"+strings.TrimSpace(m.Name+" "+m.Unit))
	}
	fmt.Fprintln(table)
	for _, d := range devices {
		name := cmp.Or(d.Name, d.ID)
		if !d.Online {
			name += " (offline)"
		}
		fmt.Fprint(table, name+"\t"+d.Serial)
		for _, m := range columns {
			text := "-"
			if v := d.Readings[m.Measurement]; !v.IsUnknown() {
				text = v.String()
			}
			fmt.Fprint(table, "\t"+text)
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}

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

// writeDevices writes a table of devices with their readings, one device per line.
func writeDevices(w io.Writer, devices []collectors.Device) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, d := range devices {
		parts := readings(d)
		if !d.Online {
			parts = append([]string{"offline"}, parts...)
		}
		parts = append(parts, slices.Sorted(maps.Keys(d.EventTypes))...)
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", cmp.Or(d.Name, d.ID), d.Area, d.Serial, strings.Join(parts, ", "))
	}
	return table.Flush()
}

// readings returns the known readings of a device as people read them. Of those about the
// device itself it returns only the battery.
func readings(d collectors.Device) (parts []string) {
	for _, m := range collectors.Measurements {
		v := d.Readings[m.Measurement]
		switch _, isNumber := v.Number(); {
		case v.IsUnknown(), m.Diagnostic && m.Unit == "":
		case isNumber:
			parts = append(parts, strings.TrimSpace(fmt.Sprintf("%s %v %s", m.Name, v, m.Unit)))
		default:
			parts = append(parts, m.Show(v))
		}
	}
	return parts
}

package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"hueair2mqtt/collectors"
)

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

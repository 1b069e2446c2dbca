package cli

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"hueair2mqtt/collectors"
)

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

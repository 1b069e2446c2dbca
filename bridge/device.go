package bridge

import (
	"cmp"
	"maps"
	"time"

	"hueair2mqtt/collectors"
)

// device is the state of a device.
type device struct {
	collectors.Device
	endpoint  *endpoint // that reported it last
	reachable bool      // its source could be read
	since     time.Time // when Online last changed
}

// update replaces the state of the device. A name that the source did not report
// this time, and entities that it reported before, stay.
func (d *device) update(found collectors.Device) {
	known := d.Device
	if known.ID != "" && known.Online != found.Online {
		d.since = time.Now()
	}
	d.Device = found
	d.Readings = make(map[collectors.Measurement]collectors.Value, len(found.Readings))
	for measurement := range known.Readings {
		d.Readings[measurement] = collectors.Unknown
	}
	maps.Copy(d.Readings, found.Readings)
	d.Name = cmp.Or(found.Name, known.Name)
	d.Area = cmp.Or(found.Area, known.Area)
	d.Manufacturer = cmp.Or(found.Manufacturer, known.Manufacturer)
	d.Model = cmp.Or(found.Model, known.Model)
	d.SoftwareVersion = cmp.Or(found.SoftwareVersion, known.SoftwareVersion)
	d.Serial = cmp.Or(found.Serial, known.Serial)
	if d.LastSeen.IsZero() {
		d.LastSeen = known.LastSeen
	}
	d.EventTypes = make(map[string][]string, len(found.EventTypes))
	maps.Copy(d.EventTypes, known.EventTypes)
	maps.Copy(d.EventTypes, found.EventTypes)
}

// lose makes the device unavailable: its readings become unknown.
func (d *device) lose(reachable bool) {
	if d.Online {
		d.since = time.Now()
	}
	d.Online, d.reachable = false, reachable
	for measurement := range d.Readings {
		d.Readings[measurement] = collectors.Unknown
	}
}

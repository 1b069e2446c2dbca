package hue

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/amimof/huego"

	"hueair2mqtt/collectors"
)

// measures maps the type of an entry to what it measures, apart from its battery. Apps and
// rules create entries of other types.
var measures = map[string]collectors.Measurement{
	"ZLLTemperature":    collectors.Temperature,
	"ZLLPresence":       collectors.Motion,
	"ZLLLightLevel":     collectors.Illuminance,
	"ZLLSwitch":         "",
	"ZLLRelativeRotary": "",
	greenPowerSwitch:    "",
}

// greenPowerSwitch is the type of the Hue Tap and of Friends-of-Hue switches.
const greenPowerSwitch = "ZGPSwitch"

// onlySends reports whether an entry is a switch powered by its press. The Hue bridge cannot
// ask it, so it is never offline.
func onlySends(s *huego.Sensor) bool { return s.Type == greenPowerSwitch }

// hasDeviceName reports whether the entry has the user's name for the device; the other
// entries of a motion sensor have names such as "Hue temperature sensor 1".
func hasDeviceName(s *huego.Sensor) bool {
	return s.Type != "ZLLTemperature" && s.Type != "ZLLLightLevel"
}

// devicesOf returns one device for all entries with the same MAC. Of several entries of one
// type, the one with the lowest id counts.
func devicesOf(sensors []huego.Sensor, o *deviceOptions, faults *faults) []collectors.Device {
	slices.SortFunc(sensors, func(a, b huego.Sensor) int { return cmp.Compare(a.ID, b.ID) })
	byID := make(map[string][]*huego.Sensor)
	for i := range sensors {
		s := &sensors[i]
		id := collectors.DeviceID(Source, mac(s.UniqueID))
		_, hardware := measures[s.Type]
		if s.Type == greenPowerSwitch && len(s.State) == 0 {
			hardware = false // apps and rules create such entries
		}
		if id == "" || !hardware || slices.ContainsFunc(byID[id], func(other *huego.Sensor) bool { return other.Type == s.Type }) {
			continue
		}
		byID[id] = append(byID[id], s)
	}
	devices := make([]collectors.Device, 0, len(byID))
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		// A Hue Tap has no readings, not even a battery, but is a device.
		d := deviceOf(id, byID[id], o, faults)
		if len(d.Readings) > 0 || slices.ContainsFunc(byID[id], onlySends) {
			devices = append(devices, d)
		}
	}
	return devices
}

func deviceOf(id string, entries []*huego.Sensor, o *deviceOptions, faults *faults) collectors.Device {
	d := collectors.Device{
		ID: id, Serial: mac(entries[0].UniqueID), Online: true,
		Readings: make(map[collectors.Measurement]collectors.Value, 4),
	}
	d.Area = o.areas[strings.ToLower(d.Serial)]
	neverReported := 0
	for _, s := range entries {
		f := fields{sensor: s, fault: func(part, key, what string) {
			faults.add(`sensor "%d": %s.%s %s`, s.ID, part, key, o.clean(what))
		}}
		if hasDeviceName(s) {
			d.Name = cmp.Or(d.Name, s.Name)
		}
		d.Manufacturer = cmp.Or(d.Manufacturer, s.ManufacturerName)
		d.Model = cmp.Or(d.Model, s.ModelID)
		d.SoftwareVersion = cmp.Or(d.SoftwareVersion, s.SwVersion)

		updated, never := f.lastUpdated()
		if never && !onlySends(s) {
			neverReported++
		}
		if updated.After(d.LastSeen) {
			d.LastSeen = updated
		}
		if reachable, ok := f.boolean("config", "reachable").Bool(); ok && !reachable && !onlySends(s) {
			d.Online = false
		}
		value := f.measured()
		if on, ok := f.boolean("config", "on").Bool(); never || ok && !on {
			value = collectors.Unknown
		}
		if m := measures[s.Type]; m != "" {
			d.Readings[m] = value
		}
		if _, ok := s.Config["battery"]; ok {
			battery := f.number("config", "battery", minBattery, maxBattery)
			if d.Readings[collectors.Battery].IsUnknown() {
				d.Readings[collectors.Battery] = battery
			}
		}
	}
	if neverReported == len(entries) {
		d.Online = false
	}
	if !d.Online {
		for m := range d.Readings {
			d.Readings[m] = collectors.Unknown
		}
	}
	return d
}

// fields reads the values of one entry. A value of the wrong type, or an impossible one, is
// a fault and Unknown.
type fields struct {
	sensor *huego.Sensor
	fault  func(part, key, what string)
}

// measured returns the reading of the entry's type.
func (f fields) measured() collectors.Value {
	switch measures[f.sensor.Type] {
	case collectors.Temperature:
		hundredths := f.number("state", "temperature", 100*minTemperature, 100*maxTemperature)
		if n, ok := hundredths.Number(); ok {
			return collectors.Number(n / 100)
		}
	case collectors.Motion:
		return f.boolean("state", "presence")
	case collectors.Illuminance:
		if level, ok := f.number("state", "lightlevel", minLightLevel, maxLightLevel).Number(); ok {
			return collectors.Number(lux(level))
		}
	}
	return collectors.Unknown
}

func (f fields) value(part, key string) any {
	if part == "state" {
		return f.sensor.State[key]
	}
	return f.sensor.Config[key]
}

func (f fields) number(part, key string, lowest, highest float64) collectors.Value {
	switch v := f.value(part, key).(type) {
	case nil: // missing, or not known yet
	case float64:
		if v >= lowest && v <= highest {
			return collectors.Number(v)
		}
		f.fault(part, key, fmt.Sprintf("is %g, which is not between %g and %g", v, lowest, highest))
	default:
		f.fault(part, key, "is "+kindOf(v)+", not a number")
	}
	return collectors.Unknown
}

func (f fields) boolean(part, key string) collectors.Value {
	switch v := f.value(part, key).(type) {
	case nil:
	case bool:
		return collectors.Bool(v)
	default:
		f.fault(part, key, "is "+kindOf(v)+", not true or false")
	}
	return collectors.Unknown
}

// lastUpdated returns when the entry last reported, zero if that is unknown, and whether the
// bridge reports by "none" or a time of 1970 that it never did. The bridge sends UTC without
// a zone; a zone is accepted.
func (f fields) lastUpdated() (at time.Time, never bool) {
	v := f.value("state", "lastupdated")
	if v == nil {
		return time.Time{}, false
	}
	text, ok := v.(string)
	switch {
	case !ok:
		f.fault("state", "lastupdated", "is "+kindOf(v)+", not a time")
		return time.Time{}, false
	case text == "none":
		return time.Time{}, true
	}
	m := parseMoment(text, "2006-01-02T15:04:05", time.RFC3339)
	if m.wrong != "" {
		f.fault("state", "lastupdated", "is "+m.wrong+", which is not a time such as 2025-11-18T14:30:00")
	}
	return m.at, m.never
}

package hue

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/amimof/huego"

	"hueair2mqtt/collectors"
)

// macOctets is the length of a Zigbee address; what has a shorter one, or none,
// is no hardware.
const macOctets = 8

// What a sensor can truly say; anything else is a fault. The temperature is far
// wider than the hardware's -20 to 50 °C, the light level is a uint16.
const (
	minTemperature, maxTemperature = -100, 100 // °C
	minLightLevel, maxLightLevel   = 0, math.MaxUint16
	minBattery, maxBattery         = 0, 100 // %
)

// measures says what an entry of a type measures, beside its battery; types that
// are not in it are made by apps and rules.
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

// onlySends reports whether an entry is a switch that takes its power from the
// press. The Hue bridge can't ask it, so it is never offline, pressed or not.
func onlySends(s *huego.Sensor) bool { return s.Type == greenPowerSwitch }

// named says whether the user's name for the device is the entry's; the other
// entries of a motion sensor are called "Hue temperature sensor 1" and the like.
func named(s *huego.Sensor) bool {
	return s.Type != "ZLLTemperature" && s.Type != "ZLLLightLevel"
}

// devices makes one device of all the entries that share a MAC. A type that a
// device has twice counts once, in the entry with the lowest id.
func (c *Collector) devices(sensors []huego.Sensor, faults *faults) []collectors.Device {
	slices.SortFunc(sensors, func(a, b huego.Sensor) int { return cmp.Compare(a.ID, b.ID) })
	byID := make(map[string][]*huego.Sensor)
	for i := range sensors {
		s := &sensors[i]
		id := collectors.DeviceID(Source, mac(s.UniqueID))
		_, hardware := measures[s.Type]
		if s.Type == greenPowerSwitch && len(s.State) == 0 {
			hardware = false // apps and rules make such entries
		}
		if id == "" || !hardware || slices.ContainsFunc(byID[id], func(other *huego.Sensor) bool { return other.Type == s.Type }) {
			continue
		}
		byID[id] = append(byID[id], s)
	}
	devices := make([]collectors.Device, 0, len(byID))
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		// A Hue Tap has nothing to read, not even a battery, and is a device all the same.
		d := c.device(id, byID[id], faults)
		if len(d.Readings) > 0 || slices.ContainsFunc(byID[id], onlySends) {
			devices = append(devices, d)
		}
	}
	return devices
}

// mac returns the hardware address that heads a uniqueid such as
// "00:17:88:01:02:03:04:05-02-0402", or "".
func mac(uniqueID string) string {
	head, _, _ := strings.Cut(uniqueID, "-")
	if address, err := net.ParseMAC(head); err != nil || len(address) != macOctets || strings.Count(head, ":") != macOctets-1 {
		return ""
	}
	return head
}

func (c *Collector) device(id string, entries []*huego.Sensor, faults *faults) collectors.Device {
	d := collectors.Device{
		ID: id, Serial: mac(entries[0].UniqueID), Online: true,
		Readings: make(map[collectors.Measurement]collectors.Value, 4),
	}
	d.Area = c.areas[strings.ToLower(d.Serial)]
	neverReported := 0
	for _, s := range entries {
		f := fields{sensor: s, fault: func(part, key, what string) {
			faults.add(`sensor "%d": %s.%s %s`, s.ID, part, key, c.target.Clean(what))
		}}
		if named(s) {
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
		if reachable, ok := f.truth("config", "reachable").Truth(); ok && !reachable && !onlySends(s) {
			d.Online = false
		}
		value := f.measured()
		if on, ok := f.truth("config", "on").Truth(); never || ok && !on {
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

// fields reads the values of one entry. What has the wrong type or an impossible
// value becomes a fault and Unknown, and nothing else is lost.
type fields struct {
	sensor *huego.Sensor
	fault  func(part, key, what string)
}

// measured is what the entry's own type is about.
func (f fields) measured() collectors.Value {
	switch measures[f.sensor.Type] {
	case collectors.Temperature:
		hundredths := f.number("state", "temperature", 100*minTemperature, 100*maxTemperature)
		if n, ok := hundredths.Number(); ok {
			return collectors.Number(n / 100)
		}
	case collectors.Motion:
		return f.truth("state", "presence")
	case collectors.Illuminance:
		if level, ok := f.number("state", "lightlevel", minLightLevel, maxLightLevel).Number(); ok {
			return collectors.Number(lux(level))
		}
	}
	return collectors.Unknown
}

// lux is the illuminance of a light level, which the CLIP documentation defines
// as 10000 log10(lux) + 1. Level 0 is none of these: by Zigbee's illuminance
// cluster, where the level comes from, it is too dark to be measured.
func lux(level float64) float64 {
	if level == 0 {
		return 0
	}
	return math.Pow(10, (level-1)/10000)
}

func (f fields) value(part, key string) any {
	if part == "state" {
		return f.sensor.State[key]
	}
	return f.sensor.Config[key]
}

func (f fields) number(part, key string, least, most float64) collectors.Value {
	switch v := f.value(part, key).(type) {
	case nil: // not there, or not known yet
	case float64:
		if v >= least && v <= most {
			return collectors.Number(v)
		}
		f.fault(part, key, fmt.Sprintf("is %g, which is not between %g and %g", v, least, most))
	default:
		f.fault(part, key, "is "+kindOf(v)+", not a number")
	}
	return collectors.Unknown
}

func (f fields) truth(part, key string) collectors.Value {
	switch v := f.value(part, key).(type) {
	case nil:
	case bool:
		return collectors.Truth(v)
	default:
		f.fault(part, key, "is "+kindOf(v)+", not true or false")
	}
	return collectors.Unknown
}

// lastUpdated is when the entry last reported, zero if that is unknown, and
// whether the bridge says that it never did, by "none" or a time of 1970. The
// bridge writes UTC without a zone; a zone is understood as well.
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
		f.fault("state", "lastupdated", "is "+m.wrong+", which is no time such as 2025-11-18T14:30:00")
	}
	return m.at, m.never
}

//go:build homeassistant

package homeassistant_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/collectors/hue/huetest"
)

// values returns the states that Home Assistant must show while everything runs, by device and key.
// An unreachable device has only its connectivity.
func (h *testHome) values() map[[2]string]any {
	all := make(map[[2]string]any)
	add := func(device string, reachable bool, readings map[string]any) {
		for key, value := range readings {
			if !reachable {
				value = "unavailable"
			}
			all[[2]string{device, key}] = value
		}
		all[[2]string{device, "connectivity"}] = onOff(reachable)
	}
	motion := func(device string, s huetest.MotionSensor) {
		readings := map[string]any{
			"temperature": s.Temperature, "motion": onOff(s.Motion), "illuminance": s.Lux, "battery": float64(s.Battery),
			"battery_state": batteryState(s.Battery), "enabled": onOff(!s.Off), "software_update": "off",
		}
		if s.Off {
			readings["temperature"], readings["motion"], readings["illuminance"] = "unknown", "unknown", "unknown"
		}
		add(device, s.Reachable, readings)
	}
	monitor := func(device string, m amazontest.Monitor) {
		celsius := m.Temperature
		if m.Scale == "FAHRENHEIT" {
			celsius = (m.Temperature - 32) / 1.8
		}
		readings := map[string]any{
			"temperature": celsius, "humidity": m.Humidity, "pm25": m.PM25, "carbon_monoxide": m.CO, "voc_index": m.VOCIndex,
			"indoor_air_quality": m.AirQuality,
		}
		if !m.NoPM10 {
			readings["pm10"] = m.PM10
		}
		add(device, m.Reachable, readings)
	}
	motion(hallSensor, h.hall)
	motion(cellarSensor, h.cellar)
	motion(stairsSensor, h.stairs)
	add(frontDoor, h.door.Reachable, map[string]any{
		"contact": onOff(h.door.Open), "tamper": onOff(h.door.Tampered), "battery": float64(h.door.Battery),
		"battery_state": batteryState(h.door.Battery), "enabled": "on", "software_update": "on",
	})
	for device, battery := range map[string]int{kitchenDimmer: h.dimmer.Battery, lampDial: h.dial.Battery} {
		reachable := h.dimmer.Reachable
		if device == lampDial {
			reachable = h.dial.Reachable
		}
		add(device, reachable, map[string]any{"battery": float64(battery), "battery_state": batteryState(battery), "software_update": "off"})
	}
	add(wallTap, true, nil)
	add(h.doorbellID(), true, map[string]any{"motion": onOff(h.doorbell.Motion), "enabled": "on"})
	add(h.sofaCorner(), true, map[string]any{"motion": onOff(h.sofa.Motion), "enabled": "on"})
	add(h.hallRoom(), true, map[string]any{"motion": onOff(h.hall.Motion), "illuminance": h.hall.Lux})
	add(readingLamp, h.lamp.Reachable, map[string]any{
		"on": onOff(h.lamp.On), "brightness": h.lamp.Brightness, "color_temperature": 1e6 / float64(h.lamp.Mirek), "software_update": "off",
	})
	add(fanPlug, h.plug.Reachable, map[string]any{"on": onOff(h.plug.On), "software_update": "off"})
	monitor(livingRoomAir, h.livingRoom)
	monitor(bedroomAir, h.bedroom)
	for source, devices := range map[string]float64{hueSource: 12, amazonSource: 2} {
		all[[2]string{source, "problem"}] = "off"
		all[[2]string{source, "connected"}] = "on"
		all[[2]string{source, "devices"}] = devices
	}
	all[[2]string{bridgeItself, "connectivity"}] = "on"
	all[[2]string{bridgeItself, "version"}] = bridgeVersion
	return all
}

// batteryState returns the Hue bridge's word for a battery level.
func batteryState(level int) string {
	switch {
	case level <= 2:
		return "critical"
	case level <= 20:
		return "low"
	}
	return "normal"
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// differences returns the states that differ from the expected ones.
func (r registry) differences(values map[[2]string]any) error {
	var all []error
	for key, want := range values {
		if got := r.state(key[0], key[1]); !same(got, want) {
			all = append(all, fmt.Errorf("%s %s is %s, want %v", key[0], key[1], got, want))
		}
	}
	return errors.Join(all...)
}

// same compares numbers with the precision of a Hue sensor's logarithmic light level.
func same(got string, want any) bool {
	number, isNumber := want.(float64)
	if !isNumber {
		return got == want
	}
	value, err := strconv.ParseFloat(got, 64)
	return err == nil && math.Abs(value-number) <= 1e-4*math.Abs(number)+1e-9
}

// ghosts returns the entities that show a value while the bridge is away.
func (r registry) ghosts() error {
	alive := make(map[string]string)
	for id, e := range r.entities {
		if e.state != nil && e.state.State != "unavailable" {
			alive[id] = e.state.State
		}
	}
	// This entity shows that the bridge is away.
	if running := uniqueID(bridgeItself, "connectivity"); alive[running] == "off" {
		delete(alive, running)
	} else {
		return fmt.Errorf("the bridge is said to be %q", alive[running])
	}
	if len(alive) > 0 {
		return fmt.Errorf("there still are %v", alive)
	}
	return nil
}

// sameNames returns an error if two registries differ in devices, entities or names.
func sameNames(before, after registry) error {
	var all []error
	for _, c := range []struct {
		what   string
		before map[string]string
		after  map[string]string
	}{
		{"entity", before.names(), after.names()},
		{"device", before.deviceIDs(), after.deviceIDs()},
	} {
		for _, id := range slices.Sorted(maps.Keys(c.before)) {
			if c.after[id] != c.before[id] {
				all = append(all, fmt.Errorf("the %s %s was %q and is %q", c.what, id, c.before[id], c.after[id]))
			}
		}
		for id, name := range c.after {
			if _, ok := c.before[id]; !ok {
				all = append(all, fmt.Errorf("the %s %s (%s) is new", c.what, id, name))
			}
		}
	}
	return errors.Join(all...)
}

// deviceIDs returns Home Assistant's ids of the devices; a device that was removed and added again
// has a new one.
func (r registry) deviceIDs() map[string]string {
	ids := make(map[string]string)
	for id, d := range r.devices {
		ids[id] = d.ID
	}
	return ids
}

// slug returns Home Assistant's form of a name in an entity id.
func slug(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, name)
}

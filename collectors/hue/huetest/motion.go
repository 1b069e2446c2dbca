package huetest

import (
	"cmp"
	"maps"
	"math"
	"time"
)

// MotionSensor is a Hue motion sensor (SML001).
type MotionSensor struct {
	MAC         string  // 8 octets, "00:17:88:01:02:03:04:05"
	Name        string  // as the user gave it
	Temperature float64 // °C
	Motion      bool
	Lux         float64
	Battery     int // %
	Reachable   bool
	// NeverReported makes a sensor that was paired and has not been heard of since.
	NeverReported bool
	// Off makes a sensor that the user has switched off in the Hue app.
	Off bool
}

// SetMotionSensor adds a sensor, or replaces the one with its MAC, which keeps
// its CLIP v1 ids: temperature, presence and light level in this order. Its three
// CLIP v1 entries report that they were updated now; its CLIP v2 reports have the time
// since which they have been the same. Changes are sent to the streams.
func (b *Bridge) SetMotionSensor(s MotionSensor) {
	checkFinite(s.Temperature)
	checkFinite(s.Lux)
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	p := &motionPart{MotionSensor: s, level: lightLevel(s.Lux), updated: stamp(), temperatureChanged: now, motionChanged: now, lightChanged: now}
	if old, ok := b.partOf(s.MAC, p.kind()).(*motionPart); ok && !old.NeverReported {
		p.temperatureChanged = since(old.hundredths() == p.hundredths(), old.temperatureChanged, now)
		p.motionChanged = since(old.Motion == p.Motion, old.motionChanged, now)
		p.lightChanged = since(old.level == p.level, old.lightChanged, now)
	}
	b.publish(b.setPart(s.MAC, s.Name, connectivity(s.Reachable), s.Battery, p))
}

type motionPart struct {
	MotionSensor
	level                                           float64
	updated                                         string
	temperatureChanged, motionChanged, lightChanged time.Time
}

func (p *motionPart) hundredths() float64 { return math.Round(p.Temperature * 100) }

func (p *motionPart) observed() (motion bool, level float64) {
	if p.NeverReported || p.Off {
		return false, 0
	}
	return p.Motion, p.level
}

func (*motionPart) kind() string { return "ZLLPresence" }

func (*motionPart) powered() bool { return true }

func (*motionPart) product() product {
	return product{model: "SML001", name: "Hue motion sensor", software: "1.1.27575"}
}

func (p *motionPart) v1(h *home, d *device) string { return h.sensorPath(d.mac, p.kind()) }

func (p *motionPart) enter(h *home, d *device) {
	put := func(kind, name, product, endpoint string, state func() object, config object) {
		h.sensors.put(d.mac, kind, func() object {
			o := state()
			o["lastupdated"] = p.updated
			if p.NeverReported {
				o["lastupdated"] = "none"
			}
			all := object{
				"on": !p.Off, "battery": d.battery, "reachable": d.reachable(),
				"alert": "none", "ledindication": false, "usertest": false, "pending": []string{},
			}
			maps.Copy(all, config)
			return object{
				"state":            o,
				"swupdate":         object{"state": "noupdates", "lastinstall": "2025-03-01T04:12:00"},
				"config":           all,
				"name":             cmp.Or(name, d.name),
				"type":             kind,
				"modelid":          "SML001",
				"manufacturername": signify,
				"productname":      product,
				"swversion":        "6.1.1.27575",
				"uniqueid":         p.MAC + endpoint,
				"capabilities":     object{"certified": true, "primary": kind == "ZLLPresence"},
			}
		})
	}
	put("ZLLTemperature", "Hue temperature sensor 1", "Hue temperature sensor", "-02-0402",
		func() object { return object{"temperature": p.unlessNever(p.hundredths())} }, nil)
	put("ZLLPresence", "", "Hue motion sensor", "-02-0406",
		func() object { return object{"presence": p.unlessNever(p.Motion)} }, object{"sensitivity": 2, "sensitivitymax": 2})
	put("ZLLLightLevel", "Hue ambient light sensor 1", "Hue ambient light sensor", "-02-0400", func() object {
		return object{"lightlevel": p.unlessNever(p.level), "dark": p.Lux < 40, "daylight": p.Lux >= 100}
	}, object{"tholddark": 16000, "tholdoffset": 7000})
}

// unlessNever is the value, or null if the sensor never reported.
func (p *motionPart) unlessNever(value any) any {
	if p.NeverReported {
		return nil
	}
	return value
}

func (p *motionPart) services(h *home, d *device) []*resource {
	measured := func(kind, v1Kind, property string, value any, changed time.Time, more object) *resource {
		from := struct {
			never, off bool
			value      any
			changed    time.Time
		}{p.NeverReported, p.Off, value, changed}
		return d.service(kind, 0, h.sensorPath(d.mac, v1Kind), from, func() object {
			inner := object{kind: value, kind + "_valid": !p.NeverReported && !p.Off}
			if !p.NeverReported && h.reports() {
				inner[kind+"_report"] = object{"changed": h.instant(changed), kind: value}
			}
			o := object{"enabled": !p.Off, property: inner}
			maps.Copy(o, more)
			return o
		})
	}
	return []*resource{
		measured("motion", "ZLLPresence", "motion", p.Motion && !p.NeverReported, p.motionChanged,
			object{"sensitivity": object{"sensitivity": 2, "sensitivity_max": 2, "status": "set"}}),
		measured("light_level", "ZLLLightLevel", "light", int(p.level), p.lightChanged, nil),
		measured("temperature", "ZLLTemperature", "temperature", p.hundredths()/100, p.temperatureChanged, nil),
	}
}

// lightLevel is 10000 log10(lux) + 1, and 0 for darkness.
func lightLevel(lux float64) float64 {
	if lux <= 0 {
		return 0
	}
	return max(0, math.Round(10000*math.Log10(lux)+1))
}

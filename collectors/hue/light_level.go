package hue

import (
	"math"

	"hueair2mqtt/collectors"
)

// lightLevel is the light sensor of a motion sensor.
type lightLevel struct {
	Enabled *bool `json:"enabled"`
	Light   struct {
		// Level holds the value in software before 2023, and beside the report since.
		Level  *float64 `json:"light_level"`
		Valid  *bool    `json:"light_level_valid"`
		Report *struct {
			Changed moment   `json:"changed"`
			Level   *float64 `json:"light_level"`
		} `json:"light_level_report"`
	} `json:"light"`
}

// groupedLightLevel is what the light sensors of a room measure together.
type groupedLightLevel struct{ lightLevel }

// maxLightLevel is the max of Zigbee's uint16.
const minLightLevel, maxLightLevel = 0, math.MaxUint16

// lux returns the illuminance of a light level, which the CLIP documentation defines as
// 10000 log10(lux) + 1. By Zigbee's illuminance cluster, where the level comes from, level
// 0 means too dark to be measured.
func lux(level float64) float64 {
	if level == 0 {
		return 0
	}
	return math.Pow(10, (level-1)/10000)
}

func (l *lightLevel) reported() moment {
	if l.Light.Report != nil {
		return l.Light.Report.Changed
	}
	return moment{}
}

func (l *lightLevel) measure(r *readings) {
	r.enabled(l.Enabled)
	l.measureLight(r)
}

func (l *lightLevel) measureLight(r *readings) {
	level := l.Light.Level
	if l.Light.Report != nil {
		level = l.Light.Report.Level
	}
	switch {
	case !isTrue(l.Enabled) || !isTrue(l.Light.Valid) || level == nil || l.reported().never:
		r.set(collectors.Illuminance, collectors.Unknown)
	case !(*level >= minLightLevel && *level <= maxLightLevel):
		r.impossible(collectors.Illuminance, "light_level is %g, which is not between %d and %d", *level, minLightLevel, maxLightLevel)
	default:
		r.set(collectors.Illuminance, collectors.Number(lux(*level)))
	}
}

func (g *groupedLightLevel) measure(r *readings) { g.measureLight(r) }

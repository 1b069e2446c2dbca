package hue

import "hueair2mqtt/collectors"

// lightLevel is the light sensor of a motion sensor.
type lightLevel struct {
	Enabled *bool             `json:"enabled"`
	Light   lightLevelFeature `json:"light"`
}

// lightLevelFeature is what every resource has that measures light. A level is
// 10000 log10(lux) + 1.
type lightLevelFeature struct {
	// Level is where software of before 2023 has the value; newer software has it
	// beside the report.
	Level  *float64 `json:"light_level"`
	Valid  *bool    `json:"light_level_valid"`
	Report *struct {
		Changed moment   `json:"changed"`
		Level   *float64 `json:"light_level"`
	} `json:"light_level_report"`
}

func (f *lightLevelFeature) reported() moment {
	if f.Report != nil {
		return f.Report.Changed
	}
	return moment{}
}

// measure adds the illuminance of a sensor that is switched on or not.
func (f *lightLevelFeature) measure(r *readings, enabled *bool) {
	level := f.Level
	if f.Report != nil {
		level = f.Report.Level
	}
	switch {
	case !isOn(enabled) || !isOn(f.Valid) || level == nil || f.reported().never:
		r.set(collectors.Illuminance, collectors.Unknown)
	case !(*level >= minLightLevel && *level <= maxLightLevel):
		r.impossible(collectors.Illuminance, "light_level is %g, which is not between %d and %d", *level, minLightLevel, maxLightLevel)
	default:
		r.set(collectors.Illuminance, collectors.Number(lux(*level)))
	}
}

func (l *lightLevel) reported() moment { return l.Light.reported() }

func (l *lightLevel) measure(r *readings) {
	r.enabled(l.Enabled)
	l.Light.measure(r, l.Enabled)
}

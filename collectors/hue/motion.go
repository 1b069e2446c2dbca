package hue

import "hueair2mqtt/collectors"

// motion is a motion sensor.
type motion struct {
	Enabled *bool         `json:"enabled"`
	Motion  motionFeature `json:"motion"`
}

// motionFeature is what every resource has that sees motion.
type motionFeature struct {
	// Motion is where software of before 2023 has the value; newer software has it
	// beside the report.
	Motion *bool `json:"motion"`
	Valid  *bool `json:"motion_valid"`
	Report *struct {
		Changed moment `json:"changed"`
		Motion  *bool  `json:"motion"`
	} `json:"motion_report"`
}

func (f *motionFeature) reported() moment {
	if f.Report != nil {
		return f.Report.Changed
	}
	return moment{}
}

// value returns what is seen by a sensor that is switched on or not.
func (f *motionFeature) value(enabled *bool) collectors.Value {
	seen := f.Motion
	if f.Report != nil {
		seen = f.Report.Motion
	}
	if !isOn(enabled) || !isOn(f.Valid) || seen == nil || f.reported().never {
		return collectors.Unknown
	}
	return collectors.Truth(*seen)
}

func (m *motion) reported() moment { return m.Motion.reported() }

func (m *motion) measure(r *readings) {
	r.enabled(m.Enabled)
	r.set(collectors.Motion, m.Motion.value(m.Enabled))
}

package hue

import "hueair2mqtt/collectors"

// motion is a motion sensor, or the motion detection of a camera or doorbell.
type motion struct {
	Enabled *bool         `json:"enabled"`
	Motion  motionFeature `json:"motion"`
}

// sharedMotion is what several sensors detect together: those of a room, or the lamps of a
// MotionAware area. An area has two services, for convenience, which reports in an area
// that switches lights, and for security. The unused one is not valid; its value may be
// old.
type sharedMotion motion

// motionFeature is what every resource that detects motion has.
type motionFeature struct {
	// Motion holds the value in software before 2023, and beside the report since.
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

// value returns whether there is motion, for a sensor that is switched on or off.
func (f *motionFeature) value(enabled *bool) collectors.Value {
	detected := f.Motion
	if f.Report != nil {
		detected = f.Report.Motion
	}
	if !isTrue(enabled) || !isTrue(f.Valid) || detected == nil || f.reported().never {
		return collectors.Unknown
	}
	return collectors.Bool(*detected)
}

func (m *motion) reported() moment { return m.Motion.reported() }

func (m *motion) measure(r *readings) {
	r.enabled(m.Enabled)
	r.set(collectors.Motion, m.Motion.value(m.Enabled))
}

func (m *sharedMotion) reported() moment { return m.Motion.reported() }

// measure does not add Enabled: the services keep theirs when their area is switched off.
func (m *sharedMotion) measure(r *readings) {
	r.set(collectors.Motion, m.Motion.value(m.Enabled))
}

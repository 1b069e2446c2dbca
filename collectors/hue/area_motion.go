package hue

import "hueair2mqtt/collectors"

// areaMotion is one of the two services of a MotionAware area: that for
// convenience, which reports in an area that switches lights, and that for
// security. The other one may hold an old value, which then is not valid.
type areaMotion struct {
	Enabled *bool         `json:"enabled"`
	Motion  motionFeature `json:"motion"`
}

func (a *areaMotion) reported() moment { return a.Motion.reported() }

// measure leaves out enabled, which the services keep when the area is switched
// off.
func (a *areaMotion) measure(r *readings) {
	r.set(collectors.Motion, a.Motion.value(a.Enabled))
}

package hue

import "hueair2mqtt/collectors"

// light is a light, or a plug, which has nothing but on.
type light struct {
	On struct {
		On *bool `json:"on"`
	} `json:"on"`
	Dimming *struct {
		Brightness *float64 `json:"brightness"` // %; of a light that is off, the one it will have when it is switched on
	} `json:"dimming"`
	ColorTemperature *struct {
		Mirek *float64 `json:"mirek"`       // a million divided by the kelvins; null for a light in a color
		Valid *bool    `json:"mirek_valid"` // false for a light in a color
	} `json:"color_temperature"`
}

// Ranges of a light. Lamps by Philips have 50 to 1000 mirek.
const (
	minBrightness, maxBrightness = 0, 100 // %
	minMirek, maxMirek           = 1, 65535
)

func (l *light) measure(r *readings) {
	on := collectors.Unknown
	if l.On.On != nil {
		on = collectors.Bool(*l.On.On)
	}
	r.set(collectors.On, on)
	if l.Dimming != nil {
		if b := l.Dimming.Brightness; b != nil {
			r.number(collectors.Brightness, *b, minBrightness, maxBrightness, "brightness")
		} else {
			r.set(collectors.Brightness, collectors.Unknown)
		}
	}
	if t := l.ColorTemperature; t != nil {
		switch {
		case t.Mirek == nil || !isTrue(t.Valid):
			r.set(collectors.ColorTemperature, collectors.Unknown)
		case !(*t.Mirek >= minMirek && *t.Mirek <= maxMirek):
			r.impossible(collectors.ColorTemperature, "mirek is %g, which is not between %d and %d", *t.Mirek, minMirek, maxMirek)
		default:
			r.set(collectors.ColorTemperature, collectors.Number(1e6 / *t.Mirek))
		}
	}
}

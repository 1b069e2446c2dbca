package hue

// groupedLightLevel is what the light sensors of a room measure together.
type groupedLightLevel struct {
	Enabled *bool             `json:"enabled"`
	Light   lightLevelFeature `json:"light"`
}

func (g *groupedLightLevel) reported() moment { return g.Light.reported() }

func (g *groupedLightLevel) measure(r *readings) { g.Light.measure(r, g.Enabled) }

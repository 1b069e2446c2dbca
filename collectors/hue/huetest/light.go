package huetest

import "math"

// Light is a lamp or a plug.
type Light struct {
	MAC        string // 8 octets
	Name       string
	On         bool
	Brightness float64 // %; a plug has none
	Plug       bool
	// Mirek is the color temperature, 153 to 500; 0 for a light that has none.
	Mirek int
	// Colored makes a light with a color temperature show a color instead.
	Colored   bool
	Reachable bool
}

// SetLight adds a light, or replaces the one with its MAC.
func (b *Bridge) SetLight(l Light) {
	checkFinite(l.Brightness)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.publish(b.setPart(l.MAC, l.Name, either(l.Reachable, "connected", "disconnected"), 0, &lightPart{l}))
}

type lightPart struct{ Light }

func (p *lightPart) isOn() bool { return p.On }

func (*lightPart) kind() string  { return "light" }
func (*lightPart) powered() bool { return false }

func (p *lightPart) product() product {
	if p.Plug {
		return product{model: "LOM001", name: "Hue smart plug", archetype: "plug", software: "1.122.2"}
	}
	return product{model: "LWA011", name: "Hue white lamp", archetype: "sultan_bulb", software: "1.145.1"}
}

func (p *lightPart) v1(h *home, d *device) string {
	if id := h.lights.id(d.mac, p.kind()); id != "" {
		return "/lights/" + id
	}
	return ""
}

func (p *lightPart) enter(h *home, d *device) {
	h.lights.put(d.mac, p.kind(), func() object {
		state := object{"on": p.On, "alert": "select", "mode": "homeautomation", "reachable": d.reachable()}
		kind := "On/Off plug-in unit"
		if !p.Plug {
			kind = "Dimmable light"
			state["bri"] = math.Round(p.Brightness / 100 * 254)
		}
		return object{
			"state": state, "swupdate": object{"state": "noupdates", "lastinstall": "2025-03-01T04:12:00"},
			"type": kind, "name": d.name, "modelid": p.product().model, "manufacturername": signify,
			"productname": p.product().name, "swversion": p.product().software, "uniqueid": p.MAC + "-0b",
			"capabilities": object{"certified": true, "control": object{}},
		}
	})
}

func (p *lightPart) services(h *home, d *device) []*resource {
	from := struct {
		Light
		name string
	}{p.Light, d.name}
	return []*resource{d.service("light", 0, p.v1(h, d), from, func() object {
		o := object{
			"alert":    object{"action_values": []string{"breathe"}},
			"metadata": object{"archetype": p.product().archetype, "function": either(p.Plug, "functional", "mixed"), "name": d.name},
			"mode":     "normal", "on": object{"on": p.On}, "service_id": 0,
		}
		if !p.Plug {
			o["dimming"] = object{"brightness": p.Brightness, "min_dim_level": 5.0}
		}
		if p.Mirek != 0 {
			temperature := object{"mirek": p.Mirek, "mirek_schema": object{"mirek_minimum": 153, "mirek_maximum": 500}, "mirek_valid": !p.Colored}
			if p.Colored {
				temperature["mirek"] = nil
			}
			o["color_temperature"] = temperature
		}
		return o
	})}
}

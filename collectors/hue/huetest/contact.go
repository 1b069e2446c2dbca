package huetest

import "time"

// ContactSensor is a Hue secure contact sensor (SOC001). CLIP v1 knows nothing of
// it, as on a real bridge.
type ContactSensor struct {
	MAC       string // 8 octets
	Name      string
	Open      bool
	Tampered  bool // its battery door is open
	Battery   int  // %
	Reachable bool
	// NeverReported makes a sensor that was paired and has not been heard of since.
	NeverReported bool
	// Off makes a sensor that the user has switched off in the Hue app.
	Off bool
}

// SetContactSensor adds a sensor, or replaces the one with its MAC. As long as it
// was never tampered with it has no report on that.
func (b *Bridge) SetContactSensor(s ContactSensor) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	p := &contactPart{ContactSensor: s, changed: now}
	if s.Tampered {
		p.tamperChanged = now
	}
	if old, ok := b.partOf(s.MAC, p.kind()).(*contactPart); ok && !old.NeverReported {
		p.changed = since(old.Open == s.Open, old.changed, now)
		p.tamperChanged = since(old.Tampered == s.Tampered, old.tamperChanged, now)
	}
	b.publish(b.setPart(s.MAC, s.Name, connectivity(s.Reachable), s.Battery, p))
}

type contactPart struct {
	ContactSensor
	changed       time.Time
	tamperChanged time.Time // zero: never
}

func (*contactPart) kind() string              { return "contact" }
func (*contactPart) powered() bool             { return true }
func (*contactPart) v1(*house, *device) string { return "" }
func (*contactPart) enter(*house, *device)     {}

func (*contactPart) product() product {
	return product{model: "SOC001", name: "Hue secure contact sensor", software: "2.67.9"}
}

func (p *contactPart) services(_ *house, d *device) []*resource {
	contact := struct {
		never, off, open bool
		changed          time.Time
	}{p.NeverReported, p.Off, p.Open, p.changed}
	tamper := struct {
		tampered bool
		changed  time.Time
	}{p.Tampered, p.tamperChanged}
	return []*resource{
		d.service("contact", 0, "", contact, func() object {
			o := object{"enabled": !p.Off}
			if !p.NeverReported {
				o["contact_report"] = object{"changed": instant(p.changed), "state": either(p.Open, "no_contact", "contact")}
			}
			return o
		}),
		d.service("tamper", 0, "", tamper, func() object {
			reports := []object{}
			if !p.tamperChanged.IsZero() {
				reports = append(reports, object{
					"changed": instant(p.tamperChanged), "source": "battery_door", "state": either(p.Tampered, "tampered", "not_tampered"),
				})
			}
			return object{"tamper_reports": reports}
		}),
	}
}

func either(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}

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
// was never tampered with it has no report on that; then it has those of the last
// two changes, the older one first.
func (b *Bridge) SetContactSensor(s ContactSensor) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	p := &contactPart{ContactSensor: s, changed: now}
	old, ok := b.partOf(s.MAC, p.kind()).(*contactPart)
	if ok && !old.NeverReported {
		p.changed = since(old.Open == s.Open, old.changed, now)
	}
	if ok {
		p.tampered = old.tampered
	}
	if s.Tampered != (ok && old.Tampered) {
		p.tampered = [2]tamperReport{p.tampered[1], {now, s.Tampered}}
	}
	b.publish(b.setPart(s.MAC, s.Name, connectivity(s.Reachable), s.Battery, p))
}

type contactPart struct {
	ContactSensor
	changed  time.Time
	tampered [2]tamperReport // the older one first
}

// tamperReport is a change; the zero value is none.
type tamperReport struct {
	changed  time.Time
	tampered bool
}

func (*contactPart) kind() string { return "contact" }

func (*contactPart) powered() bool { return true }

func (*contactPart) v1(*home, *device) string { return "" }

func (*contactPart) enter(*home, *device) {}

func (*contactPart) product() product {
	return product{model: "SOC001", name: "Hue secure contact sensor", software: "2.67.9"}
}

func (p *contactPart) services(h *home, d *device) []*resource {
	contact := struct {
		never, off, open bool
		changed          time.Time
	}{p.NeverReported, p.Off, p.Open, p.changed}
	return []*resource{
		d.service("contact", 0, "", contact, func() object {
			o := object{"enabled": !p.Off}
			if !p.NeverReported {
				o["contact_report"] = object{"changed": h.instant(p.changed), "state": either(p.Open, "no_contact", "contact")}
			}
			return o
		}),
		d.service("tamper", 0, "", p.tampered, func() object {
			reports := []object{}
			for _, r := range p.tampered {
				if !r.changed.IsZero() {
					reports = append(reports, object{
						"changed": h.instant(r.changed), "source": "battery_door", "state": either(r.tampered, "tampered", "not_tampered"),
					})
				}
			}
			return object{"tamper_reports": reports}
		}),
	}
}

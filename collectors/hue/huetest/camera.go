package huetest

import (
	"fmt"
	"time"
)

// Camera is a Hue secure camera, or a doorbell. It has no Zigbee radio, and CLIP v1
// knows nothing of it.
type Camera struct {
	MAC      string // its network card's, which no API reports
	Name     string
	Motion   bool
	Off      bool // switched off in the Hue app
	Doorbell bool
}

// SetCamera adds a camera, or replaces the one with its MAC.
func (b *Bridge) SetCamera(c Camera) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := &cameraPart{Camera: c, changed: time.Now()}
	if old, ok := b.partOf(c.MAC, p.kind()).(*cameraPart); ok {
		p.changed = since(old.Motion == c.Motion, old.changed, p.changed)
		p.rung = old.rung
	}
	b.publish(b.setPart(c.MAC, c.Name, "connected", 0, p))
}

// DeviceID is the id of the resource of a device.
func (b *Bridge) DeviceID(mac string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.deviceOf(mac)
	if d == nil {
		panic(fmt.Sprintf("huetest: no device %q", mac))
	}
	return d.id("device", 0)
}

// RoomID is the id of the resource of a room.
func (b *Bridge) RoomID(name string) string { return b.roomID(&room{name: name}) }

type cameraPart struct {
	Camera
	changed time.Time
	rung    buttonReport
}

func (*cameraPart) kind() string             { return "camera_motion" }
func (*cameraPart) powered() bool            { return false }
func (*cameraPart) v1(*home, *device) string { return "" }
func (*cameraPart) enter(*home, *device)     {}
func (*cameraPart) connection() connection   { return network }

func (p *cameraPart) product() product {
	if p.Doorbell {
		return product{model: "DOB001", name: "Hue secure video doorbell", software: "1.0.0"}
	}
	return product{model: "CMW004", name: "Hue secure camera", software: "1.0.0"}
}

// bellEvents are those of the button of a doorbell.
var bellEvents = []string{"initial_press"}

func (p *cameraPart) services(h *home, d *device) []*resource {
	from := struct {
		motion, off bool
		changed     time.Time
	}{p.Motion, p.Off, p.changed}
	services := []*resource{d.service("camera_motion", 0, "", from, func() object {
		return object{"enabled": !p.Off, "motion": object{
			"motion": p.Motion, "motion_report": object{"changed": h.instant(p.changed), "motion": p.Motion}, "motion_valid": !p.Off,
		}}
	})}
	if p.Doorbell {
		services = append(services, d.service("bell_button", 0, "", p.rung, func() object {
			button := object{"event_values": bellEvents, "repeat_interval": 800}
			if p.rung.event != "" {
				button["button_report"] = object{"event": p.rung.event, "updated": h.instant(p.rung.updated)}
				button["last_event"] = p.rung.event
			}
			return object{"button": button, "metadata": object{"control_id": 1}}
		}))
	}
	return services
}

// Ring has a doorbell report a press.
func (b *Bridge) Ring(mac string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, ok := b.partOf(mac, "camera_motion").(*cameraPart)
	if !ok || !p.Doorbell {
		panic(fmt.Sprintf("huetest: no doorbell %q", mac))
	}
	p.rung = buttonReport{bellEvents[0], time.Now()}
	d := b.deviceOf(mac)
	b.publishReport(b.refresh(d), d.id("bell_button", 0))
}

package huetest

import "strings"

// product is what a device reports about itself.
type product struct {
	model, name, archetype string
	software               string // as CLIP v2 writes it
	manufacturer           string // "" for Signify
}

// device is a piece of hardware: one Zigbee address.
type device struct {
	mac       string // lower case
	name      string
	status    string // of zigbee_connectivity
	battery   int    // %
	update    string // state of device_software_update
	parts     []part // in the order in which they were added
	motion    *motionPart
	light     *lightPart
	resources []string              // their ids
	ids       map[serviceKey]string // of what it has or had
}

func (d *device) reference() object { return reference(d.id("device", 0), "device") }

// reachable is what CLIP v1 reports.
func (d *device) reachable() bool { return d.status == "connected" }

// connection is how a device reaches the bridge.
type connection uint8

const (
	zigbee     connection = iota
	greenPower            // Zigbee of what takes its power from the press
	network               // that of the home; CLIP v2 does not report it
)

// part is what a device can do: measure, be pressed, give light. Most devices
// have one; a dial has two.
type part interface {
	// kind is unique in a device. It is the CLIP v1 type where there is one.
	kind() string
	product() product
	// v1 is the CLIP v1 entry that stands for the device, "/sensors/7", or "".
	v1(h *home, d *device) string
	// enter adds the part's CLIP v1 entries to the home.
	enter(h *home, d *device)
	// services are its own CLIP v2 services, without battery and connectivity.
	services(h *home, d *device) []*resource
	powered() bool // by a battery
}

// connected is a part of a device without an ordinary Zigbee radio.
type connected interface{ connection() connection }

func (d *device) connection() connection {
	for _, p := range d.parts {
		if c, ok := p.(connected); ok {
			return c.connection()
		}
	}
	return zigbee
}

func (d *device) part(kind string) part {
	for _, p := range d.parts {
		if p.kind() == kind {
			return p
		}
	}
	return nil
}

// lower returns a MAC in lower case, as the home stores it.
func lower(mac string) string { return strings.ToLower(mac) }

package huetest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// home is what both APIs report. The lock of its Bridge guards it.
type home struct {
	bridgeID        string
	sensors, lights collection         // CLIP v1
	devices         map[string]*device // by MAC
	list            []*device          // in the order in which they were added
	membership      int                // how often devices or rooms came, went or moved
	rooms           []*room
	lastGroup       int
	resources       map[string]*resource // CLIP v2, by id
	order           []string             // of the ids of resources
	bridgeDevice    []string             // ids of the bridge's own resources
	homeGroups      []string             // ids of the resources of the whole home
	homeMotion      motionGroup
	motionAreas     []*motionArea
	software        string
	reportTime      string // instead of the time of every report; "" for none
	shape           int    // how often what all resources look like has changed
}

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
	status    string                // of zigbee_connectivity
	battery   int                   // %
	update    string                // state of device_software_update
	parts     []part                // in the order in which they were added
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

func (h *home) init(bridgeID string) {
	h.bridgeID = bridgeID
	h.sensors, h.lights = newCollection(), newCollection()
	h.devices = make(map[string]*device)
	h.resources = make(map[string]*resource)
}

func (h *home) sensorPath(mac, kind string) string {
	if id := h.sensors.id(mac, kind); id != "" {
		return "/sensors/" + id
	}
	return ""
}

func (h *home) deviceOf(mac string) *device { return h.devices[lower(mac)] }

// partOf is a part of a device, or nil.
func (h *home) partOf(mac, kind string) part {
	if d := h.deviceOf(mac); d != nil {
		return d.part(kind)
	}
	return nil
}

// instant is the time of a report as CLIP v2 writes it.
func (h *home) instant(t time.Time) string {
	return cmp.Or(h.reportTime, t.UTC().Format("2006-01-02T15:04:05.000Z"))
}

// firstReports is the first software with reports in CLIP v2 (motion_report and
// the like). Older software has the value alone, which newer software still has
// beside the report.
const firstReports = 1960000000

// reports reports whether the software has them.
func (h *home) reports() bool {
	number, err := strconv.Atoi(h.software)
	return err == nil && number >= firstReports
}

// uuid returns the id of something that every home has one of.
func (h *home) uuid(names ...string) string { return uuid(append([]string{h.bridgeID}, names...)...) }

// id is the id of a service of the device, or of the device itself.
func (d *device) id(kind string, control int) string {
	key := serviceKey{kind, control}
	id := d.ids[key]
	if id == "" {
		id = uuid(d.mac, kind, fmt.Sprint(control))
		d.ids[key] = id
	}
	return id
}

func (d *device) service(kind string, control int, idV1 string, from any, build func() object) *resource {
	return &resource{
		id: d.id(kind, control), kind: kind, idV1: idV1, owner: d.reference(), from: from, build: build,
	}
}

// replace puts resources in the place of those with the ids old, and returns the
// new ids and the difference.
func (h *home) replace(old []string, with []*resource) ([]string, changes) {
	var c changes
	ids := make([]string, len(with))
	for i, r := range with {
		ids[i] = r.id
		before := h.resources[r.id]
		r.shape = h.shape
		if before != nil && before.shape == r.shape && before.from == r.from && before.idV1 == r.idV1 {
			continue
		}
		r.realize()
		h.resources[r.id] = r
		if before == nil {
			h.order = append(h.order, r.id)
			c.added = append(c.added, r)
		} else if part := difference(before, r); part != nil {
			c.updated = append(c.updated, part)
		}
	}
	for _, id := range old {
		if !slices.Contains(ids, id) {
			c.deleted = append(c.deleted, h.drop(id))
		}
	}
	return ids, c
}

// drop forgets a resource and returns what identifies it.
func (h *home) drop(id string) *resource {
	r := h.resources[id]
	delete(h.resources, id)
	h.order = slices.DeleteFunc(h.order, func(other string) bool { return other == id })
	gone := &resource{id: r.id, kind: r.kind, idV1: r.idV1, build: constant(object{})}
	gone.realize()
	return gone
}

// room is a room of the Hue app.
type room struct {
	name   string
	v1     string // id of the CLIP v1 group
	macs   []string
	ids    []string // of its resources
	motion motionGroup
}

// motionGroup is what the motion sensors of a room, or of the home, see together.
type motionGroup struct {
	motion                    bool
	level                     float64 // the highest
	motionChanged, levelSince time.Time
}

// MotionArea is a MotionAware area: lamps of a room whose radios a Bridge Pro
// watches. CLIP v1 does not report it. Its report moves with it between its two
// services.
type MotionArea struct {
	Name   string
	Room   string // a room of the home
	Motion bool
	// Lights has the convenience service report, as in an area that switches lights;
	// otherwise the security service does. The other one keeps an old value, which is
	// not valid.
	Lights bool
	// Off makes an area that the user has switched off in the Hue app. Its services
	// stay enabled and keep their values.
	Off bool
	// Health is that of the area; "" for "healthy". An area that is "not_running" has
	// the value of before.
	Health string
	// Silent has the bridge leave out what both services see.
	Silent bool
}

type motionArea struct {
	MotionArea
	changed time.Time
	ids     []string // of its resources
}

// partOf returns the part of a device that has this type.
func partOf[P part](d *device) (p P, ok bool) {
	for _, other := range d.parts {
		if p, ok = other.(P); ok {
			return p, true
		}
	}
	return p, false
}

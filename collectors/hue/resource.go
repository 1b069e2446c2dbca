package hue

import (
	"fmt"
	"time"

	"hueair2mqtt/collectors"
)

// resource is one resource of CLIP v2: a sensor, a button, a battery, a radio, or
// what owns them.
type resource struct {
	id    string
	kind  string // as CLIP names the type
	owner string // the resource id of the owner; "" for an owner itself
	value any    // what newValue returned for kind
}

// header is what every resource begins with.
type header struct {
	ID    string `json:"id"`
	Type  string `json:"type"`
	Owner struct {
		RID string `json:"rid"`
	} `json:"owner"`
}

// role is what a resource is to the device that it belongs to.
type role uint8

const (
	owning  role = iota // owns others, and becomes a device; implements owner
	sensing             // makes its owner a device of ours
	light               // does so if lights are read; otherwise it is not read
	aspect              // says more about a device of ours: its battery, its radio
)

// kind is a type of CLIP v2 resource that is read.
type kind struct {
	role role
	new  func() any
}

// kinds are all of them; each has a file. What new returns decodes from JSON,
// whole or a part, and implements those of measurer, reporter, emitter and radio
// that it has something for.
var kinds = map[string]kind{
	"device":                    {owning, func() any { return new(device) }},
	"room":                      {owning, func() any { return new(room) }},
	"motion_area_configuration": {owning, func() any { return new(motionArea) }},

	"bell_button":             {sensing, func() any { return new(bellButton) }},
	"button":                  {sensing, func() any { return new(button) }},
	"camera_motion":           {sensing, func() any { return new(cameraMotion) }},
	"contact":                 {sensing, func() any { return new(contact) }},
	"convenience_area_motion": {sensing, func() any { return new(areaMotion) }},
	"grouped_light_level":     {sensing, func() any { return new(groupedLightLevel) }},
	"grouped_motion":          {sensing, func() any { return new(groupedMotion) }},
	"light_level":             {sensing, func() any { return new(lightLevel) }},
	"motion":                  {sensing, func() any { return new(motion) }},
	"relative_rotary":         {sensing, func() any { return new(relativeRotary) }},
	"security_area_motion":    {sensing, func() any { return new(areaMotion) }},
	"tamper":                  {sensing, func() any { return new(tamper) }},
	"temperature":             {sensing, func() any { return new(temperature) }},

	"light": {light, func() any { return new(lamp) }},

	"device_power":           {aspect, func() any { return new(devicePower) }},
	"device_software_update": {aspect, func() any { return new(softwareUpdate) }},
	"zgp_connectivity":       {aspect, func() any { return new(zgpConnectivity) }},
	"zigbee_connectivity":    {aspect, func() any { return new(zigbeeConnectivity) }},
}

// newValue returns what a resource of this type is decoded into, or nil for a type
// that is never read.
func newValue(kind string) any {
	if k, ok := kinds[kind]; ok {
		return k.new()
	}
	return nil
}

// measurer is a resource with readings.
type measurer interface{ measure(r *readings) }

// reporter is a resource that records when it last reported.
type reporter interface{ reported() moment }

// emitter is a resource that emits events, such as a button.
type emitter interface {
	reporter

	// events returns the key of what emits ("button_1", "dial") and the types of
	// events that it can emit, sorted.
	events() (key string, types []string)

	// event returns the event that the resource, or a part of it, reports. The
	// attributes are nil for a button. ok is false if there is none, or one of 1970.
	event() (what occurrence, attributes map[string]any, ok bool)

	// allow adds a type of event to those that it can emit.
	allow(eventType string)
}

// radio is the connection of a device to the Hue bridge.
type radio interface {
	// radio returns the hardware address in the form that v1 puts at the head of a
	// uniqueid, or "" where the network has no such addresses, and whether the Hue
	// bridge reaches the device.
	radio() (address string, reachable bool)
}

// Statuses of a radio that mean that the Hue bridge does not reach the device.
// Others are "connected", "pending_discovery" of a device that is about to join,
// and "unidirectional_incoming" of one that only sends, as every switch does that
// takes its power from the press.
const (
	disconnected      = "disconnected"
	connectivityIssue = "connectivity_issue"
)

func isReachable(status string) bool { return status != disconnected && status != connectivityIssue }

// decode reads a resource, or lays a part of one over what is known of it. Its
// error is in plain words.
func decode(raw []byte, into any) error {
	if err := unmarshal(raw, into); err != nil {
		return wrongType(err)
	}
	return nil
}

// merge lays a part of a resource over what is known of it. An error asks for a
// full read. With onlyNewer, a report that is older than the known one changes
// nothing.
func merge(value any, kind string, part []byte, onlyNewer bool) error {
	if onlyNewer {
		fresh := newValue(kind)
		if err := decode(part, fresh); err != nil {
			return err
		}
		if at := stamp(fresh); !at.IsZero() && at.Before(stamp(value)) {
			return nil
		}
	}
	// A part that makes no sense may leave the value half changed; the full read
	// that follows replaces it.
	return decode(part, value)
}

// stamp returns when a resource last reported, in UTC; zero if it never has, or
// has no reports.
func stamp(value any) time.Time {
	if r, ok := value.(reporter); ok {
		return r.reported().at
	}
	return time.Time{}
}

// eventTypes returns what events returns, or "" for a resource that emits none.
func eventTypes(value any) (key string, types []string) {
	if e, ok := value.(emitter); ok {
		return e.events()
	}
	return "", nil
}

// event returns the event that a part of a resource reports; see emitter.
func event(part any) (what occurrence, attributes map[string]any, ok bool) {
	if e, isEmitter := part.(emitter); isEmitter {
		return e.event()
	}
	return occurrence{}, nil, false
}

// readings collects what the resources of one device measure.
type readings struct {
	of    map[collectors.Measurement]collectors.Value
	fault func(err error)
}

// set adds a reading. Of several resources that measure the same, the first that
// has a value counts.
func (r *readings) set(m collectors.Measurement, v collectors.Value) {
	if r.of[m].IsUnknown() {
		r.of[m] = v
	}
}

// number adds a reading between least and most. What is outside is a fault, and
// unknown.
func (r *readings) number(m collectors.Measurement, n, least, most float64, field string) {
	if !(n >= least && n <= most) {
		r.impossible(m, "%s is %g, which is not between %g and %g", field, n, least, most)
		return
	}
	r.set(m, collectors.Number(n))
}

// impossible adds a reading whose value no sensor can have: it is unknown.
func (r *readings) impossible(m collectors.Measurement, format string, args ...any) {
	r.set(m, collectors.Unknown)
	r.fault(fmt.Errorf(format, args...))
}

// enabled adds whether a sensor is switched on in the Hue app, unless the bridge
// does not say. A device is switched on if all of its sensors are.
func (r *readings) enabled(on *bool) {
	if on == nil {
		return
	}
	if others, ok := r.of[collectors.Enabled].Truth(); !ok || others {
		r.of[collectors.Enabled] = collectors.Truth(*on)
	}
}

// isOn reports whether a property is true; one that is missing is.
func isOn(property *bool) bool { return property == nil || *property }

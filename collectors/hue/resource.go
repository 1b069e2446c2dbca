package hue

import (
	"encoding/json"
	"fmt"
	"time"

	"hueair2mqtt/collectors"
)

// header is what all resources of CLIP v2 have.
type header struct {
	ID    string    `json:"id"`
	Type  string    `json:"type"`
	Owner reference `json:"owner"`
}

// reference names a resource.
type reference struct {
	RID   string `json:"rid"`
	RType string `json:"rtype"`
}

// resource is one resource of CLIP v2, such as a sensor, a battery or a device.
type resource struct {
	id    string
	kind  string // its CLIP type
	owner string // resource id of the owner; "" for an owner itself
	value any    // of the Go type of its kind
}

// role is what a resource is to the device that it belongs to.
type role uint8

const (
	owning     role = iota // owns others and becomes a device; implements owner
	sensing                // makes its owner a device of ours
	lighting               // makes its owner a device of ours if lights are read; else it is not read
	describing             // describes a device of ours: its battery, its radio
)

// owner is a resource that owns others and becomes a device.
type owner interface {
	// describe sets the owner's properties of the device, whose readings are complete.
	describe(d *collectors.Device)

	// hasOwnID reports whether the device is identified by its resource id, because it has
	// no hardware address.
	hasOwnID() bool
}

// measurer is a resource with readings.
type measurer interface{ measure(r *readings) }

// reporter is a resource with the time of its last report.
type reporter interface{ reported() moment }

// emitter is a resource that emits events, such as a button.
type emitter interface {
	reporter

	// events returns the key of the emitter ("button_1", "dial") and the types of events
	// that it can emit, sorted.
	events() (key string, types []string)

	// event returns the event in a resource or in a partial update. The attributes are nil
	// for a button. ok is false if there is none, or one of 1970.
	event() (what occurrence, attributes map[string]any, ok bool)

	// allow adds a type of event to those that it can emit.
	allow(eventType string)
}

// occurrence identifies one event of a button or dial, to recognize a repeated or late one.
type occurrence struct {
	at   time.Time // zero if the bridge does not report it
	kind string
}

// radio is the connection of a device to the Hue bridge.
type radio interface {
	// radio returns the hardware address in the form of the beginning of a v1 uniqueid, or
	// "" for a network without such addresses, and whether the Hue bridge reaches the
	// device.
	radio() (address string, reachable bool)
}

// Statuses of a radio that the Hue bridge does not reach. The others are "connected",
// "pending_discovery" of a device that is joining, and "unidirectional_incoming" of a
// device that only sends, such as a switch powered by its press.
const (
	disconnected      = "disconnected"
	connectivityIssue = "connectivity_issue"
)

func isReachable(status string) bool { return status != disconnected && status != connectivityIssue }

// decode decodes a resource, or a partial update over the known resource.
func decode(raw []byte, into any) error {
	if err := json.Unmarshal(raw, into); err != nil {
		return wrongType(err)
	}
	return nil
}

// reportTime returns when a resource last reported, in UTC; zero if never.
func reportTime(value any) time.Time {
	if r, ok := value.(reporter); ok {
		return r.reported().at
	}
	return time.Time{}
}

// eventTypes returns what emitter.events returns, or "" for a resource that emits none.
func eventTypes(value any) (key string, types []string) {
	if e, ok := value.(emitter); ok {
		return e.events()
	}
	return "", nil
}

// eventOf returns what emitter.event returns.
func eventOf(value any) (what occurrence, attributes map[string]any, ok bool) {
	if e, isEmitter := value.(emitter); isEmitter {
		return e.event()
	}
	return occurrence{}, nil, false
}

// label is a name that the user gave. It is cleaned when it is decoded.
type label string

// UnmarshalJSON decodes and cleans the text.
func (l *label) UnmarshalJSON(raw []byte) error {
	text := string(*l)
	if err := json.Unmarshal(raw, &text); err != nil {
		return err
	}
	*l = label(collectors.CleanText(text))
	return nil
}

// list is a list that a partial update replaces as a whole. encoding/json would decode
// its items over the known ones.
type list[T any] []T

// UnmarshalJSON replaces the list.
func (l *list[T]) UnmarshalJSON(raw []byte) error {
	var items []T
	if err := json.Unmarshal(raw, &items); err != nil {
		return err
	}
	*l = items
	return nil
}

// readings collects the readings of one device.
type readings struct {
	of    map[collectors.Measurement]collectors.Value
	fault func(err error)
}

// set adds a reading. If several resources measure the same, the first with a value
// counts.
func (r *readings) set(m collectors.Measurement, v collectors.Value) {
	if r.of[m].IsUnknown() {
		r.of[m] = v
	}
}

// number adds a reading. A value outside the range is a fault, and unknown.
func (r *readings) number(m collectors.Measurement, n, lowest, highest float64, field string) {
	if !(n >= lowest && n <= highest) {
		r.impossible(m, "%s is %g, which is not between %g and %g", field, n, lowest, highest)
		return
	}
	r.set(m, collectors.Number(n))
}

// impossible adds a reading whose value no sensor can have: it is unknown.
func (r *readings) impossible(m collectors.Measurement, format string, args ...any) {
	r.set(m, collectors.Unknown)
	r.fault(fmt.Errorf(format, args...))
}

// enabled adds whether a sensor is switched on in the Hue app, unless the bridge does not
// report it. A device is switched on if all of its sensors are.
func (r *readings) enabled(on *bool) {
	if on == nil {
		return
	}
	if others, ok := r.of[collectors.Enabled].Bool(); !ok || others {
		r.of[collectors.Enabled] = collectors.Bool(*on)
	}
}

// isTrue reports whether a property is true or missing.
func isTrue(property *bool) bool { return property == nil || *property }

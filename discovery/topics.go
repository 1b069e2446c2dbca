// Package discovery converts devices to what Home Assistant reads: topics,
// discovery payloads and states. Its functions are pure, without I/O or a clock.
//
// One message announces a whole device (Home Assistant 2024.11 and newer). Home
// Assistant rejects a device with an unknown top-level key and silently drops an
// unknown key of a component, so the payloads are structs, not maps.
package discovery

import (
	"regexp"
	"slices"
	"strings"
)

// Payloads of every availability topic: Home Assistant's defaults.
const (
	Online  = "online"
	Offline = "offline"
)

// Topics names every topic.
type Topics struct {
	Base   string // mqtt.base_topic, "hueair2mqtt"
	Prefix string // homeassistant.prefix, "homeassistant"

	// Sources are the names of all sources, enabled or not. They distinguish this
	// program's devices from others in retained messages.
	Sources []string
}

// deviceID matches the ids that this program gives to devices. Nothing else may become
// part of a topic.
var deviceID = regexp.MustCompile(`^[a-z0-9_]{1,80}$`)

// IsDevice reports whether this program may have given a device this id, which begins
// with the name of a source. Anything else, such as "bridge", could name another topic.
func (t Topics) IsDevice(id string) bool {
	return deviceID.MatchString(id) && slices.ContainsFunc(t.Sources, func(source string) bool {
		return strings.HasPrefix(id, source+"_")
	})
}

// BridgeState has online or offline, retained. It is the Last Will.
func (t Topics) BridgeState() string { return t.Base + "/bridge/state" }

// BridgeInfo has the version and the health of each source, retained.
func (t Topics) BridgeInfo() string { return t.Base + "/bridge/info" }

// BridgeDevices has the list of all devices ever reported, retained. A later run
// finds in it what previous runs left on the broker.
func (t Topics) BridgeDevices() string { return t.Base + "/bridge/devices" }

// State has one JSON object per device, retained.
func (t Topics) State(deviceID string) string { return t.Base + "/" + deviceID }

// Availability has online or offline for one device, retained.
func (t Topics) Availability(deviceID string) string {
	return t.Base + "/" + deviceID + "/availability"
}

// History gets the states that the broker missed, each with its time; not
// retained.
func (t Topics) History(deviceID string) string { return t.Base + "/" + deviceID + "/history" }

// Event gets the events of a device, such as the press of a button; not retained.
func (t Topics) Event(deviceID, key string) string { return t.Base + "/" + deviceID + "/" + key }

// Problem reports whether the user must do something about a source, retained.
func (t Topics) Problem(source string) string { return t.Base + "/" + source + "/problem" }

// ProblemFilter matches the problem of every source.
func (t Topics) ProblemFilter() string { return t.Problem("+") }

// IsProblem reports whether a topic is the Problem of any source.
func (t Topics) IsProblem(topic string) bool { return matchesOne(t.ProblemFilter(), topic) }

// Request receives a request, "refresh" or "acknowledge".
func (t Topics) Request(name string) string { return t.Base + "/bridge/request/" + name }

// RequestFilter matches every request.
func (t Topics) RequestFilter() string { return t.Base + "/bridge/request/+" }

// RequestName returns the name of a request from its topic.
func (t Topics) RequestName(topic string) (name string, ok bool) {
	return strings.CutPrefix(topic, t.Base+"/bridge/request/")
}

// Response gets the responses to a request.
func (t Topics) Response(name string) string { return t.Base + "/bridge/response/" + name }

// Birth is where Home Assistant reports that it has started.
func (t Topics) Birth() string { return t.Prefix + "/status" }

// Config has the announcement of a device, retained.
func (t Topics) Config(objectID string) string { return t.Prefix + "/device/" + objectID + "/config" }

// ConfigFilter matches the announcements of all devices, also of other programs.
func (t Topics) ConfigFilter() string { return t.Config("+") }

// IsConfig reports whether a topic is the Config of any device.
func (t Topics) IsConfig(topic string) bool { return matchesOne(t.ConfigFilter(), topic) }

// matchesOne reports whether a topic matches a filter with one +.
func matchesOne(filter, topic string) bool {
	before, after, _ := strings.Cut(filter, "+")
	level, ok := strings.CutPrefix(topic, before)
	if !ok {
		return false
	}
	level, ok = strings.CutSuffix(level, after)
	return ok && level != "" && !strings.Contains(level, "/")
}

// node returns the base topic in the characters of object ids and unique ids. Two
// instances with different base topics announce different bridge devices.
func (t Topics) node() string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		default:
			return '_'
		}
	}, t.Base)
}

// BridgeID is the id of the device that represents this program.
func (t Topics) BridgeID() string { return t.node() + "_bridge" }

// SourceID is the id of the device that represents a source.
func (t Topics) SourceID(source string) string { return t.node() + "_" + source }

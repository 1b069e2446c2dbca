// Package discovery turns devices into what Home Assistant reads: the topics,
// the discovery payload of a device, and its state. It is made of pure functions
// without I/O or clock, so that what is announced can be compared, tested and
// shown without a broker.
//
// One message announces a whole device (Home Assistant 2024.11 and newer). Home
// Assistant refuses a device with an unknown key at the top and silently drops an
// unknown one within a component; the payloads are therefore structs, not maps.
package discovery

import "strings"

// Payloads of every availability topic, which are Home Assistant's defaults.
const (
	Online  = "online"
	Offline = "offline"
)

// Topics names every topic from the two that the configuration gives.
type Topics struct {
	Base   string // mqtt.base_topic, "hueair2mqtt"
	Prefix string // homeassistant.prefix, "homeassistant"
}

// BridgeState is online or offline, retained, and the Last Will.
func (t Topics) BridgeState() string { return t.Base + "/bridge/state" }

// BridgeInfo is the version and the health of each source, retained.
func (t Topics) BridgeInfo() string { return t.Base + "/bridge/info" }

// BridgeDevices is the list of all devices that were ever reported, retained. A
// later run knows by it what an earlier one has left on the broker.
func (t Topics) BridgeDevices() string { return t.Base + "/bridge/devices" }

// State is one JSON object a device, retained.
func (t Topics) State(deviceID string) string { return t.Base + "/" + deviceID }

// Availability is online or offline for one device, retained.
func (t Topics) Availability(deviceID string) string {
	return t.Base + "/" + deviceID + "/availability"
}

// History is where states come that the broker missed, each with its time; not
// retained.
func (t Topics) History(deviceID string) string { return t.Base + "/" + deviceID + "/history" }

// Event is where a device tells what happens at a moment, such as a press of a
// button; not retained.
func (t Topics) Event(deviceID, key string) string { return t.Base + "/" + deviceID + "/" + key }

// Problem tells of a source whether the user has to do something, retained.
func (t Topics) Problem(source string) string { return t.Base + "/" + source + "/problem" }

// ProblemFilter matches the problem of every source.
func (t Topics) ProblemFilter() string { return t.Problem("+") }

// IsProblem says whether a topic is that of a source's problem.
func (t Topics) IsProblem(topic string) bool { return matchesOne(t.ProblemFilter(), topic) }

// Request is where others ask for something: "refresh", "acknowledge".
func (t Topics) Request(name string) string { return t.Base + "/bridge/request/" + name }

// RequestFilter matches every request.
func (t Topics) RequestFilter() string { return t.Base + "/bridge/request/+" }

// RequestName is the name of a request from its topic.
func (t Topics) RequestName(topic string) (name string, ok bool) {
	return strings.CutPrefix(topic, t.Base+"/bridge/request/")
}

// Response is where a request is answered.
func (t Topics) Response(name string) string { return t.Base + "/bridge/response/" + name }

// Birth is where Home Assistant says that it has come up.
func (t Topics) Birth() string { return t.Prefix + "/status" }

// Config is where a device is announced, retained.
func (t Topics) Config(objectID string) string { return t.Prefix + "/device/" + objectID + "/config" }

// ConfigFilter matches every announcement of a device, of whatever program.
func (t Topics) ConfigFilter() string { return t.Config("+") }

// IsConfig says whether a topic is one where a device is announced.
func (t Topics) IsConfig(topic string) bool { return matchesOne(t.ConfigFilter(), topic) }

// matchesOne says whether a topic matches a filter with one +.
func matchesOne(filter, topic string) bool {
	before, after, _ := strings.Cut(filter, "+")
	level, ok := strings.CutPrefix(topic, before)
	if !ok {
		return false
	}
	level, ok = strings.CutSuffix(level, after)
	return ok && level != "" && !strings.Contains(level, "/")
}

// node makes the base topic fit for object ids and unique ids, so that two
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

// BridgeID identifies the device that stands for this program.
func (t Topics) BridgeID() string { return t.node() + "_bridge" }

// SourceID identifies the device that stands for a source.
func (t Topics) SourceID(source string) string { return t.node() + "_" + source }

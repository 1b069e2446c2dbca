package bridge

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"hueair2mqtt/collectors"
	"hueair2mqtt/discovery"
)

// former is what an earlier run has left on the broker. It is known from that
// run's own retained topics alone: under the same base topic there may be other
// programs, whose devices are none of this program's business.
type former struct {
	devices map[string]listedDevice
	sources map[string]bool
}

func newFormer() former {
	return former{devices: make(map[string]listedDevice), sources: make(map[string]bool)}
}

// listedDevice is an entry of bridge/devices.
type listedDevice struct {
	ID     string `json:"id"`
	Source string `json:"source"`
	Name   string `json:"name"`
	Area   string `json:"area"`
	Model  string `json:"model"`
}

// maxFormer bounds the devices of earlier runs. Whoever may write to
// this program's topics could otherwise make it remember more with each list.
const maxFormer = 20_000

// ownName is how this program writes the ids of devices, and nothing else may become
// part of a topic.
var ownName = regexp.MustCompile(`^[a-z0-9_]{1,80}$`)

// isOwn reports whether this program may have listed the device: its id begins with
// the name of its source. Anything else, such as "bridge", could name another topic
// of this program.
func (d listedDevice) isOwn() bool {
	return ownName.MatchString(d.ID) && slices.ContainsFunc(collectors.Sources, func(source string) bool {
		return strings.HasPrefix(d.ID, source+"_")
	})
}

// decodeDevices returns the program's own devices in the payload of bridge/devices, at
// most maxFormer. It decodes one entry after the other: whoever has overwritten the
// list can make its entries far smaller than what they are in memory. ok is false if
// the payload is not a list of devices.
func decodeDevices(payload []byte) (devices []listedDevice, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	if start, err := decoder.Token(); err != nil || start != json.Delim('[') {
		return nil, false
	}
	for decoder.More() {
		var d listedDevice
		if decoder.Decode(&d) != nil {
			return nil, false
		}
		if d.isOwn() && len(devices) < maxFormer {
			devices = append(devices, d)
		}
	}
	_, err := decoder.Token() // the end of the list
	return devices, err == nil
}

// remember takes up what an earlier run said of its devices and sources. Another
// form than this program's own, of a list that somebody else has overwritten, says
// nothing.
func (w *owner) remember(m received) {
	if m.topic == w.announcer.BridgeInfo() {
		var earlier struct {
			Collectors map[string]json.RawMessage `json:"collectors"`
		}
		if json.Unmarshal(m.payload, &earlier) != nil {
			return
		}
		for source := range earlier.Collectors {
			if slices.Contains(collectors.Sources, source) && w.alerts[source] == nil {
				w.former.sources[source] = true
			}
		}
	} else {
		earlier, ok := decodeDevices(m.payload)
		if !ok {
			return
		}
		for _, d := range earlier {
			_, known := w.former.devices[d.ID]
			if known || len(w.former.devices) < maxFormer {
				for _, text := range []*string{&d.Source, &d.Name, &d.Area, &d.Model} {
					*text = collectors.CleanText(*text)
				}
				w.former.devices[d.ID] = d
			}
		}
		w.publishDevices()
	}
	w.publishFormer()
}

// publishFormer makes devices unavailable that an earlier run may have left
// online and that no poll of this run has seen: what was said of them then is not
// known to be true now. A poll that sees them makes them available again. Sources
// that are switched off now are taken out of Home Assistant, where their last
// problem would stand for ever.
func (w *owner) publishFormer() {
	if w.out == nil {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(w.former.devices)) {
		if w.devices[id] == nil {
			w.publish(w.announcer.State(id), discovery.State(collectors.Device{ID: id}, collectors.Unknown))
			w.publish(w.announcer.Availability(id), []byte(discovery.Offline))
		}
	}
	for _, source := range slices.Sorted(maps.Keys(w.former.sources)) {
		// Home Assistant still listens to the topic when this comes, and makes nothing
		// of an empty message but an error.
		w.publishJSON(w.announcer.Problem(source), problem{})
		if w.options.HomeAssistant.Discovery {
			w.publish(w.announcer.Config(w.announcer.SourceID(source)), nil)
		}
	}
}

// publishDevices publishes the list of all devices, those of an earlier run too.
func (w *owner) publishDevices() {
	if w.out == nil {
		return
	}
	listed := maps.Clone(w.former.devices)
	for id, d := range w.devices {
		listed[id] = listedDevice{ID: id, Source: d.poller.source(), Name: d.Name, Area: d.Area, Model: d.Model}
	}
	list := make([]listedDevice, 0, len(listed))
	for _, id := range slices.Sorted(maps.Keys(listed)) {
		list = append(list, listed[id])
	}
	w.publishJSON(w.announcer.BridgeDevices(), list)
}

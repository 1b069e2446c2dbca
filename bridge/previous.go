package bridge

import (
	"bytes"
	"encoding/json"

	"hueair2mqtt/collectors"
	"hueair2mqtt/discovery"
)

// previousRun is what previous runs have left on the broker, according to their own
// retained topics. Other programs may use the same base topic, and their devices are
// none of this program's.
type previousRun struct {
	topics  discovery.Topics
	devices map[string]listedDevice // by id
	sources map[string]bool
}

func newPreviousRun(topics discovery.Topics) previousRun {
	return previousRun{topics: topics, devices: make(map[string]listedDevice), sources: make(map[string]bool)}
}

// listedDevice is an entry of bridge/devices.
type listedDevice struct {
	ID     string `json:"id"`
	Source string `json:"source"`
	Name   string `json:"name"`
	Area   string `json:"area"`
	Model  string `json:"model"`
}

// maxPreviousDevices is the maximum number of devices of previous runs. Anyone who may
// write to the program's topics could otherwise add more with each list.
const maxPreviousDevices = 20_000

// decodeDevices returns the program's own devices in the payload of bridge/devices, at
// most maxPreviousDevices. It decodes one entry at a time, because the entries of a
// forged list can be far smaller than they are in memory. ok is false if the payload is
// not a list of devices.
func decodeDevices(topics discovery.Topics, payload []byte) (devices []listedDevice, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	if start, err := decoder.Token(); err != nil || start != json.Delim('[') {
		return nil, false
	}
	for decoder.More() {
		var d listedDevice
		if decoder.Decode(&d) != nil {
			return nil, false
		}
		if topics.IsDevice(d.ID) && len(devices) < maxPreviousDevices {
			devices = append(devices, d)
		}
	}
	_, err := decoder.Token() // the end of the list
	return devices, err == nil
}

// decodeSources returns the sources in the payload of bridge/info.
func decodeSources(topics discovery.Topics, payload []byte) (sources []string) {
	var i struct {
		Collectors map[string]json.RawMessage `json:"collectors"`
	}
	if json.Unmarshal(payload, &i) != nil {
		return nil
	}
	for _, source := range topics.Sources {
		if _, ok := i.Collectors[source]; ok {
			sources = append(sources, source)
		}
	}
	return sources
}

// addDevices adds the devices in the payload of bridge/devices. It ignores a payload of
// any other form, which somebody else has written. ok reports whether it was a list.
func (r previousRun) addDevices(payload []byte) (ok bool) {
	devices, ok := decodeDevices(r.topics, payload)
	for _, d := range devices {
		if _, known := r.devices[d.ID]; !known && len(r.devices) == maxPreviousDevices {
			continue
		}
		for _, text := range []*string{&d.Source, &d.Name, &d.Area, &d.Model} {
			*text = collectors.CleanText(*text)
		}
		r.devices[d.ID] = d
	}
	return ok
}

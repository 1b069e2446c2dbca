package bridge

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"

	"hueair2mqtt/bridge/mqtt"
	"hueair2mqtt/discovery"
)

// RemoveDiscovery removes from the broker every announcement that this program has made
// under its base topic. It returns the topics that it removed.
func RemoveDiscovery(ctx context.Context, o mqtt.Options, topics discovery.Topics) (removed []string, err error) {
	r := &retained{topics: topics, topicsFound: make(map[string]bool)}
	return mqtt.RemoveRetained(ctx, o, []string{topics.ConfigFilter()}, r.add, func() [][]string {
		return [][]string{r.announcements()}
	})
}

// RemoveAll removes from the broker everything that this program retains under its base
// topic: announcements, states, problems and the bridge's own topics. It returns the
// topics that it removed. Messages of other programs stay.
func RemoveAll(ctx context.Context, o mqtt.Options, topics discovery.Topics) (removed []string, err error) {
	r := &retained{topics: topics, topicsFound: make(map[string]bool)}
	filters := []string{
		topics.ConfigFilter(), topics.ProblemFilter(), topics.BridgeState(), topics.BridgeInfo(), topics.BridgeDevices(),
		topics.State("+"), topics.Availability("+"),
	}
	return mqtt.RemoveRetained(ctx, o, filters, r.add, func() [][]string {
		// Home Assistant must forget the devices before their states go: it logs an error
		// about an empty state.
		return [][]string{r.announcements(), r.others()}
	})
}

// retained is the list of this program's retained messages on the broker.
type retained struct {
	topics      discovery.Topics
	topicsFound map[string]bool // with a payload that this program has written
	devices     []byte          // payload of bridge/devices
	info        []byte          // payload of bridge/info
}

// add adds a message if this program has written it.
func (r *retained) add(topic string, payload []byte) {
	switch {
	case topic == r.topics.BridgeDevices():
		r.devices = payload
	case topic == r.topics.BridgeInfo():
		r.info = payload
	case topic == r.topics.BridgeState():
	case r.topics.IsConfig(topic) && r.topics.IsOurs(payload):
	case r.topics.IsProblem(topic) && isProblem(payload):
	default:
		return
	}
	r.topicsFound[topic] = true
}

// isProblem reports whether a payload is a problem in this program's form.
func isProblem(payload []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.DisallowUnknownFields()
	return decoder.Decode(&problem{}) == nil
}

// announcements returns the topics of this program's announcements.
func (r *retained) announcements() []string { return r.sorted(r.topics.IsConfig) }

func (r *retained) sorted(is func(topic string) bool) (topics []string) {
	for _, topic := range slices.Sorted(maps.Keys(r.topicsFound)) {
		if is(topic) {
			topics = append(topics, topic)
		}
	}
	return topics
}

// others returns the topics under the base topic that this program retains. The list of
// devices is the last but one, so that an interrupted removal can be repeated.
//
// A broker may let the program write its states and not read them. So the topics of
// every listed device are included, whether they were found or not.
func (r *retained) others() (topics []string) {
	if devices, ok := decodeDevices(r.topics, r.devices); ok {
		for _, d := range devices {
			topics = append(topics, r.topics.State(d.ID), r.topics.Availability(d.ID))
		}
	}
	for _, source := range decodeSources(r.topics, r.info) {
		topics = append(topics, r.topics.Problem(source))
	}
	topics = append(topics, r.sorted(r.topics.IsProblem)...)
	listed := r.topicsFound[r.topics.BridgeDevices()]
	for _, topic := range []string{r.topics.BridgeInfo(), r.topics.BridgeDevices(), r.topics.BridgeState()} {
		if r.topicsFound[topic] || listed {
			topics = append(topics, topic)
		}
	}
	return unique(topics)
}

// unique removes repetitions and keeps the order.
func unique(texts []string) []string {
	seen := make(map[string]bool, len(texts))
	return slices.DeleteFunc(texts, func(text string) bool {
		repeated := seen[text]
		seen[text] = true
		return repeated
	})
}

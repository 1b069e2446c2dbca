package bridge

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"hueair2mqtt/discovery"
)

// quietAfter is how long the broker may be silent before what it retains counts
// as complete. A broker sends it in one go.
const quietAfter = time.Second

// removeTimeout bounds the whole removal.
const removeTimeout = 30 * time.Second

// RemoveDiscovery removes from the broker every announcement that this program
// made under its base topic, and only those. It returns the topics that are gone.
func RemoveDiscovery(ctx context.Context, o Options) (removed []string, err error) {
	topics := o.topics()
	filters := map[string]byte{topics.ConfigFilter(): 0}
	return remove(ctx, o, filters, func(retained map[string][]byte) [][]string {
		return [][]string{announcementsIn(topics, retained)}
	})
}

// RemoveAll removes from the broker everything that this program has left there
// under its base topic: announcements, states, problems and the bridge's own
// topics. What other programs keep under the same base topic stays. It returns the
// topics that are gone.
func RemoveAll(ctx context.Context, o Options) (removed []string, err error) {
	topics := o.topics()
	filters := map[string]byte{
		topics.ConfigFilter(): 0, topics.ProblemFilter(): 0,
		topics.BridgeState(): 0, topics.BridgeInfo(): 0, topics.BridgeDevices(): 0,
		topics.State("+"): 0, topics.Availability("+"): 0,
	}
	return remove(ctx, o, filters, func(retained map[string][]byte) [][]string {
		// Home Assistant forgets the devices before their states go: it can't make
		// anything of an empty one.
		return [][]string{announcementsIn(topics, retained), leftoversIn(topics, retained)}
	})
}

// announcementsIn are the topics of this program's announcements.
func announcementsIn(topics discovery.Topics, retained map[string][]byte) (ours []string) {
	for _, topic := range slices.Sorted(maps.Keys(retained)) {
		if topics.IsConfig(topic) && topics.IsOurs(retained[topic]) {
			ours = append(ours, topic)
		}
	}
	return ours
}

// leftoversIn are the topics below the base topic that this program retains. The
// list of devices is the last but one, so that a removal that is broken off can be
// repeated.
//
// A broker may let the program write its states and not read them. So where the
// list is there, what it names is taken unseen.
func leftoversIn(topics discovery.Topics, retained map[string][]byte) (ours []string) {
	take := func(topic string) {
		if !slices.Contains(ours, topic) {
			ours = append(ours, topic)
		}
	}
	list, listed := retained[topics.BridgeDevices()]
	var (
		devices []listedDevice
		info    struct {
			Collectors map[string]json.RawMessage `json:"collectors"`
		}
	)
	if json.Unmarshal(list, &devices) == nil {
		for _, d := range devices {
			if ownName.MatchString(d.ID) {
				take(topics.State(d.ID))
				take(topics.Availability(d.ID))
			}
		}
	}
	if json.Unmarshal(retained[topics.BridgeInfo()], &info) == nil {
		for _, source := range slices.Sorted(maps.Keys(info.Collectors)) {
			if ownName.MatchString(source) {
				take(topics.Problem(source))
			}
		}
	}
	for _, topic := range slices.Sorted(maps.Keys(retained)) {
		if topics.IsProblem(topic) && isProblem(retained[topic]) {
			take(topic)
		}
	}
	for _, topic := range []string{topics.BridgeInfo(), topics.BridgeDevices(), topics.BridgeState()} {
		if _, seen := retained[topic]; seen || listed {
			take(topic)
		}
	}
	return ours
}

// isProblem says whether a payload is a problem as this program writes it.
func isProblem(payload []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.DisallowUnknownFields()
	return decoder.Decode(&problem{}) == nil
}

// remove takes topics off the broker that choose finds among what is retained
// under filters; each list is gone before the next one is begun.
func remove(ctx context.Context, o Options, filters map[string]byte, choose func(retained map[string][]byte) [][]string) (removed []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, removeTimeout)
	defer cancel()
	client, err := connectOnce(ctx, o, "remove")
	if err != nil {
		return nil, err
	}
	defer client.Disconnect(250)

	retained, err := retainedUnder(ctx, client, filters)
	if err != nil {
		return nil, err
	}
	for _, topics := range choose(retained) {
		tokens := make([]mqtt.Token, len(topics))
		for i, topic := range topics {
			tokens[i] = client.Publish(topic, 1, true, []byte{})
		}
		for i, topic := range topics {
			if err := await(ctx, tokens[i]); err != nil {
				return removed, fmt.Errorf("removing %s: %w", topic, err)
			}
			removed = append(removed, topic)
		}
	}
	return removed, nil
}

// retainedUnder asks the broker what it retains.
func retainedUnder(ctx context.Context, client mqtt.Client, filters map[string]byte) (map[string][]byte, error) {
	var (
		mu       sync.Mutex
		retained = make(map[string][]byte)
		came     = make(chan struct{}, 1) // holds one sign
	)
	// A broker may send what it retains before it confirms the subscription, which
	// paho can't hear of while this waits for somebody.
	refused, err := subscribe(ctx, client, filters, func(_ mqtt.Client, m mqtt.Message) {
		if !m.Retained() {
			return
		}
		mu.Lock()
		retained[m.Topic()] = m.Payload()
		mu.Unlock()
		select {
		case came <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return nil, fmt.Errorf("subscribing to what the broker retains: %w", err)
	}
	if len(refused) > 0 {
		return nil, fmt.Errorf("the broker does not let mqtt.username read %s", refused[0])
	}
	quiet := time.NewTimer(quietAfter)
	defer quiet.Stop()
	for {
		select {
		case <-came:
			quiet.Reset(quietAfter)
		case <-quiet.C:
			mu.Lock()
			defer mu.Unlock()
			return maps.Clone(retained), nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

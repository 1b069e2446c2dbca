package bridge

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"hueair2mqtt/collectors"
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
	return remove(ctx, o, filters, func(r retained) [][]string { return [][]string{r.announcements()} })
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
	return remove(ctx, o, filters, func(r retained) [][]string {
		// Home Assistant forgets the devices before their states go: it can't make
		// anything of an empty one.
		return [][]string{r.announcements(), r.leftovers()}
	})
}

// retained is what a broker retains of this program.
type retained struct {
	topics discovery.Topics
	seen   map[string]bool // topics with a payload that this program wrote
	list   []byte          // of bridge/devices
	info   []byte          // of bridge/info
}

// add takes a message if this program wrote it.
func (r *retained) add(topic string, payload []byte) {
	switch {
	case topic == r.topics.BridgeDevices():
		r.list = payload
	case topic == r.topics.BridgeInfo():
		r.info = payload
	case topic == r.topics.BridgeState():
	case r.topics.IsConfig(topic) && r.topics.IsOurs(payload):
	case r.topics.IsProblem(topic) && isProblem(payload):
	default:
		return
	}
	r.seen[topic] = true
}

// announcements are the topics of this program's announcements.
func (r *retained) announcements() (ours []string) {
	for _, topic := range slices.Sorted(maps.Keys(r.seen)) {
		if r.topics.IsConfig(topic) {
			ours = append(ours, topic)
		}
	}
	return ours
}

// leftovers are the topics below the base topic that this program retains. The
// list of devices is the last but one, so that a removal that is broken off can be
// repeated.
//
// A broker may let the program write its states and not read them. So where the
// list is there, what it names is taken unseen.
func (r *retained) leftovers() (ours []string) {
	taken := make(map[string]bool)
	take := func(topic string) {
		if !taken[topic] {
			taken[topic] = true
			ours = append(ours, topic)
		}
	}
	var (
		info struct {
			Collectors map[string]json.RawMessage `json:"collectors"`
		}
	)
	if devices, ok := decodeDevices(r.list); ok {
		for _, d := range devices {
			take(r.topics.State(d.ID))
			take(r.topics.Availability(d.ID))
		}
	}
	if json.Unmarshal(r.info, &info) == nil {
		for _, source := range collectors.Sources {
			if _, named := info.Collectors[source]; named {
				take(r.topics.Problem(source))
			}
		}
	}
	for _, topic := range slices.Sorted(maps.Keys(r.seen)) {
		if r.topics.IsProblem(topic) {
			take(topic)
		}
	}
	listed := r.seen[r.topics.BridgeDevices()]
	for _, topic := range []string{r.topics.BridgeInfo(), r.topics.BridgeDevices(), r.topics.BridgeState()} {
		if r.seen[topic] || listed {
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
func remove(ctx context.Context, o Options, filters map[string]byte, choose func(retained) [][]string) (removed []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, removeTimeout)
	defer cancel()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	client, err := connectOnce(ctx, o, "remove", fail)
	if err != nil {
		return nil, err
	}
	defer client.Disconnect(250)

	found, err := retainedUnder(ctx, client, o.topics(), filters)
	if err != nil {
		return nil, err
	}
	for _, topics := range choose(found) {
		tokens := make([]mqtt.Token, len(topics))
		for i, topic := range topics {
			tokens[i] = client.Publish(topic, 1, true, []byte{})
		}
		for i, topic := range topics {
			if err := await(ctx, tokens[i]); err != nil {
				return removed, fmt.Errorf("removing %s: %w", topic, cmp.Or(context.Cause(ctx), err))
			}
			removed = append(removed, topic)
		}
	}
	return removed, nil
}

// retainedUnder asks the broker what it retains of this program.
func retainedUnder(ctx context.Context, client mqtt.Client, topics discovery.Topics, filters map[string]byte) (retained, error) {
	var (
		mu   sync.Mutex
		came = make(chan struct{}, 1) // holds one sign
	)
	found := retained{topics: topics, seen: make(map[string]bool)}
	// A broker may send what it retains before it confirms the subscription, which
	// paho can't hear of while this waits for somebody.
	refused, err := subscribe(ctx, client, filters, func(_ mqtt.Client, m mqtt.Message) {
		if !m.Retained() || ctx.Err() != nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		found.add(m.Topic(), m.Payload())
		select {
		case came <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return retained{}, fmt.Errorf("subscribing to what the broker retains: %w", cmp.Or(context.Cause(ctx), err))
	}
	if len(refused) > 0 {
		return retained{}, fmt.Errorf("the broker does not let mqtt.username read %s", refused[0])
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
			return retained{topics, maps.Clone(found.seen), found.list, found.info}, nil // more may come
		case <-ctx.Done():
			return retained{}, context.Cause(ctx)
		}
	}
}

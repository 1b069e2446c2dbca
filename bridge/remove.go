package bridge

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// quietAfter is how long the broker may be silent before what it retains counts
// as complete. A broker sends it in one go.
const quietAfter = time.Second

// removeTimeout bounds the whole removal.
const removeTimeout = 30 * time.Second

// RemoveDiscovery removes from the broker every announcement that this program
// made under its base topic, and only those. It returns the object ids of the
// devices that are gone.
func RemoveDiscovery(ctx context.Context, o Options) (removed []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, removeTimeout)
	defer cancel()
	client, err := connectOnce(ctx, o, "remove")
	if err != nil {
		return nil, err
	}
	defer client.Disconnect(250)

	topics := o.topics()
	retained := make(chan mqtt.Message)
	refused, err := subscribe(ctx, client, map[string]byte{topics.ConfigFilter(): 0}, func(_ mqtt.Client, m mqtt.Message) {
		if !m.Retained() {
			return
		}
		select {
		case retained <- m:
		case <-ctx.Done():
		}
	})
	if err != nil {
		return nil, fmt.Errorf("subscribing to %s: %w", topics.ConfigFilter(), err)
	}
	if len(refused) > 0 {
		return nil, fmt.Errorf("the broker does not let mqtt.username read %s", topics.ConfigFilter())
	}
	tokens := make(map[string]mqtt.Token)
	quiet := time.NewTimer(quietAfter)
	defer quiet.Stop()
	for waiting := true; waiting; {
		select {
		case m := <-retained:
			quiet.Reset(quietAfter)
			if topics.IsOurs(m.Payload()) {
				tokens[m.Topic()] = client.Publish(m.Topic(), 1, true, []byte{})
			}
		case <-quiet.C:
			waiting = false
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	for _, topic := range slices.Sorted(maps.Keys(tokens)) {
		if err := await(ctx, tokens[topic]); err != nil {
			return removed, fmt.Errorf("removing %s: %w", topic, err)
		}
		removed = append(removed, path.Base(path.Dir(topic)))
	}
	return removed, nil
}

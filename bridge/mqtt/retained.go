package mqtt

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

const (
	// quietAfter is how long the broker must be silent before its retained messages
	// count as complete. A broker sends them without a pause.
	quietAfter = time.Second

	// removeTimeout bounds the whole removal.
	removeTimeout = 30 * time.Second
)

// RemoveRetained removes retained messages from the broker. It calls found for each
// retained message under filters, one at a time, and then removes the topics that
// choose returns: each list is gone before the next one is begun. It returns the topics
// that it removed.
func RemoveRetained(ctx context.Context, o Options, filters []string, found func(topic string, payload []byte), choose func() [][]string) (removed []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, removeTimeout)
	defer cancel()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	client, err := connectFor(ctx, o, "remove", fail)
	if err != nil {
		return nil, err
	}
	defer client.Disconnect(disconnectTimeout)

	if err := readRetained(ctx, client, filters, found); err != nil {
		return nil, err
	}
	for _, topics := range choose() {
		tokens := make([]paho.Token, len(topics))
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

// readRetained calls found for each retained message under filters. It does not call
// found after it has returned.
func readRetained(ctx context.Context, client paho.Client, filters []string, found func(topic string, payload []byte)) error {
	var (
		mu       sync.Mutex
		done     bool
		received = make(chan struct{}, 1)
		qos      = make(map[string]byte, len(filters))
	)
	for _, filter := range filters {
		qos[filter] = 0
	}
	defer func() {
		mu.Lock()
		defer mu.Unlock()
		done = true
	}()
	// A broker may send retained messages before it confirms the subscription. Paho
	// does not see the confirmation while a message handler waits, so it must not.
	refused, err := subscribe(ctx, client, qos, func(_ paho.Client, m paho.Message) {
		mu.Lock()
		defer mu.Unlock()
		if !m.Retained() || done {
			return
		}
		found(m.Topic(), m.Payload())
		select {
		case received <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return fmt.Errorf("subscribing to the retained messages: %w", cmp.Or(context.Cause(ctx), err))
	}
	if len(refused) > 0 {
		return fmt.Errorf("the broker does not allow mqtt.username to read %s", refused[0])
	}
	quiet := time.NewTimer(quietAfter)
	defer quiet.Stop()
	for {
		select {
		case <-received:
			quiet.Reset(quietAfter)
		case <-quiet.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

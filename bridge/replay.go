package bridge

import (
	"context"
	"errors"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"go.uber.org/zap"

	"hueair2mqtt/discovery"
	"hueair2mqtt/internal/history"
)

const (
	// replayPortion is how much of the history is under way at once: as much as a
	// Mosquitto has under way to one subscriber (max_inflight_messages). One portion
	// is a few kB ahead of a state that becomes news meanwhile.
	replayPortion = 20

	// replayPause is the time from one portion to the next, at least. 500 readings a
	// second are a week of 20 sensors in seven minutes, and slow enough for a
	// subscriber that stores them: what it does not take in time, a Mosquitto drops
	// (max_queued_messages, 1,000).
	replayPause = 40 * time.Millisecond

	// replayRefused is the pause after a message that the broker did not take.
	replayRefused = 10 * time.Second
)

// sent is a message under way.
type sent struct {
	token   mqtt.Token
	reading history.Key
}

// settle takes note of what became of a message.
func (s *session) settle(reading history.Key, err error) {
	if err == nil {
		s.observer.Published(1)
	}
	switch {
	case reading.IsZero():
	case err == nil:
		s.history.Acknowledge(reading)
	default:
		s.history.Release(reading)
	}
}

// startReplay replays the history beside the states until stop is called, which
// waits for its end.
func (s *session) startReplay(ctx context.Context, client mqtt.Client) (stop func()) {
	if s.history == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var replaying sync.WaitGroup
	replaying.Go(func() { s.replay(ctx, client) })
	return func() {
		cancel()
		replaying.Wait()
	}
}

// replay publishes the history in its order until ctx ends.
func (s *session) replay(ctx context.Context, client mqtt.Client) {
	told := false // once a connection
	for ctx.Err() == nil {
		records, err := s.history.Next(ctx, replayPortion)
		if err != nil {
			return // ctx has ended
		}
		began := time.Now()
		pause := replayPause
		if err := s.replayPortion(ctx, client, records); err != nil && ctx.Err() == nil {
			pause = replayRefused
			if !told {
				told = true
				s.log.Error("a message of the history was not taken by the broker; it is tried again", zap.Error(err))
			}
		}
		sleepUntil(ctx, began.Add(pause))
	}
}

// replayPortion publishes these records and waits until the broker has all of them.
func (s *session) replayPortion(ctx context.Context, client mqtt.Client, records []history.Record) error {
	tokens := make([]mqtt.Token, 0, len(records))
	for _, r := range records {
		tokens = append(tokens, client.Publish(s.topics.History(r.Device), 1, false, discovery.History(r.ID, r.Time, r.State)))
	}
	var (
		errs      []error
		delivered []history.Key
	)
	for i, token := range tokens {
		if err := await(ctx, token); err != nil {
			errs = append(errs, err)
		} else {
			delivered = append(delivered, records[i].Key)
		}
	}
	s.history.Replayed(delivered...)
	s.observer.Published(len(delivered))
	return errors.Join(errs...)
}

package bridge

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/bridge/mqtt"
	"hueair2mqtt/discovery"
	"hueair2mqtt/internal/history"
)

const (
	// replayBatch is the number of records that are sent at once: as many as Mosquitto
	// sends to one subscriber (max_inflight_messages). A new state waits behind one batch
	// at most.
	replayBatch = 20

	// replayPause is the minimum time from one batch to the next. 500 records per second
	// replay a week of 20 sensors in seven minutes, slowly enough for a subscriber that
	// stores them: Mosquitto drops what a subscriber takes too late (max_queued_messages,
	// 1,000).
	replayPause = 40 * time.Millisecond

	// replayRetry is the pause after a record that the broker did not accept.
	replayRetry = 10 * time.Second
)

// replay publishes the readings that the broker has missed, in their order.
type replay struct {
	history *history.Log
	topics  discovery.Topics
	log     *zap.Logger
}

// run replays on one connection until ctx is done.
func (r *replay) run(ctx context.Context, publish mqtt.PublishFunc) {
	logged := false
	for ctx.Err() == nil {
		records, err := r.history.Next(ctx, replayBatch)
		if err != nil {
			return // ctx is done
		}
		start := time.Now()
		pause := replayPause
		if err := r.batch(records, publish); err != nil && ctx.Err() == nil {
			pause = replayRetry
			if !logged {
				logged = true
				r.log.Error("the broker did not accept a record of the history; it is sent again", zap.Error(err))
			}
		}
		sleepUntil(ctx, start.Add(pause))
	}
}

// batch publishes records and waits until the broker has acknowledged all of them.
func (r *replay) batch(records []history.Record, publish mqtt.PublishFunc) error {
	var waits []func() error
	for _, record := range records {
		waits = append(waits, publish(r.topics.History(record.Device), discovery.History(record.ID, record.Time, record.State)))
	}
	var (
		errs      []error
		delivered []history.Key
	)
	for i, wait := range waits {
		if err := wait(); err != nil {
			errs = append(errs, err)
		} else {
			delivered = append(delivered, records[i].Key)
		}
	}
	r.history.Replayed(delivered...)
	return errors.Join(errs...)
}

package collectors

import (
	"context"
	"errors"
)

// Streamer is a Collector whose source also tells what happens between two
// polls. Polling remains as the safety net.
type Streamer interface {
	Collector

	// Next waits for something to happen and returns it. It is never called while
	// Collect runs, nor the other way round, so that one goroutine sees polls and
	// happenings in one order; what happens meanwhile waits within the collector.
	//
	// An error that is ErrResync asks for a Collect at once, because something may
	// have been missed: the stream was cut, or has just been opened. When ctx ends
	// first, the error is the context's. There is no other error: a stream that
	// can't be had is tried again by the collector itself, with growing pauses,
	// while the polls go on.
	Next(ctx context.Context) (Update, error)
}

// Refresher is a Collector that answers some polls from what its event stream has
// brought.
type Refresher interface {
	// Refresh makes the next Collect ask the source. It is never called while Collect
	// or Next runs.
	Refresh()
}

// ErrResync says that only a full read tells the truth again.
var ErrResync = errors.New("the event stream may have missed something")

// Update is what happened: devices that changed, each whole as a Snapshot would
// have it, and events, in their order.
type Update struct {
	Devices []Device
	Events  []Event
}

// Event is something that happens at a moment and has no state, such as a press
// of a button.
type Event struct {
	DeviceID string
	// Key names what it happened to, within the device, of [a-z0-9_]: "button_1",
	// "dial". The device lists it in EventTypes.
	Key string
	// Type is one of the types that the device lists for Key: "initial_press".
	Type string
	// Attributes say more, such as the steps of a turn; nil for a button.
	Attributes map[string]any
}

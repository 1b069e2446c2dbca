package collectors

import (
	"context"
	"errors"
)

// Streamer is a Collector whose source also sends events between polls. Polls remain
// as the safety net.
type Streamer interface {
	Collector

	// Next waits for the next events and returns them. Next and Collect are not called
	// concurrently, so that one goroutine sees polls and events in order; the collector
	// queues events meanwhile.
	//
	// The error is the context's, or ErrResync if events may have been missed, because
	// the stream was interrupted or has just been opened. The caller then calls Collect
	// at once. The collector itself reopens a stream that fails.
	Next(ctx context.Context) (Update, error)
}

// Refresher is a Collector that serves some polls from its event stream.
type Refresher interface {
	// Refresh makes the next Collect read the source. It is not called while Collect or
	// Next runs.
	Refresh()
}

// ErrResync means that only a Collect returns the current state.
var ErrResync = errors.New("the event stream may have missed something")

// Update has the devices that changed, each complete as in a Snapshot, and the events
// in their order.
type Update struct {
	Devices []Device
	Events  []Event
}

// Event is an occurrence without a state, such as the press of a button.
type Event struct {
	DeviceID string
	// Key names the part of the device, of [a-z0-9_]: "button_1", "dial". It is a key of
	// the device's EventTypes.
	Key string
	// Type is one of the device's EventTypes of Key: "initial_press".
	Type string
	// Attributes has details such as the steps of a turn; nil for a button.
	Attributes map[string]any
}

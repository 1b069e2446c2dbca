package bridge

import (
	"context"
	"time"

	"hueair2mqtt/bridge/alert"
	"hueair2mqtt/bridge/mqtt"
	"hueair2mqtt/collectors"
)

// The events that pollers, the MQTT session and notifiers send to the owner.
type (
	pollDone struct {
		*endpoint
		pollResult
	}
	streamUpdate struct {
		*endpoint
		at time.Time
		collectors.Update
	}
	brokerConnected struct {
		address string
		out     *mqtt.Outbox
	}
	brokerDisconnected struct{ out *mqtt.Outbox }
	brokerFailed       struct{ err error }
	brokerReceived     struct{ mqtt.Received }
	alertDone          struct{ alert.Outcome }
)

func (e pollDone) handle(ctx context.Context, w *owner) bool {
	if e.removed {
		return false
	}
	w.handlePoll(ctx, e.endpoint, e.pollResult)
	return true
}

func (e streamUpdate) handle(_ context.Context, w *owner) bool {
	if e.removed {
		return false
	}
	w.handleUpdate(e.endpoint, e.at, e.Update)
	return true
}

func (e brokerConnected) handle(_ context.Context, w *owner) bool {
	w.handleConnected(e.address, e.out)
	return true
}

func (e brokerDisconnected) handle(_ context.Context, w *owner) bool {
	w.handleDisconnected(e.out)
	return true
}

func (e brokerFailed) handle(_ context.Context, w *owner) bool {
	w.state.broker.Error = errorText(e.err)
	return true
}

func (e brokerReceived) handle(_ context.Context, w *owner) bool {
	w.handleReceived(e.Received)
	return true
}

func (e alertDone) handle(_ context.Context, w *owner) bool {
	if w.state.alerts.Record(e.Outcome) {
		w.publisher.problem(e.Source)
	}
	return true
}

// endpointHandler is the pollHandler of one endpoint.
type endpointHandler struct {
	inbox
	*endpoint
}

func (h endpointHandler) polled(ctx context.Context, r pollResult) error {
	return h.send(ctx, pollDone{h.endpoint, r})
}

func (h endpointHandler) updated(ctx context.Context, at time.Time, update collectors.Update) error {
	return h.send(ctx, streamUpdate{h.endpoint, at, update})
}

// brokerHandler is the mqtt.Handler of the bridge. Events that the owner does not get,
// because it or the connection is gone, do not matter.
type brokerHandler struct {
	inbox
	observer Observer
}

func (h brokerHandler) Connected(ctx context.Context, address string, out *mqtt.Outbox) {
	_ = h.send(ctx, brokerConnected{address, out})
}

func (h brokerHandler) Disconnected(out *mqtt.Outbox) {
	_ = h.send(context.Background(), brokerDisconnected{out})
}

func (h brokerHandler) Failed(ctx context.Context, err error) { _ = h.send(ctx, brokerFailed{err}) }

func (h brokerHandler) Received(ctx context.Context, m mqtt.Received) {
	_ = h.send(ctx, brokerReceived{m})
}

func (h brokerHandler) Acknowledged(messages int) { h.observer.Published(messages) }

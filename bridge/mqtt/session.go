// Package mqtt is the connection to the MQTT broker. It knows topics and bytes, not
// devices.
//
// A [Session] connects, reconnects and sends the messages that the bridge puts into the
// [Outbox] of each connection. Putting a message never blocks: a broker that hangs
// delays neither a poll nor an alert, and what it missed is replaced by the newest
// state.
package mqtt

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"sync"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"go.uber.org/zap"

	"hueair2mqtt/collectors"
	"hueair2mqtt/discovery"
)

const (
	// A broker that restarts is back within seconds, so the session reconnects quickly
	// however long the broker is away.
	minReconnectDelay = 500 * time.Millisecond
	maxReconnectDelay = 5 * time.Second

	// stableAfter is how long a connection must have lasted for the reconnect delay to
	// start over. Two clients with the same id disconnect each other immediately.
	stableAfter = 10 * time.Second

	// sameErrorEvery is how often an unchanged connection error is logged.
	sameErrorEvery = 10 * time.Minute

	// maxInFlight is the maximum number of unacknowledged messages. MQTT allows 65,535,
	// but more than a few hundred gain nothing.
	maxInFlight = 1000

	// maxRequestSize is the maximum number of bytes read of a request.
	maxRequestSize = 256
)

// FieldFailure is the log field with the kind of a connection error. There are about
// ten kinds, and the first failure of an outage often does not show its cause.
const FieldFailure = "failure"

// Handler receives the events of a session. ctx ends with the connection.
type Handler interface {
	// Connected reports a new connection to the broker at this address.
	Connected(ctx context.Context, broker string, out *Outbox)
	// Disconnected reports that the connection of the outbox was lost.
	Disconnected(out *Outbox)
	// Failed reports why there is no connection.
	Failed(ctx context.Context, err error)
	// Received passes on a message from the broker.
	Received(ctx context.Context, m Received)
	// Acknowledged reports that the broker has acknowledged messages. It returns
	// immediately and may be called from several goroutines.
	Acknowledged(messages int)
}

// Received is a message from the broker.
type Received struct {
	Topic    string
	Payload  []byte
	Retained bool
}

// PublishFunc publishes a message that is not retained, bypassing the outbox. The
// returned function waits for its acknowledgement.
type PublishFunc func(topic string, payload []byte) (wait func() error)

// SessionOptions configure a Session.
type SessionOptions struct {
	Options
	Topics  discovery.Topics
	Handler Handler
	// Alongside, if not nil, runs beside each connection until ctx is done.
	Alongside func(ctx context.Context, publish PublishFunc)
	Log       *zap.Logger
}

// Session keeps a connection to the broker and sends the messages of its outbox.
//
// Each connection is a new Paho client with an outbox of its own. Paho's own reconnect
// is off: it queues without limit while the broker is away, and it sends old states
// after newer ones.
type Session struct {
	SessionOptions
	tls *tls.Config
}

// NewSession returns a session. Its error is a *SettingsError.
func NewSession(o SessionOptions) (*Session, error) {
	tlsConfig, err := tlsConfig(o.Settings)
	if err != nil {
		return nil, err
	}
	if o.Settings.Broker != "" {
		o.Log = o.Log.With(zap.String("broker", o.Settings.Broker))
	}
	return &Session{o, tlsConfig}, nil
}

// Run connects, and reconnects, until ctx is done or until every message of a closed
// outbox is sent. It stops reconnecting when stopping is closed.
func (s *Session) Run(ctx context.Context, stopping <-chan struct{}) {
	var (
		delay      = minReconnectDelay
		lastError  string
		lastLogged time.Time
	)
	for {
		start := time.Now()
		established, finished, err := s.connection(ctx)
		if finished || ctx.Err() != nil {
			return
		}
		s.Handler.Failed(ctx, err)
		if established && time.Since(start) >= stableAfter {
			delay = minReconnectDelay
		}
		switch text := err.Error(); {
		case established && delay == minReconnectDelay:
			s.Log.Warn("connection to the broker lost; reconnecting", zap.Error(err))
		case established:
			s.Log.Warn("connection to the broker lost again immediately; reconnecting. Does a second hueair2mqtt use the same mqtt.client_id or mqtt.base_topic?", zap.Error(err))
		case text != lastError || time.Since(lastLogged) >= sameErrorEvery:
			lastError, lastLogged = text, time.Now()
			s.Log.Error("no connection to the broker; trying again every few seconds", zap.String(FieldFailure, collectors.KindOf(err)), zap.Error(err))
		}
		if established {
			lastError = ""
		}
		select {
		case <-time.After(delay):
		case <-stopping:
			return
		case <-ctx.Done():
			return
		}
		delay = min(2*delay, maxReconnectDelay)
	}
}

// connection runs one connection. established reports whether there was one, finished
// whether the outbox was closed and all of it sent.
func (s *Session) connection(ctx context.Context) (established, finished bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	broker := s.Settings
	if s.Locate != nil {
		if broker, err = s.Locate(ctx); err != nil {
			return false, false, err
		}
	}
	options := clientOptions(broker, s.tls, clientID(s.Settings))
	options.SetWill(s.Topics.BridgeState(), discovery.Offline, 1, true)
	options.SetConnectionLostHandler(func(_ paho.Client, err error) { cancel(err) })
	receive := func(_ paho.Client, m paho.Message) { s.receive(ctx, m) }
	// Messages that arrive after their subscription was removed come here.
	options.SetDefaultPublishHandler(receive)

	client, err := connect(ctx, options, s.dial(), cancel)
	if err != nil {
		return false, false, err
	}
	defer client.Disconnect(disconnectTimeout)

	if err := s.subscribe(ctx, client, receive); err != nil {
		return true, false, cmp.Or(context.Cause(ctx), err)
	}
	log := s.Log
	if s.Settings.Broker == "" {
		log = log.With(zap.String("broker", broker.Broker))
	}
	log.Info("connected to the broker")
	out := newOutbox()
	s.Handler.Connected(ctx, broker.Broker, out)
	var alongside sync.WaitGroup
	if s.Alongside != nil {
		alongside.Go(func() {
			s.Alongside(ctx, func(topic string, payload []byte) func() error { return s.publish(ctx, client, topic, payload) })
		})
	}
	finished = s.send(ctx, client, out, cancel)
	err = context.Cause(ctx)
	cancel(nil)
	alongside.Wait()
	if !finished {
		s.Handler.Disconnected(out)
	}
	return true, finished, err
}

func (s *Session) receive(ctx context.Context, m paho.Message) {
	payload, limit := m.Payload(), maxRequestSize
	if m.Topic() == s.Topics.BridgeDevices() || m.Topic() == s.Topics.BridgeInfo() {
		limit = maxRememberedSize
	}
	s.Handler.Received(ctx, Received{m.Topic(), payload[:min(len(payload), limit)], m.Retained()})
}

// subscribe subscribes to requests and to Home Assistant's birth message, and reads
// once what the previous run retained about its devices and sources. Its error is the
// connection's.
func (s *Session) subscribe(ctx context.Context, client paho.Client, receive paho.MessageHandler) error {
	refused, err := subscribe(ctx, client, map[string]byte{
		s.Topics.RequestFilter(): 1,
		s.Topics.Birth():         1,
		s.Topics.BridgeDevices(): 0,
		s.Topics.BridgeInfo():    0,
	}, receive)
	if err != nil {
		return err
	}
	// The broker has sent the retained messages with the acknowledgement. The bridge's
	// own messages on these topics need not come back.
	if err := await(ctx, client.Unsubscribe(s.Topics.BridgeDevices(), s.Topics.BridgeInfo())); err != nil {
		return err
	}
	if len(refused) > 0 {
		s.Log.Warn("the broker refused a subscription, so buttons in Home Assistant may not work: allow mqtt.username to read these topics",
			zap.Strings("topics", refused))
	}
	return nil
}

// publish is the PublishFunc of a connection.
func (s *Session) publish(ctx context.Context, client paho.Client, topic string, payload []byte) (wait func() error) {
	token := client.Publish(topic, 1, false, payload)
	return func() error {
		err := await(ctx, token)
		if err == nil {
			s.Handler.Acknowledged(1)
		}
		return err
	}
}

// inFlight is a message that waits for its acknowledgement.
type inFlight struct {
	token paho.Token
	Message
}

// send publishes the messages of the outbox, without waiting for one before the next,
// until the connection ends (false) or until the outbox is closed and every message
// acknowledged (true).
func (s *Session) send(ctx context.Context, client paho.Client, out *Outbox, cancel context.CancelCauseFunc) (finished bool) {
	sent := make(chan inFlight, maxInFlight)
	var acknowledging sync.WaitGroup
	acknowledging.Go(func() { s.acknowledge(ctx, sent, cancel) })
	defer acknowledging.Wait()
	defer close(sent)
	for {
		m, ok := out.next(ctx)
		if !ok {
			return ctx.Err() == nil
		}
		sent <- inFlight{client.Publish(m.Topic, 1, m.Retained, m.Payload), m}
	}
}

// acknowledge waits for the acknowledgement of each message. It cancels a connection
// whose broker acknowledges nothing.
func (s *Session) acknowledge(ctx context.Context, sent <-chan inFlight, cancel context.CancelCauseFunc) {
	logged := false // one failed message is seldom the only one
	for m := range sent {
		err := await(ctx, m.token)
		m.done(err)
		if err == nil {
			s.Handler.Acknowledged(1)
			continue
		}
		if errors.Is(err, errNotAcknowledged) {
			cancel(err)
		}
		if ctx.Err() == nil && !logged {
			logged = true
			s.Log.Error("the broker did not accept a message", zap.Error(err))
		}
	}
}

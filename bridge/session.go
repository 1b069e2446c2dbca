package bridge

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"go.uber.org/zap"

	"hueair2mqtt/collectors"
	"hueair2mqtt/configs"
	"hueair2mqtt/discovery"
	"hueair2mqtt/internal/history"
)

const (
	keepAlive      = 30 * time.Second
	pingTimeout    = 10 * time.Second
	connectTimeout = 10 * time.Second

	// writeTimeout ends a connection whose peer takes nothing any more. A publish
	// that the end of a connection catches on its way is stuck for as long.
	writeTimeout = 4 * time.Second

	// Reconnecting is quick and stays so: a broker that restarts is back within
	// seconds, and its users expect their sensors to be.
	minReconnectDelay = 500 * time.Millisecond
	maxReconnectDelay = 5 * time.Second

	// acknowledgeTimeout is how long the broker may take to acknowledge a message or a
	// subscription. One that answers pings and has lost that is never going to.
	acknowledgeTimeout = 30 * time.Second

	// stableAfter is how long a connection must have lasted for the next attempt to
	// come without delay. Two clients with one id throw each other out at once.
	stableAfter = 10 * time.Second

	// sameErrorEvery is how often an unchanged failure to connect is told.
	sameErrorEvery = 10 * time.Minute

	// fieldFailure names, in the log, the kind of a failure to connect, of which there
	// are about ten. The first failure is often not the one that tells the reason.
	fieldFailure = "failure"

	// maxInFlight bounds the messages that the broker has not acknowledged. MQTT
	// allows 65,535; past some hundreds more gain nothing.
	maxInFlight = 1000

	// maxRequestSize bounds what is read of a request, in bytes.
	maxRequestSize = 256

	// maxRememberedSize bounds, in bytes, what is read of an earlier run's own
	// topics: 10,000 devices make 1 MB.
	maxRememberedSize = 4 << 20
)

// session keeps a connection to the broker and sends what the owner gives it.
//
// Each connection is a new paho client with an outbox of its own. Paho's own
// reconnect is off: it would queue without bound while the broker is away and
// repeat old states after the newest.
type session struct {
	mqtt   configs.MQTT
	locate func(ctx context.Context) (configs.MQTT, error) // nil: mqtt has the broker
	tls    *tls.Config
	topics discovery.Topics
	dial   dialFunc
	events chan<- event
	log    *zap.Logger

	// ownerGone is closed when nobody reads events any more.
	ownerGone <-chan struct{}

	history  *history.Log // nil unless readings are kept
	observer Observer
}

// connectionUp tells the owner that a broker can be reached through out.
type connectionUp struct {
	out    *outbox
	broker string
}

// connectionFailed tells the owner why there is no connection.
type connectionFailed struct{ err error }

// connectionDown tells the owner that out leads nowhere any more.
type connectionDown struct{ out *outbox }

// received is a message from the broker.
type received struct {
	topic    string
	payload  []byte
	retained bool
}

func newSession(o Options, tlsConfig *tls.Config, events chan<- event, ownerGone <-chan struct{}, readings *history.Log) *session {
	return &session{
		mqtt: o.MQTT, tls: tlsConfig, topics: o.topics(), dial: o.dialBroker(),
		locate: o.LocateBroker, events: events, log: o.Log.With(brokerField(o.MQTT)), ownerGone: ownerGone,
		history: readings, observer: o.Observer,
	}
}

// brokerField names the broker in the log, unless it is yet to be located.
func brokerField(m configs.MQTT) zap.Field {
	if m.Broker == "" {
		return zap.Skip()
	}
	return zap.String("broker", m.Broker)
}

// dialFunc opens a connection of the network below MQTT.
type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

func (o Options) dialBroker() dialFunc {
	if o.DialBroker != nil {
		return o.DialBroker
	}
	return (&net.Dialer{}).DialContext
}

// run connects, and connects again, until ctx ends or the owner has closed the
// outbox.
func (s *session) run(ctx context.Context) {
	var (
		delay    = minReconnectDelay
		lastText string
		lastTold time.Time
	)
	for {
		began := time.Now()
		established, finished, err := s.connection(ctx)
		if finished || ctx.Err() != nil {
			return
		}
		s.tell(ctx, connectionFailed{err})
		if established && time.Since(began) >= stableAfter {
			delay = minReconnectDelay
		}
		if established {
			lastText = ""
			if delay == minReconnectDelay {
				s.log.Warn("connection to the broker lost; reconnecting", zap.Error(err))
			} else {
				s.log.Warn("connection to the broker lost again at once; reconnecting. Does a second hueair2mqtt use the same mqtt.client_id or mqtt.base_topic?", zap.Error(err))
			}
		} else if text := err.Error(); text != lastText || time.Since(lastTold) >= sameErrorEvery {
			lastText, lastTold = text, time.Now()
			s.log.Error("no connection to the broker; trying again every few seconds", zap.String(fieldFailure, collectors.KindOf(err)), zap.Error(err))
		}
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-s.ownerGone:
			timer.Stop()
			return
		case <-ctx.Done():
			timer.Stop()
			return
		}
		delay = min(2*delay, maxReconnectDelay)
	}
}

// connection lives through one connection. established says whether there was
// one, finished that the owner has closed the outbox and everything is sent.
func (s *session) connection(ctx context.Context) (established, finished bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	broker := s.mqtt
	if s.locate != nil {
		if broker, err = s.locate(ctx); err != nil {
			return false, false, err
		}
	}
	options := clientOptions(broker, s.tls, clientID(s.mqtt))
	options.SetWill(s.topics.BridgeState(), discovery.Offline, 1, true)
	options.SetConnectionLostHandler(func(_ mqtt.Client, err error) { cancel(err) })
	receive := func(_ mqtt.Client, m mqtt.Message) {
		payload, most := m.Payload(), maxRequestSize
		if m.Topic() == s.topics.BridgeDevices() || m.Topic() == s.topics.BridgeInfo() {
			most = maxRememberedSize
		}
		if len(payload) > most {
			payload = payload[:most]
		}
		s.tell(ctx, received{topic: m.Topic(), payload: payload, retained: m.Retained()})
	}
	// What is still on its way when a subscription has ended comes here.
	options.SetDefaultPublishHandler(receive)

	client, err := connect(ctx, options, s.dial, cancel)
	if err != nil {
		return false, false, err
	}
	defer client.Disconnect(250)

	refused, err := s.subscribe(ctx, client, receive)
	if err != nil {
		return true, false, cmp.Or(context.Cause(ctx), err)
	}
	if len(refused) > 0 {
		// Publishing works without; only requests and births go unheard.
		s.log.Warn("the broker refused a subscription, so that buttons in Home Assistant may not work: let mqtt.username read these topics",
			zap.Strings("topics", refused))
	}
	if s.mqtt.Broker == "" {
		s.log.Info("connected to the broker", brokerField(broker))
	} else {
		s.log.Info("connected to the broker")
	}
	out := newOutbox()
	s.tell(ctx, connectionUp{out, broker.Broker})
	s.observer.Connected()
	stopReplay := s.startReplay(ctx, client)
	finished = s.send(ctx, client, out, cancel)
	stopReplay()
	s.observer.Disconnected()
	if !finished {
		s.tell(context.WithoutCancel(ctx), connectionDown{out})
	}
	return true, finished, context.Cause(ctx)
}

// tell sends an event to the owner.
func (s *session) tell(ctx context.Context, e event) {
	select {
	case s.events <- e:
	case <-s.ownerGone:
	case <-ctx.Done():
	}
}

// subscribe asks for requests, for Home Assistant's birth, and once for what an
// earlier run said of its devices and sources. It returns what the broker did not
// grant; the error is the connection's.
func (s *session) subscribe(ctx context.Context, client mqtt.Client, receive mqtt.MessageHandler) (refused []string, err error) {
	refused, err = subscribe(ctx, client, map[string]byte{
		s.topics.RequestFilter(): 1,
		s.topics.Birth():         1,
		s.topics.BridgeDevices(): 0,
		s.topics.BridgeInfo():    0,
	}, receive)
	if err != nil {
		return nil, err
	}
	// The retained messages have been sent with the acknowledgement; those that
	// this program publishes from now on need not come back.
	return refused, await(ctx, client.Unsubscribe(s.topics.BridgeDevices(), s.topics.BridgeInfo()))
}

// subscribe subscribes to filters, one at a time (see policed), and returns those
// that the broker did not grant. Paho calls that a success.
func subscribe(ctx context.Context, client mqtt.Client, filters map[string]byte, receive mqtt.MessageHandler) (refused []string, err error) {
	const failure = 0x80 // MQTT 3.1.1, 3.9.3
	tokens := make(map[string]*mqtt.SubscribeToken, len(filters))
	for filter, qos := range filters {
		tokens[filter] = client.Subscribe(filter, qos, receive).(*mqtt.SubscribeToken)
	}
	for filter, token := range tokens {
		if err := await(ctx, token); err != nil {
			return nil, err
		}
		if token.Result()[filter] == failure {
			refused = append(refused, filter)
		}
	}
	slices.Sort(refused)
	return refused, nil
}

// send publishes what the outbox holds without waiting for one message before
// the next, until the connection ends (false) or the outbox is closed and every
// message acknowledged (true).
func (s *session) send(ctx context.Context, client mqtt.Client, out *outbox, lost context.CancelCauseFunc) (finished bool) {
	inFlight := make(chan sent, maxInFlight)
	var acknowledging sync.WaitGroup
	acknowledging.Go(func() {
		told := false // once a connection: what one message meets, the next ones do
		for m := range inFlight {
			err := await(ctx, m.token)
			s.settle(m.reading, err)
			if errors.Is(err, errNotAcknowledged) {
				lost(err)
			}
			if err != nil && ctx.Err() == nil && !told {
				told = true
				s.log.Error("a message was not taken by the broker", zap.Error(err))
			}
		}
	})
	defer acknowledging.Wait()
	defer close(inFlight)
	for {
		m, ok := out.next(ctx)
		if !ok {
			return ctx.Err() == nil
		}
		inFlight <- sent{client.Publish(m.topic, 1, m.retained, m.payload), m.reading}
	}
}

// errNotAcknowledged says that a connection is there, and of no use.
var errNotAcknowledged = fmt.Errorf("the broker has acknowledged nothing for %s", acknowledgeTimeout)

// await waits for a token, as long as an acknowledgement may take, or the end of
// ctx.
func await(ctx context.Context, token mqtt.Token) error {
	timer := time.NewTimer(acknowledgeTimeout)
	defer timer.Stop()
	select {
	case <-token.Done():
		return token.Error()
	case <-timer.C:
		return errNotAcknowledged
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// clientOptions are those that every connection of this program shares.
func clientOptions(m configs.MQTT, tlsConfig *tls.Config, clientID string) *mqtt.ClientOptions {
	options := mqtt.NewClientOptions().
		AddBroker(m.Broker).
		SetClientID(clientID).
		SetProtocolVersion(4). // MQTT 3.1.1
		SetCleanSession(true).
		SetAutoReconnect(false).
		SetConnectRetry(false).
		SetKeepAlive(keepAlive).
		SetPingTimeout(pingTimeout).
		SetConnectTimeout(connectTimeout).
		SetWriteTimeout(writeTimeout).
		SetTLSConfig(tlsConfig)
	if m.Username != "" {
		options.SetUsername(m.Username).SetPassword(m.Password.Reveal())
	}
	return options
}

// clientID is the configured one, or one that is the same after a restart and
// differs between machines and between base topics: a broker drops the older of
// two clients with one id.
func clientID(m configs.MQTT) string {
	if m.ClientID != "" {
		return m.ClientID
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	sum := sha256.Sum256([]byte(host + "\x00" + m.BaseTopic))
	return "hueair2mqtt-" + hex.EncodeToString(sum[:4])
}

// connectOnce connects for a single purpose, beside the bridge that may be running:
// a broker drops the older of two clients with one id. What it may read is bounded
// (see maxReceived); failed is told why the connection has ended if that, or a
// breach of the rules, is the reason.
func connectOnce(ctx context.Context, o Options, purpose string, failed func(error)) (mqtt.Client, error) {
	tlsConfig, err := tlsConfig(o.MQTT)
	if err != nil {
		return nil, err
	}
	id := "hueair2mqtt-" + purpose + "-" + rand.Text()[:8]
	return connect(ctx, clientOptions(o.MQTT, tlsConfig, id), withBudget(o.dialBroker(), failed), failed)
}

// connect opens one connection and gives up when ctx ends. broken is told if the
// broker breaks the rules later on: paho's own errors only say that it is over.
func connect(ctx context.Context, options *mqtt.ClientOptions, dial dialFunc, broken func(error)) (mqtt.Client, error) {
	connecting, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	var handshake func() bool
	options.SetCustomOpenConnectionFn(func(broker *url.URL, o mqtt.ClientOptions) (net.Conn, error) {
		conn, err := openConnection(connecting, ctx, broker, o, dial)
		if err != nil {
			return nil, err
		}
		// Nothing else ends the wait for the broker's answer.
		handshake = context.AfterFunc(connecting, func() { conn.Close() })
		return &policed{Conn: conn, broken: broken}, nil
	})
	client := mqtt.NewClient(options)
	token := client.Connect()
	<-token.Done()
	if handshake != nil {
		handshake()
	}
	if err := token.Error(); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, explainConnect(err)
	}
	return client, nil
}

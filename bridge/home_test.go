package bridge_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	broker "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"hueair2mqtt/bridge"
	"hueair2mqtt/bridge/alert"
	"hueair2mqtt/bridge/mqtt"
	"hueair2mqtt/collectors"
	"hueair2mqtt/configs"
	"hueair2mqtt/test/harness"
)

// allowAll is a broker hook that allows everything except reading one topic.
type allowAll struct {
	broker.HookBase
	unreadable  string
	established func(*broker.Client) // optional
}

func (*allowAll) ID() string { return "allow-all" }
func (*allowAll) Provides(hook byte) bool {
	return hook == broker.OnConnectAuthenticate || hook == broker.OnACLCheck || hook == broker.OnSessionEstablished
}
func (*allowAll) OnConnectAuthenticate(*broker.Client, packets.Packet) bool { return true }
func (a *allowAll) OnACLCheck(_ *broker.Client, topic string, write bool) bool {
	return write || topic != a.unreadable
}
func (a *allowAll) OnSessionEstablished(client *broker.Client, _ packets.Packet) {
	if a.established != nil {
		a.established(client)
	}
}

// testHome is a bridge under test and its broker, which can be stopped and started.
type testHome struct {
	t       *testing.T
	options bridge.Options
	logs    *observer.ObservedLogs
	mail    *alert.Mail // a notifier of some tests

	unreadable  string               // a topic that no client may subscribe to
	established func(*broker.Client) // is called for every client that has connected
	forgetful   bool                 // records no messages

	mu       sync.Mutex
	network  *harness.Network // nil while the broker is away
	server   *broker.Server
	log      []line            // every message since the broker started, in order
	retained map[string]string // what a new subscriber would get
	stop     func()
}

type line struct {
	topic, payload string
	at             time.Time
}

// newHome returns a bridge with these collectors, each polled every minute. It starts
// the broker, but not the bridge.
func newHome(t *testing.T, cs ...*source) *testHome {
	core, logs := observer.New(zapcore.DebugLevel)
	h := &testHome{t: t, logs: logs}
	h.options = bridge.Options{
		HomeAssistant: configs.HomeAssistant{Discovery: true, Prefix: "homeassistant"},
		Retry:         configs.Retry{Attempts: 3, BaseDelay: time.Second, Multiplier: 2, MaxDelay: 30 * time.Second},
		StateDir:      t.TempDir(),
		Version:       "1.2.3",
		Sources:       []string{"amazon", "hue"},
		Log:           zap.New(core),
	}
	h.options.Broker = mqtt.Options{
		Settings: configs.MQTT{Broker: "tcp://broker:1883", BaseTopic: "hueair2mqtt"},
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			h.mu.Lock()
			l := h.network
			h.mu.Unlock()
			if l == nil {
				return nil, errors.New("connection refused")
			}
			return l.DialContext(ctx, "", "")
		},
	}
	for _, c := range cs {
		h.options.Tasks = append(h.options.Tasks, bridge.Task{
			Collector: c, Interval: time.Minute, AlertFile: "ALERT_" + c.name + ".txt",
		})
	}
	h.startBroker()
	return h
}

// startBroker starts an empty broker.
func (h *testHome) startBroker() {
	h.t.Helper()
	l := harness.NewNetwork()
	server := broker.New(&broker.Options{InlineClient: true, SysTopicResendInterval: 86400, Logger: slog.New(slog.DiscardHandler)})
	if err := errors.Join(server.AddHook(&allowAll{unreadable: h.unreadable, established: h.established}, nil), server.AddListener(listeners.NewNet("pipe", l)), server.Serve()); err != nil {
		h.t.Fatal(err)
	}
	h.mu.Lock()
	h.network, h.server, h.log, h.retained = l, server, nil, make(map[string]string)
	h.mu.Unlock()
	err := server.Subscribe("#", 1, func(_ *broker.Client, _ packets.Subscription, p packets.Packet) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if !h.forgetful {
			h.log = append(h.log, line{p.TopicName, string(p.Payload), time.Now()})
		}
		h.retained[p.TopicName] = string(p.Payload)
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *testHome) stopBroker() {
	h.mu.Lock()
	server := h.server
	h.network, h.server = nil, nil
	h.mu.Unlock()
	if server != nil {
		server.Close()
	}
}

// publish publishes a message of another client.
func (h *testHome) publish(topic, payload string, retain bool) {
	h.t.Helper()
	if err := h.server.Publish(topic, []byte(payload), retain, 1); err != nil {
		h.t.Fatal(err)
	}
}

// start runs the bridge until stop is called or the test ends.
func (h *testHome) start() { h.stop = h.startAnother(h.options) }

// startAnother runs a bridge with other options until stop is called.
func (h *testHome) startAnother(options bridge.Options) (stop func()) {
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan error, 1)
	go func() { done <- bridge.Run(ctx, options) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Errorf("the bridge ended with %v", err)
		}
	})
}

// inHome runs a test in a home, in virtual time.
func inHome(t *testing.T, cs []*source, test func(t *testing.T, h *testHome)) {
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t, cs...)
		defer h.stopBroker()
		test(t, h)
		if h.stop != nil {
			h.stop()
		}
	})
}

// after lets virtual time pass, then waits until all goroutines are idle.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (h *testHome) get(topic string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.retained[topic]
}

func (h *testHome) lines() []line {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]line(nil), h.log...)
}

func (h *testHome) count(topic string) (n int) {
	for _, l := range h.lines() {
		if l.topic == topic {
			n++
		}
	}
	return n
}

func (h *testHome) want(topic, payload string) {
	h.t.Helper()
	if got := h.get(topic); got != payload {
		h.t.Errorf("%s is %q, want %q", topic, got, payload)
	}
}

// source is a collector whose results the test sets.
type source struct {
	name     string
	endpoint string

	mu      sync.Mutex
	closed  bool
	outcome func(ctx context.Context, retry *collectors.Retrier) (collectors.Snapshot, error)
	polls   int
}

func (s *source) Source() string   { return s.name }
func (s *source) Endpoint() string { return s.endpoint }

func (s *source) Collect(ctx context.Context, retry *collectors.Retrier) (collectors.Snapshot, error) {
	s.mu.Lock()
	s.polls++
	outcome := s.outcome
	s.mu.Unlock()
	return outcome(ctx, retry)
}

func (s *source) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

func (s *source) polled() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.polls
}

func (s *source) does(outcome func(context.Context, *collectors.Retrier) (collectors.Snapshot, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outcome = outcome
}

func (s *source) reports(devices ...collectors.Device) *source {
	s.does(func(context.Context, *collectors.Retrier) (collectors.Snapshot, error) {
		return collectors.Snapshot{Devices: devices}, nil
	})
	return s
}

func (s *source) fails(err error) *source {
	s.does(func(context.Context, *collectors.Retrier) (collectors.Snapshot, error) {
		return collectors.Snapshot{}, err
	})
	return s
}

var seen = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func motionSensor(n string, temperature float64) collectors.Device {
	return collectors.Device{
		ID: "hue_" + n, Name: "Hall " + n, Area: "Hall", Manufacturer: "Signify", Model: "SML001", Serial: n,
		SoftwareVersion: "6.1", Online: true, LastSeen: seen,
		Readings: map[collectors.Measurement]collectors.Value{
			collectors.Temperature: collectors.Number(temperature),
			collectors.Motion:      collectors.Bool(true),
			collectors.Illuminance: collectors.Number(28.58),
			collectors.Battery:     collectors.Number(87),
		},
	}
}

func hueSource() *source    { return &source{name: "hue", endpoint: "http://192.0.2.1"} }
func amazonSource() *source { return &source{name: "amazon", endpoint: "https://alexa.example"} }

func refused() error {
	return &collectors.AuthenticationError{
		Code: "HTTP 401", Remedy: "Sign in again.", Err: errors.New("reading monitors: the server answered 401 Unauthorized"),
	}
}

func unreachable() error {
	return &collectors.ExhaustedError{Endpoint: "x", Attempts: 3, Err: &collectors.TransientError{Kind: "refused", Err: errors.New("connection refused")}}
}

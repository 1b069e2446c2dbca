// Package bridge is the running process: it polls every collector, owns the state of
// every device, publishes it over MQTT and raises alerts.
//
// Data flows in one direction: a poll or an update of an event stream goes through the
// owner, the publisher and the outbox to the MQTT session. One goroutine, the owner,
// holds all state. Poll loops, the MQTT session and notifiers send it events over one
// channel. The owner never waits for the network: it puts messages into an outbox that
// keeps only the newest message of each topic.
//
// The package has more than 1,500 lines because all of it reads or changes the state of
// that one goroutine. Everything else is in bridge/mqtt and bridge/alert.
package bridge

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/bridge/alert"
	"hueair2mqtt/bridge/mqtt"
	"hueair2mqtt/collectors"
	"hueair2mqtt/configs"
	"hueair2mqtt/discovery"
	"hueair2mqtt/internal/history"
	"hueair2mqtt/internal/loglimit"
)

// Options configure a bridge.
type Options struct {
	Broker        mqtt.Options
	HomeAssistant configs.HomeAssistant
	Retry         configs.Retry
	History       configs.History
	Notifiers     []alert.Notifier
	StateDir      string
	Version       string
	Tasks         []Task
	Log           *zap.Logger
	Observer      Observer // optional

	// Sources are the names of all sources, whether they have tasks or not.
	Sources []string

	// OnReadings, if not nil, is called with all readings of a device whenever there are
	// new ones. It must not block or keep the map.
	OnReadings func(device string, readings map[collectors.Measurement]collectors.Value)

	// Live looks into the bridge while it runs; optional.
	Live *Live
	// Preview runs a bridge for Live only: without broker, alert files, history and
	// notifications.
	Preview bool

	// ServiceManager is notified that the bridge is healthy.
	ServiceManager ServiceManager
}

// flushTimeout is how long the last messages may take to reach the broker. A user waits
// for it when the service stops.
const flushTimeout = 3 * time.Second

// historyDir is the folder of the history in the state directory.
const historyDir = "history"

// Run runs the bridge until ctx is done, and then publishes that it is offline. It
// returns within flushTimeout after that and leaves no goroutine behind. Its error
// concerns the options: nothing on the network ends a bridge.
func Run(ctx context.Context, o Options) error {
	if o.Observer == nil {
		o.Observer = nopObserver{}
	}
	if o.OnReadings == nil {
		o.OnReadings = func(string, map[collectors.Measurement]collectors.Value) {}
	}
	// A broker, a source and anyone who may publish a birth message cause log lines.
	var limiter *loglimit.Limiter
	o.Log, limiter = loglimit.New(o.Log, "collector", "endpoint", "attempt", mqtt.FieldFailure)
	defer limiter.Close()

	in := newInbox()
	if o.Live != nil {
		in = o.Live.inbox
	}
	owner, err := newOwner(o, in)
	if err != nil {
		return err
	}
	defer owner.state.alerts.Wait()

	// The session outlives ctx until the last messages are sent.
	sessionCtx, endSession := context.WithCancel(context.WithoutCancel(ctx))
	defer endSession()
	var session sync.WaitGroup
	if !o.Preview {
		if log := openHistory(o); log != nil {
			owner.publisher.history = log
			defer log.Close()
		}
		s, err := newSession(o, owner)
		if err != nil {
			return err
		}
		session.Go(func() { s.Run(sessionCtx, in.closed) })
	}

	var polls sync.WaitGroup
	owner.start = func(ctx context.Context, e *endpoint) {
		ctx, e.stop = context.WithCancel(ctx)
		polls.Go(func() {
			defer e.task.Collector.Close()
			e.run(ctx, endpointHandler{in, e})
		})
	}
	for _, e := range owner.state.endpoints {
		owner.start(ctx, e)
	}

	if owner.run(ctx) {
		flush := time.AfterFunc(flushTimeout, endSession)
		defer flush.Stop()
	} else {
		endSession()
	}
	polls.Wait()
	for _, e := range owner.state.endpoints {
		e.stop()
	}
	session.Wait()
	return nil
}

// newOwner returns the owner of a bridge with these tasks, with the alerts that the
// previous run has left.
func newOwner(o Options, in inbox) (*owner, error) {
	alerts := alert.Options{
		Dir: o.StateDir, Notifiers: o.Notifiers, Log: o.Log,
		Report: func(ctx context.Context, outcome alert.Outcome) { _ = in.send(ctx, alertDone{outcome}) },
	}
	if o.Preview {
		alerts.Dir, alerts.Notifiers = "", nil
	}
	s := &state{
		version: o.Version, started: time.Now(), preview: o.Preview,
		devices: make(map[string]*device), alerts: alert.NewManager(alerts), previous: newPreviousRun(o.mqttTopics()),
		retry: collectors.RetryPolicy(o.Retry), log: o.Log,
	}
	for _, task := range o.Tasks {
		if _, err := s.addEndpoint(task); err != nil {
			return nil, err
		}
		o.Observer.Polls(task.Collector.Source(), task.Collector.Endpoint())
	}
	for _, source := range s.alerts.Sources() {
		var names []string
		for _, e := range s.endpointsOf(source) {
			names = append(names, e.name())
		}
		s.alerts.Restore(source, names)
	}
	p := &publisher{
		state: s, announcer: discovery.Announcer{Topics: o.mqttTopics(), Version: o.Version}, discovery: o.HomeAssistant.Discovery,
		observer: o.Observer, onReadings: o.OnReadings, log: o.Log,
	}
	return &owner{
		inbox: in, state: s, publisher: p, rebirth: newRebirth(p), requests: requestHandler{p},
		service:  service{manager: o.ServiceManager, log: o.Log},
		observer: o.Observer, watchers: make(map[*byte]func()), log: o.Log,
	}, nil
}

func (o Options) mqttTopics() discovery.Topics {
	return discovery.Topics{Base: o.Broker.Settings.BaseTopic, Prefix: o.HomeAssistant.Prefix, Sources: o.Sources}
}

// openHistory opens the history, or returns nil if it is disabled.
func openHistory(o Options) *history.Log {
	if !o.History.Enabled {
		return nil
	}
	log := history.Open(history.Options{
		Dir:      filepath.Join(o.StateDir, historyDir),
		MaxAge:   o.History.MaxAge,
		MaxBytes: int64(o.History.MaxMegabytes) * 1_000_000,
		Log:      o.Log,
	})
	o.Observer.Keeps(log.Stats)
	return log
}

// newSession returns the MQTT session that sends what the owner publishes.
func newSession(o Options, w *owner) (*mqtt.Session, error) {
	options := mqtt.SessionOptions{
		Options: o.Broker, Topics: o.mqttTopics(), Handler: brokerHandler{w.inbox, o.Observer}, Log: o.Log,
	}
	if log := w.publisher.history; log != nil {
		options.Alongside = (&replay{log, o.mqttTopics(), o.Log}).run
	}
	return mqtt.NewSession(options)
}

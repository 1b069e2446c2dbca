// Package bridge is the running process: it polls every collector, owns the
// state of every device, tells it to the MQTT broker and raises the alerts.
//
// Its core is single-threaded on purpose. Poll loops, the MQTT session and the
// mail send events over one channel to ONE goroutine, the owner, which alone
// reads and writes devices and alerts and decides what is published. The owner
// never waits for the network: what it publishes goes into an outbox that keeps
// only the newest message of a topic, and the session sends it from there. A
// broker that hangs therefore costs neither a poll nor an alert, and what it
// missed is replaced by what is true when it is back.
package bridge

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/collectors"
	"hueair2mqtt/configs"
	"hueair2mqtt/discovery"
	"hueair2mqtt/internal/loglimit"
)

// Task is one collector with what the bridge has to know to run it.
type Task struct {
	Collector collectors.Collector
	Interval  time.Duration
	// AlertFile is the name, within the state directory, of the file that tells
	// of an authentication failure of the collector's source.
	AlertFile string
}

// Options are what a bridge is made of.
type Options struct {
	MQTT configs.MQTT
	// LocateBroker returns the settings of the broker before each attempt to connect;
	// nil: MQTT has them. BaseTopic and the files of certificates are always those of
	// MQTT.
	LocateBroker func(ctx context.Context) (configs.MQTT, error)

	HomeAssistant configs.HomeAssistant
	Retry         configs.Retry
	Email         configs.Email
	History       configs.History
	StateDir      string
	Version       string
	Tasks         []Task
	Log           *zap.Logger
	Observer      Observer // nil if nobody wants to know

	// OnReadings is called with all readings of a device whenever some were taken. It
	// must not block or keep the map. It may be nil.
	OnReadings func(device string, readings map[collectors.Measurement]collectors.Value)

	// Live looks into the bridge while it runs; nil if nobody ever will.
	Live *Live
	// Preview is a bridge that polls and tells only those who look: no broker, no
	// alert file, no history and no mail.
	Preview bool

	// ServiceManager hears that the bridge is well; the zero one is nobody.
	ServiceManager ServiceManager

	// DialBroker replaces the network on the way to the broker; nil is the real one.
	DialBroker func(ctx context.Context, network, address string) (net.Conn, error)
	// DialMail does the same for the mail server.
	DialMail func(ctx context.Context, network, address string) (net.Conn, error)
}

func (o Options) topics() discovery.Topics {
	return discovery.Topics{Base: o.MQTT.BaseTopic, Prefix: o.HomeAssistant.Prefix}
}

// RetryPolicy is what the settings of the retry mean to the collectors.
func RetryPolicy(r configs.Retry) collectors.RetryPolicy {
	return collectors.RetryPolicy{
		Attempts:   r.Attempts,
		BaseDelay:  r.BaseDelay,
		Multiplier: r.Multiplier,
		MaxDelay:   r.MaxDelay,
		Jitter:     r.Jitter,
	}
}

// flushTimeout is how long the last messages may take to reach the broker. A
// service manager's patience with a stop is longer (systemd: 90 s), a user's is
// not.
const flushTimeout = 3 * time.Second

// Run runs the bridge until ctx ends, and then publishes that it is offline. It
// returns within flushTimeout after that, with no goroutine left. The error is
// about the settings: nothing that the network does ends a bridge.
func Run(ctx context.Context, o Options) error {
	tlsConfig, err := tlsConfig(o.MQTT)
	if err != nil {
		return err
	}
	if o.Observer == nil {
		o.Observer = nobody{}
	}
	// Whoever speaks to the bridge causes lines: a broker, a source, a stranger who
	// may publish a birth.
	var limiter *loglimit.Limiter
	o.Log, limiter = loglimit.New(o.Log, "collector", "endpoint", "attempt", fieldFailure)
	defer limiter.Close()
	events := make(chan event)
	owner, err := newOwner(o, events)
	if err != nil {
		return err
	}
	if o.History.Enabled && !o.Preview {
		owner.history = openHistory(o)
		o.Observer.Keeps(owner.history.Stats)
		defer owner.history.Close()
	}

	// The session outlives ctx until the last messages are out.
	sessionCtx, endSession := context.WithCancel(context.WithoutCancel(ctx))
	defer endSession()
	var session sync.WaitGroup
	if !o.Preview {
		session.Go(func() { newSession(o, tlsConfig, events, ctx.Done(), owner.history).run(sessionCtx) })
	}

	var polls sync.WaitGroup
	owner.begin = func(ctx context.Context, p *poller) {
		ctx, p.stop = context.WithCancel(ctx)
		polls.Go(func() {
			p.run(ctx, events)
			p.task.Collector.Close()
		})
	}
	for _, p := range owner.pollers {
		owner.begin(ctx, p)
	}

	connected := owner.run(ctx)
	if connected {
		flush := time.AfterFunc(flushTimeout, endSession)
		defer flush.Stop()
	} else {
		endSession()
	}
	polls.Wait()
	for _, p := range owner.pollers {
		p.stop()
	}
	session.Wait()
	return nil
}

// SettingsError says that the settings can't be used, so that Run does not begin.
type SettingsError struct{ Err error }

func (e *SettingsError) Error() string { return e.Err.Error() }
func (e *SettingsError) Unwrap() error { return e.Err }

// tlsConfig makes the settings of a connection to a broker with TLS. Its error is a
// *SettingsError.
func tlsConfig(m configs.MQTT) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if m.CAFile != "" {
		roots, err := readCertificates(m.CAFile)
		if err != nil {
			return nil, &SettingsError{&collectors.RemedyError{
				Err:    fmt.Errorf("mqtt.ca_file: %w", err),
				Remedy: "name a PEM file with the certificate of the authority",
			}}
		}
		c.RootCAs = roots
	}
	if m.CRLFile != "" {
		if _, err := readRevocationLists(m.CRLFile); err != nil {
			return nil, &SettingsError{&collectors.RemedyError{
				Err:    fmt.Errorf("mqtt.crl_file: %w", err),
				Remedy: "name a PEM file with the revocation list of the authority",
			}}
		}
		c.VerifyConnection = revocation{m.CRLFile}.verify
	}
	if m.CertFile != "" {
		certificate, err := readKeyPair(m.CertFile, m.KeyFile)
		if err != nil {
			return nil, &SettingsError{&collectors.RemedyError{
				Err:    fmt.Errorf("mqtt.cert_file and mqtt.key_file: %w", err),
				Remedy: "name the PEM files of one certificate and of its own key",
			}}
		}
		c.Certificates = []tls.Certificate{certificate}
	}
	return c, nil
}

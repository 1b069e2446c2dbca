// Package web is the page in the browser: set up, see, mend.
//
// It is for somebody who has never opened a terminal. So everything is plain HTML
// made here, which works without JavaScript, and a small script only keeps it
// fresh. What is shown comes from pictures that the bridge makes when somebody
// looks, and nothing runs while nobody does. What is done here is what the
// commands do, by the same code: pairing writes hue.json, signing in writes
// amazon.json. The configuration file is its owner's and is never written; what
// belongs there is shown as lines to add.
//
// The page can show and change things in a home, and most homes have no TLS. So it
// trusts neither the network nor other pages in the same browser: see guard.go and
// session.go.
package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue/pairing"
	"hueair2mqtt/configs"
	"hueair2mqtt/internal/check"
	"hueair2mqtt/internal/health"
	"hueair2mqtt/internal/httpguard"
	"hueair2mqtt/internal/loglimit"
	"hueair2mqtt/internal/sources"
)

// House is the bridge that is shown; *bridge.Live is one.
type House interface {
	Picture(ctx context.Context) (bridge.Picture, error)
	Watch(ctx context.Context, changed func()) error
	Refresh(ctx context.Context, source string) error
	Acknowledge(ctx context.Context, source string) error
}

// Options are what the page is made of.
type Options struct {
	// Config is the configuration; its file is only named on the page.
	Config     *configs.Config
	ConfigFile string
	// Ingress makes the page one for Home Assistant's Ingress alone, where Home
	// Assistant has authenticated the visitors. Everyone else gets Health and nothing
	// more. ConfigFile is empty then: the options are set in Home Assistant.
	Ingress bool
	// Setup is the page of the command of that name: it publishes nothing.
	Setup bool

	// Code makes a new one-time code, and tells the user; it is called at the start
	// and whenever a code has been used. nil: no code lets anybody in.
	Code func(code string)

	House House
	// Sparklines has the values of the last 24 hours; nil if the page draws none.
	Sparklines *Sparklines
	// Health is served beside the page; nil if it isn't.
	Health *health.Checks
	Log    *Ring
	// Errors is where the page tells its own failures.
	Errors *zap.Logger

	// FindHue looks for Hue bridges.
	FindHue pairing.FindFunc
	// Retrier retries requests to a source as the bridge does.
	Retrier func(source string) *collectors.Retrier
	// Ready is told that a source has been paired or signed in to, so that the bridge
	// reads it.
	Ready func(ctx context.Context, source string) error
	// Check looks at everything, as the command does.
	Check func(ctx context.Context) []check.Finding
	// TryBroker looks at a broker, with the configured settings but those given. The
	// password is the configured one if it is empty and the others are too.
	TryBroker func(ctx context.Context, t BrokerTry) []check.Finding
}

// BrokerTry is a broker that somebody wants to try.
type BrokerTry struct {
	Broker, Username string
	Password         configs.Secret
}

// Server serves the page.
type Server struct {
	o       Options
	sources []sources.Source
	life    context.Context // of the page; what it has begun ends with it
	jobs    sync.WaitGroup
	guard   *guard
	access  *access
	changes *changes

	finding  job[[]pairing.Found]
	pairing  job[pairProgress]
	signing  signing
	checking job[[]check.Finding]
	trying   job[brokerTried]
	streams  *streams
	logLimit *loglimit.Limiter // of o.Errors: strangers cause most of these lines
}

// New makes the page, which lives until ctx ends.
func New(ctx context.Context, o Options) *Server {
	name, err := os.Hostname()
	if err != nil {
		name = "localhost"
	}
	s := &Server{
		o: o, sources: sources.All(o.Config, nil), life: ctx, changes: newChanges(),
		access:  newAccess(ctx, o.Config.Web.Password, o.Code),
		streams: newStreams(),
	}
	s.o.Errors, s.logLimit = loglimit.New(o.Errors)
	s.guard = newGuard(o.Config.Web, name, s.access.open())
	if o.Log != nil {
		o.Log.onWrite(s.changes.tell)
	}
	return s
}

const (
	// The times of http.Server. Pages are small, and what takes long is not waited
	// for by a request.
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = 20 * time.Second
	idleTimeout       = 10 * time.Second
	maxHeaderBytes    = 16 << 10
	// A browser opens 6 connections. Several may share an address.
	maxConnections          = 128
	maxConnectionsPerClient = 32

	// shutdownTimeout is how long requests may still take at the end.
	shutdownTimeout = time.Second
)

// Serve serves the page until its life ends. It waits for all that it has begun.
func (s *Server) Serve(listener net.Listener) error {
	server := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return s.life },
		ErrorLog:          zap.NewStdLog(s.o.Errors.WithOptions(zap.IncreaseLevel(zap.ErrorLevel))),
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(s.life, func() {
		defer close(ended)
		limit, cancel := context.WithTimeout(context.WithoutCancel(s.life), shutdownTimeout)
		defer cancel()
		if server.Shutdown(limit) != nil {
			server.Close()
		}
	})
	err := server.Serve(httpguard.Bound(server, listener, httpguard.Limits{
		Connections: maxConnections, PerClient: maxConnectionsPerClient, Proxies: s.guard.proxies, Body: maxBody,
	}))
	if !stop() {
		<-ended
	}
	s.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Wait waits for all that the page has begun, after its life has ended.
func (s *Server) Wait() {
	s.jobs.Wait()
	s.signing.close()
	s.logLimit.Close()
}

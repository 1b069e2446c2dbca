// Package web serves the page in the browser, on which a user sets up hueair2mqtt,
// sees the measurements and the problems.
//
// The page is plain HTML made by the server and works without JavaScript; a small
// script keeps it up to date. Nothing runs while no browser has it open, except the
// recording of the sparklines. Pairing and signing in store the same files as the
// commands do. The configuration file is never written: the page shows the lines to
// add.
//
// The page can show and change things in a home, and most homes have no TLS, so it
// trusts neither the network nor other sites in the same browser: see package access.
package web

import (
	"context"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/internal/httpguard"
	"hueair2mqtt/internal/loglimit"
	"hueair2mqtt/internal/sources"
	"hueair2mqtt/internal/web/access"
)

// Server serves the page.
type Server struct {
	options Options
	ctx     context.Context // of the page; everything it starts ends with it
	log     *loglimit.Limiter
	jobs    *jobs
	amazon  *amazonSignIn
	handler http.Handler
}

// New returns a page that lives until ctx is done.
func New(ctx context.Context, o Options) *Server {
	s := &Server{ctx: ctx}
	o.Log, s.log = loglimit.New(o.Log) // strangers can cause most of these messages
	s.options = o
	changes := newChanges()
	if o.LogBuffer != nil {
		o.LogBuffer.onWrite(changes.notify)
	}
	access := access.New(ctx, o.Config.Web, o.Mode == Ingress, o.PrintCode)
	s.jobs = &jobs{ctx: ctx, changed: changes.notify, log: o.Log}
	setups := setups(sources.All(o.Config, nil))
	s.amazon = &amazonSignIn{options: &s.options, jobs: s.jobs, setups: setups}
	mqtt := &brokerTrial{options: &s.options, jobs: s.jobs}
	renderer := &renderer{options: &s.options, canSignOut: !access.Open()}
	areas := &areas{
		access:   access,
		renderer: renderer,
		live:     &live{renderer: renderer, changes: changes, streams: newStreams()},
		signIn:   &signInPage{access: access, renderer: renderer, log: o.Log},
		overview: &overview{options: &s.options, setups: setups, broker: mqtt},
		hue:      &huePairing{options: &s.options, jobs: s.jobs, setups: setups},
		amazon:   s.amazon,
		mqtt:     mqtt,
		check:    &checkRun{options: &s.options, jobs: s.jobs},
		log:      newLogPage(o.Config, o.LogBuffer),
	}
	s.handler = o.Health.Handler(access.Wrap(areas.routes()))
	return s
}

// Handler returns the page as a handler.
func (s *Server) Handler() http.Handler { return s.handler }

const (
	// Pages are small, and no request waits for anything that takes long.
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	idleTimeout       = 10 * time.Second
	maxHeaderBytes    = 16 << 10
	// A browser opens 6 connections. Several browsers may share an address.
	maxConnections          = 128
	maxConnectionsPerClient = 32
)

// Serve serves the page until its context is done, and then waits like Wait.
func (s *Server) Serve(listener net.Listener) error {
	errorLog, err := zap.NewStdLogAt(s.options.Log, zap.ErrorLevel)
	if err != nil {
		return err // of an unknown level
	}
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return s.ctx },
		ErrorLog:          errorLog,
	}
	defer s.Wait()
	return httpguard.Serve(s.ctx, server, listener, httpguard.Limits{
		Connections: maxConnections, PerClient: maxConnectionsPerClient, Proxies: s.options.Config.Web.Proxies, Body: access.MaxBody,
	})
}

// Wait waits for everything that the page has started. It is called when the page's
// context is done.
func (s *Server) Wait() {
	s.jobs.wait()
	s.amazon.close()
	s.log.Close()
}

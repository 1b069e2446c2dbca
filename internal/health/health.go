// Package health serves the health of the running program over HTTP, for container
// engines, Home Assistant's Supervisor and load balancers.
package health

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

const (
	// probeTimeout bounds one probe. Health checks of container engines usually have
	// longer timeouts.
	probeTimeout = 2 * time.Second
	// maxAge is how long a result is reused, so that a flood of requests costs one
	// probe per second.
	maxAge = time.Second
)

// Probe returns what is wrong, or nil. It returns soon after ctx is done.
type Probe func(ctx context.Context) error

// Checks serves /healthz and /readyz. It is safe for concurrent use.
type Checks struct {
	healthz, readyz cached
}

// New returns checks that report the program healthy and ready if the probes return
// nil.
func New(healthy, ready Probe) *Checks {
	return &Checks{newCached(healthy), newCached(ready)}
}

// Handler serves the two paths and passes every other request to next. The two need
// no authentication, ignore the Host header, which container engines set freely, and
// reveal no names or addresses. A nil *Checks passes every request to next.
func (c *Checks) Handler(next http.Handler) http.Handler {
	if c == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/healthz":
			serve(w, r, &c.healthz)
		case "/readyz":
			serve(w, r, &c.readyz)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func serve(w http.ResponseWriter, r *http.Request, c *cached) {
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	if err := c.run(r.Context()); err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, err)
		return
	}
	fmt.Fprintln(w, "ok")
}

// cached is a probe with its last result.
type cached struct {
	probe Probe
	last  chan result // has one element
}

type result struct {
	at  time.Time // zero before the first
	err error
}

func newCached(probe Probe) cached {
	c := cached{probe, make(chan result, 1)}
	c.last <- result{}
	return c
}

func (c *cached) run(ctx context.Context) error {
	last := <-c.last
	if last.at.IsZero() || time.Since(last.at) >= maxAge {
		// A client that disconnects must not fail the probe for others.
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout)
		defer cancel()
		last.err = c.probe(limited)
		last.at = time.Now()
	}
	c.last <- last
	return last.err
}

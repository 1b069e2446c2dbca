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
	// answerTimeout bounds one look at the program. Docker's shortest usual timeout of
	// a health check is longer.
	answerTimeout = 2 * time.Second
	// maxAge is how long an answer is reused, so that requests without end cost the
	// program one look a second.
	maxAge = time.Second
)

// Probe reports what is wrong, or nil. It returns soon after ctx is done.
type Probe func(ctx context.Context) error

// Checks answers /healthz and /readyz. It is safe for concurrent use.
type Checks struct {
	healthz, readyz cached
}

// New returns the checks of a program that is healthy and ready if these probes
// return nil.
func New(healthy, ready Probe) *Checks {
	return &Checks{newCached(healthy), newCached(ready)}
}

// Handler answers the two paths and leaves every other request to next. The answers
// need no authentication and hold no names or addresses. They don't depend on the
// Host header, which container engines set as they like. A nil *Checks leaves all
// requests to next.
func (c *Checks) Handler(next http.Handler) http.Handler {
	if c == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/healthz":
			answer(w, r, &c.healthz)
		case "/readyz":
			answer(w, r, &c.readyz)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func answer(w http.ResponseWriter, r *http.Request, c *cached) {
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
	if err := c.look(r.Context()); err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, err)
		return
	}
	fmt.Fprintln(w, "ok")
}

// cached is a probe with its last answer.
type cached struct {
	probe Probe
	last  chan lastAnswer // holds one
}

type lastAnswer struct {
	at  time.Time // zero before the first
	err error
}

func newCached(probe Probe) cached {
	c := cached{probe, make(chan lastAnswer, 1)}
	c.last <- lastAnswer{}
	return c
}

func (c *cached) look(ctx context.Context) error {
	last := <-c.last
	if last.at.IsZero() || time.Since(last.at) >= maxAge {
		// A client that leaves must not spoil the answer for the others.
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTimeout)
		defer cancel()
		last.err = c.probe(limited)
		last.at = time.Now()
	}
	c.last <- last
	return last.err
}

package health_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hueair2mqtt/internal/health"
)

func ask(h http.Handler, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, path, nil)
	r.Host = "any.example"
	h.ServeHTTP(w, r)
	return w
}

func TestAnswers(t *testing.T) {
	checks := health.New(func(context.Context) error { return nil }, func(context.Context) error { return errors.New("no broker") })
	h := checks.Handler(http.NotFoundHandler())
	for _, test := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/healthz", 200, "ok\n"},
		{"HEAD", "/healthz", 200, "ok\n"},
		{"GET", "/healthz?x=1", 200, "ok\n"},
		{"GET", "/readyz", 503, "no broker\n"},
		{"POST", "/healthz", 405, ""},
		{"DELETE", "/readyz", 405, ""},
		{"GET", "/healthz/", 404, "404 page not found\n"},
		{"GET", "/", 404, "404 page not found\n"},
	} {
		w := ask(h, test.method, test.path)
		if w.Code != test.status || w.Body.String() != test.body {
			t.Errorf("%s %s: %d %q", test.method, test.path, w.Code, w.Body)
		}
	}
}

func TestNilChecks(t *testing.T) {
	var none *health.Checks
	if w := ask(none.Handler(http.NotFoundHandler()), "GET", "/healthz"); w.Code != http.StatusNotFound {
		t.Errorf("%d", w.Code)
	}
}

func TestFloodCostsOneProbeASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		probes := 0
		h := health.New(func(context.Context) error { probes++; return nil }, nil).Handler(http.NotFoundHandler())
		for range 100 {
			ask(h, "GET", "/healthz")
			time.Sleep(50 * time.Millisecond)
		}
		if probes != 5 {
			t.Errorf("%d probes in 5 s", probes)
		}
	})
}

func TestHungProgramIsUnhealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := health.New(func(ctx context.Context) error { <-ctx.Done(); return errors.New("it does not answer") }, nil).Handler(http.NotFoundHandler())
		start := time.Now()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if w := ask(h, "GET", "/healthz"); w.Code != http.StatusServiceUnavailable {
					t.Errorf("%d", w.Code)
				}
			})
		}
		all.Wait()
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("20 requests took %s", took)
		}
	})
}

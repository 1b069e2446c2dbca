package bridge_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon"
	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/test/harness"
)

func throttled(retryAfter time.Duration) error {
	return &collectors.TransientError{
		Kind: collectors.KindThrottled, Throttled: true, RetryAfter: retryAfter, Err: errors.New("too many requests"),
	}
}

// pausingSource returns a source whose polls end with the given errors, and a function
// that returns when each of them began.
func pausingSource(errs func(poll int) error) (s *source, polls func() []time.Duration) {
	s = amazonSource()
	var (
		mu    sync.Mutex
		began []time.Duration
	)
	start := time.Now()
	s.does(func(context.Context, *collectors.Retrier) (collectors.Snapshot, error) {
		mu.Lock()
		defer mu.Unlock()
		began = append(began, time.Since(start))
		return collectors.Snapshot{}, errs(len(began))
	})
	return s, func() []time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(began)
	}
}

// The pause of a throttled source grows until a poll succeeds.
func TestPauseGrows(t *testing.T) {
	const m = time.Minute
	for name, test := range map[string]struct {
		errs func(poll int) error
		want []time.Duration
	}{
		"throttled for good": {func(int) error { return throttled(0) }, []time.Duration{0, 15 * m, 45 * m, 105 * m, 225 * m, 465 * m, 705 * m}},
		"a success between": {func(poll int) error {
			if poll == 3 {
				return nil
			}
			return throttled(0)
		}, []time.Duration{0, 15 * m, 45 * m, 46 * m, 61 * m, 91 * m}},
		"another failure between": {func(poll int) error {
			if poll == 3 {
				return unreachable()
			}
			return throttled(0)
		}, []time.Duration{0, 15 * m, 45 * m, 46 * m, 106 * m}},
		"the server asks for more": {func(int) error { return throttled(5 * time.Hour) }, []time.Duration{0, 5 * time.Hour, 10 * time.Hour}},
		"and for less":             {func(int) error { return throttled(time.Second) }, []time.Duration{0, 15 * m, 45 * m}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, polls := pausingSource(test.errs)
				h := newHome(t, s)
				h.stopBroker() // its ticks would make the test slow
				h.options.Preview = true
				h.start()
				after(test.want[len(test.want)-1] + time.Second)
				h.stop()
				if got := polls(); !slices.Equal(got, test.want) {
					t.Errorf("polls at %v, want %v", got, test.want)
				}
			})
		})
	}
}

// A request for a poll does not end a pause. The pause is shown everywhere.
func TestPauseIsPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ok atomic.Bool
		ok.Store(true)
		s, polls := pausingSource(func(int) error {
			if ok.Load() {
				return nil
			}
			return throttled(0)
		})
		h := newHome(t, s)
		defer h.stopBroker()
		live := bridge.NewLive()
		h.options.Live = live
		h.start()
		after(time.Second)
		ok.Store(false)
		after(time.Minute)

		until := time.Now().Add(15*time.Minute - time.Second).UTC().Format(time.RFC3339)
		since := time.Now().Add(-time.Second).UTC().Format(time.RFC3339)
		h.want("hueair2mqtt/amazon/problem", `{"problem":false,"reason":"too many requests","code":"throttled","since":"`+since+
			`","remedy":"","acknowledged":false,"paused_until":"`+until+`"}`)
		type sourceInfo struct {
			Connected   any  `json:"connected"`
			PausedUntil any  `json:"paused_until"`
			Problem     bool `json:"problem"`
			Endpoints   []struct {
				Kind        any `json:"kind"`
				PausedUntil any `json:"paused_until"`
			} `json:"endpoints"`
		}
		info := func() sourceInfo {
			var all struct{ Collectors map[string]sourceInfo }
			if err := json.Unmarshal([]byte(h.get("hueair2mqtt/bridge/info")), &all); err != nil {
				t.Fatal(err)
			}
			return all.Collectors["amazon"]
		}
		if i := info(); i.PausedUntil != until || i.Endpoints[0].PausedUntil != until || i.Endpoints[0].Kind != "throttled" || i.Problem || i.Connected != false {
			t.Errorf("bridge/info %+v", i)
		}
		if got := h.logs.FilterMessageSnippet("asks for fewer requests").Len(); got != 1 {
			t.Errorf("%d lines in the log, want 1", got)
		}
		if got := h.logs.FilterMessageSnippet("poll failed").Len() + h.logs.FilterMessageSnippet("given up").Len(); got != 0 {
			t.Errorf("%d more lines in the log, want none", got)
		}

		before := len(polls())
		h.publish("hueair2mqtt/bridge/request/refresh", "amazon", false)
		if err := live.Refresh(t.Context(), ""); err != nil {
			t.Error(err)
		}
		picture, err := live.Picture(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if e := picture.Sources[0].Endpoints[0]; e.PausedUntil.Format(time.RFC3339) != until || !e.NextPoll.Equal(e.PausedUntil) {
			t.Errorf("picture %+v, want the end of the pause %s", e, until)
		}
		after(10 * time.Minute)
		if got := len(polls()) - before; got != 0 {
			t.Errorf("%d polls during the pause, want none", got)
		}
		if got := h.get("hueair2mqtt/bridge/response/refresh"); !strings.Contains(got, `"status":"error"`) || !strings.Contains(got, until) {
			t.Errorf("response %s", got)
		}

		ok.Store(true)
		after(6 * time.Minute)
		h.want("hueair2mqtt/amazon/problem", `{"problem":false,"reason":null,"code":null,"since":null,"remedy":null,"acknowledged":false}`)
		if i := info(); i.PausedUntil != nil || i.Endpoints[0].PausedUntil != nil || i.Endpoints[0].Kind != nil || i.Connected != true {
			t.Errorf("bridge/info %+v", i)
		}
		h.stop()
	})
}

// A day of throttling, in each form, causes few requests and no alert.
func TestADayOfThrottling(t *testing.T) {
	for name, form := range map[string]amazontest.Throttling{
		"by code": amazontest.ThrottledByCode, "by status": amazontest.ThrottledByStatus, "by bad request": amazontest.ThrottledByBadRequest,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				alexa := amazontest.NewAccount()
				alexa.SetMonitor(amazontest.Monitor{Serial: "G0", EntityID: "e", Name: "Kitchen", Humidity: 48, Reachable: true})
				cookies := filepath.Join(dir, "cookies.json")
				content, err := json.Marshal(alexa.Cookies())
				if err == nil {
					err = os.WriteFile(cookies, content, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
				listener := harness.NewNetwork()
				server := &http.Server{Handler: alexa, ErrorLog: log.New(io.Discard, "", 0)}
				go server.Serve(listener)
				defer server.Close()
				collector, err := amazon.New(amazon.Options{Account: account.Options{
					Domain: "amazon.co.uk", CookiesFile: cookies, Endpoint: "http://alexa.test", Timeout: 30 * time.Second,
					Transport: &http.Transport{DialContext: listener.DialContext},
				}})
				if err != nil {
					t.Fatal(err)
				}
				h := newHome(t)
				h.stopBroker() // its ticks would make the test slow
				live := bridge.NewLive()
				h.options.Preview, h.options.Live = true, live
				h.options.Tasks = []bridge.Task{{Collector: collector, Interval: 5 * time.Minute, AlertFile: "ALERT.txt"}}
				h.start()
				picture := func() (bridge.SourcePicture, bool) {
					p, err := live.Picture(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					return p.Sources[0], p.Devices[0].Online
				}
				after(time.Minute)
				if _, online := picture(); !online {
					t.Error("the monitor is offline before the throttling")
				}

				alexa.Throttle(form)
				before := alexa.Requests("")
				after(24 * time.Hour)
				requests := alexa.Requests("") - before
				t.Logf("%d requests in a day", requests)
				if requests > 12 || requests < 8 {
					t.Errorf("%d requests in a day, want 8 to 12", requests)
				}
				if _, impatient := alexa.Throttled(); len(impatient) > 0 {
					t.Errorf("requests while throttled: %q", impatient)
				}
				source, online := picture()
				if end := source.Endpoints[0]; online || !source.Problem.Since.IsZero() || !end.PausedUntil.After(time.Now()) ||
					!strings.Contains(end.Remedy, "other Alexa integrations") || !strings.Contains(end.Error, "Amazon asks for fewer requests") {
					t.Errorf("online %t, source %+v", online, source)
				}
				for _, entry := range h.logs.All() {
					if strings.Contains(entry.Message, "retrying") || strings.Contains(entry.Message, "authentication") {
						t.Errorf("logged %q", entry.Message)
					}
				}

				alexa.Throttle(amazontest.NotThrottled)
				after(4 * time.Hour)
				if source, online := picture(); !online || !source.Endpoints[0].PausedUntil.IsZero() {
					t.Errorf("after the throttling: online %t, source %+v", online, source)
				}
				h.stop()
			})
		})
	}
}

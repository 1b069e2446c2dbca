package web_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors"
	"hueair2mqtt/internal/web"
	"hueair2mqtt/internal/web/sparkline"
)

// A page's size is that of everything that a browser loads at its first visit.
func TestPagesAreSmall(t *testing.T) {
	s := newSite(t, func(o *web.Options) { o.Sparklines = sparkline.New() })
	s.bridge.change(func(p *bridge.Picture) { p.Devices = twentyDevices(s.options.Sparklines) })
	v := s.visitor()
	shared := 0
	for _, file := range []string{"app.css", "app.js", "icon.svg"} {
		shared += len(v.do("GET", "/assets/"+file, nil).body)
	}
	for _, page := range pages {
		a := v.do("GET", page, nil)
		t.Logf("%-8s %6d bytes with script, style sheet and icon", page, shared+len(a.body))
		if weight := shared + len(a.body); weight >= 60_000 {
			t.Errorf("%s weighs %d bytes with 20 devices", page, weight)
		}
	}
}

func TestAssetsAreCachedByVersion(t *testing.T) {
	v := newSite(t, nil).visitor()
	_, rest, _ := strings.Cut(v.do("GET", "/", nil).body, `href="/assets/app.css`)
	version, _, _ := strings.Cut(rest, `"`)
	if a := v.do("GET", "/assets/app.css"+version, nil); !strings.Contains(a.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("%s: %s", version, a.Header.Get("Cache-Control"))
	}
	if a := v.do("GET", "/assets/app.css?v=older", nil); a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("another version: %s", a.Header.Get("Cache-Control"))
	}
	if a := v.do("GET", "/assets/", nil); a.StatusCode != http.StatusNotFound {
		t.Error("the folder is listed")
	}
}

func TestLiveStreamSendsChanges(t *testing.T) {
	s := newSite(t, nil)
	v := s.visitor()
	v.do("GET", "/", nil)
	if s.bridge.watched != 0 {
		t.Error("a page that was loaded watches")
	}
	stream := v.live("overview")
	if first := stream.next(); !strings.Contains(first, "21.3") || strings.Contains(first, "<html") {
		t.Errorf("first:\n%s", first)
	}
	s.bridge.change(func(*bridge.Picture) {}) // nothing that is seen
	s.bridge.change(func(p *bridge.Picture) { p.Devices = []bridge.DevicePicture{sensor("hue_1", "Hall", 25)} })
	if second := stream.next(); !strings.Contains(second, "25.0") {
		t.Errorf("second:\n%s", second)
	}
	stream.cancel()
	eventually(t, "no watcher", func() bool { return s.bridge.watching() == 0 })

	log := v.live("log")
	log.next()
	fmt.Fprintln(s.options.LogBuffer, "info something new")
	if next := log.next(); !strings.Contains(next, "something new") {
		t.Errorf("the log:\n%s", next)
	}
	if s.bridge.watching() != 0 {
		t.Error("the log watches the bridge")
	}
	for _, none := range []string{"signin", "error", "x"} {
		if a := v.do("GET", "/live/"+none, nil); a.StatusCode != http.StatusNotFound {
			t.Errorf("/live/%s: %s", none, a.Status)
		}
	}
}

func TestStreamsAreBounded(t *testing.T) {
	s := newSite(t, func(o *web.Options) {
		withPassword(o)
		o.Config.Web.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	signedIn := func() *visitor {
		v := s.visitor()
		v.signIn(password)
		return v
	}
	refused := func(who string, v *visitor, address string) {
		t.Helper()
		if a := v.do("GET", "/live/log", nil, "X-Forwarded-For", address); a.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("one more stream of %s: %s", who, a.Status)
		}
	}
	open := func(v *visitor, address string) (last *events) {
		t.Helper()
		for range 8 {
			last = v.live("log", "X-Forwarded-For", address)
			last.next()
		}
		return last
	}
	v := signedIn()
	open(v, "192.0.2.1")
	refused("the visitor", v, "192.0.2.1")
	open(signedIn(), "192.0.2.1")
	other := signedIn()
	refused("the address", other, "192.0.2.1")
	last := open(other, "192.0.2.2")
	open(signedIn(), "192.0.2.3")
	v = signedIn()
	refused("all", v, "192.0.2.4")
	last.cancel()
	eventually(t, "space for one more", func() bool {
		r, err := http.NewRequestWithContext(t.Context(), "GET", s.url+"/live/log", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := v.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

func TestTheLogIsBounded(t *testing.T) {
	r := new(web.LogBuffer)
	for i := range 1234 {
		fmt.Fprintf(r, "line %d %s\n", i, strings.Repeat("ä", i*10))
	}
	lines := r.Lines()
	if len(lines) != 500 || !strings.HasPrefix(lines[0], "line 734 ") || !strings.HasPrefix(lines[499], "line 1233 ") || len(lines[499]) > 2048 {
		t.Errorf("%d lines, from %.20q to %.20q", len(lines), lines[0], lines[len(lines)-1])
	}
}

func TestOverviewShowsProblems(t *testing.T) {
	now := time.Now()
	gone := sensor("hue_2", "Cellar", 0)
	gone.Online = false
	gone.Readings = map[collectors.Measurement]collectors.Value{collectors.Temperature: collectors.Unknown}
	unreachable := gone
	unreachable.Reachable = false
	endpoint := bridge.EndpointPicture{Endpoint: "001788fffe010203", LastPoll: now}
	failing := endpoint
	failing.Error = "connection refused"
	hue := func(e bridge.EndpointPicture) []bridge.SourcePicture {
		return []bridge.SourcePicture{{Source: "hue", Endpoints: []bridge.EndpointPicture{e}}}
	}
	until := now.Add(30 * time.Minute)
	for name, test := range map[string]struct {
		change func(*bridge.Picture)
		says   []string
		not    []string
	}{
		"a source that pauses": {func(p *bridge.Picture) {
			p.Sources = []bridge.SourcePicture{{Source: "amazon", Endpoints: []bridge.EndpointPicture{{
				Endpoint: "amazon.co.uk", LastPoll: now, NextPoll: until, PausedUntil: until, Error: "too <b>many</b>", Remedy: "wait a while",
			}}}}
		}, []string{
			"Amazon asks for fewer requests", "too &lt;b&gt;many", "What to do: wait a while", "paused</b>",
			`Paused until <time datetime="` + until.UTC().Format(time.RFC3339),
		}, []string{"Poll now", "Try again now", "tries again by itself"}},
		"none":      {func(p *bridge.Picture) { p.Sources = hue(endpoint) }, []string{"All is well."}, []string{"problem"}},
		"a refusal": {func(*bridge.Picture) {}, []string{"1 problem", "No access to Amazon", "&lt;b&gt;refused", "sign in", `href="/amazon">Sign in to Amazon`, "Acknowledge"}, []string{"All is well"}},
		"acknowledged": {func(p *bridge.Picture) {
			p.Sources = []bridge.SourcePicture{{Source: "amazon", Problem: bridge.ProblemPicture{Since: now, Acknowledged: true}}}
		}, []string{"acknowledged"}, []string{">Acknowledge<"}},
		"a Hue bridge that is away": {func(p *bridge.Picture) { p.Sources = hue(failing); p.Devices = []bridge.DevicePicture{unreachable} },
			[]string{"1 problem", "Philips Hue can&#39;t be read", "connection refused", "Try again now"}, []string{"Cellar can"}},
		"a sensor that is away": {func(p *bridge.Picture) { p.Sources = hue(endpoint); p.Devices = append(p.Devices, gone) },
			[]string{"1 problem", "Cellar can&#39;t be reached", "battery", "Try again now", "unavailable", "unknown"}, nil},
		"no broker": {func(p *bridge.Picture) { p.Sources = hue(endpoint); p.Broker = bridge.BrokerPicture{Error: "no route"} },
			[]string{"There is no connection to the MQTT broker", "no route", `href="/mqtt">Try the broker`}, nil},
		"the very start": {func(p *bridge.Picture) { p.Sources = hue(bridge.EndpointPicture{}); p.Broker = bridge.BrokerPicture{} },
			[]string{"Waiting for the first readings", "not polled yet", "never"}, []string{"All is well", "problem"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, nil)
			s.bridge.change(test.change)
			body := s.visitor().do("GET", "/", nil).body
			for _, text := range test.says {
				if !strings.Contains(body, text) {
					t.Errorf("does not say %q", text)
				}
			}
			for _, text := range test.not {
				if strings.Contains(strings.ReplaceAll(body, `class="card problem"`, ""), text) {
					t.Errorf("says %q", text)
				}
			}
			if t.Failed() {
				t.Log(body)
			}
		})
	}
}

package web_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/pairing"
	"hueair2mqtt/configs"
	"hueair2mqtt/internal/check"
	"hueair2mqtt/internal/web"
	"hueair2mqtt/internal/web/sparkline"
	"hueair2mqtt/test/harness"
)

// fakeBridge shows the picture that a test sets, and records what it is asked.
type fakeBridge struct {
	mu       sync.Mutex
	picture  bridge.Picture
	watchers map[int]func()
	watched  int
	asked    []string
}

func (h *fakeBridge) Picture(context.Context) (bridge.Picture, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.picture, nil
}

func (h *fakeBridge) Watch(ctx context.Context, changed func()) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.watched++
	number := h.watched
	h.watchers[number] = changed
	context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.watchers, number)
	})
	return nil
}

func (h *fakeBridge) watching() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.watchers)
}

func (h *fakeBridge) ask(what string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, what)
	return nil
}

func (h *fakeBridge) Refresh(_ context.Context, source string) error {
	return h.ask("refresh " + source)
}
func (h *fakeBridge) Acknowledge(_ context.Context, source string) error {
	return h.ask("acknowledge " + source)
}

// change changes the picture and notifies the watchers.
func (h *fakeBridge) change(how func(*bridge.Picture)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	how(&h.picture)
	for _, changed := range h.watchers {
		changed()
	}
}

func sensor(id, name string, temperature float64) bridge.DevicePicture {
	return bridge.DevicePicture{
		Device: collectors.Device{
			ID: id, Name: name, Area: "Hall", Online: true, LastSeen: time.Now(),
			Readings: map[collectors.Measurement]collectors.Value{
				collectors.Temperature: collectors.Number(temperature),
				collectors.Motion:      collectors.Bool(true),
				collectors.Illuminance: collectors.Number(120),
				collectors.Battery:     collectors.Number(87),
			},
		},
		Source: hue.Source, Reachable: true, Since: time.Now(),
	}
}

func newFakeBridge() *fakeBridge {
	now := time.Now()
	return &fakeBridge{watchers: make(map[int]func()), picture: bridge.Picture{
		Version: "1.2.3", Started: now, Broker: bridge.BrokerPicture{Connected: true, Since: now},
		Sources: []bridge.SourcePicture{{
			Source: amazon.Source,
			Problem: bridge.ProblemPicture{
				Reason: "<b>refused</b>", Remedy: "sign in", Code: "HTTP 401", Since: now,
			},
			Endpoints: []bridge.EndpointPicture{{Endpoint: "amazon.co.uk", LastPoll: now}},
		}},
		Devices: []bridge.DevicePicture{sensor("hue_1", "Hall", 21.3)},
	}}
}

const (
	password = "a password that is long"
	brokers  = "the password of the broker"
)

// site is a page that is served.
type site struct {
	t       *testing.T
	bridge  *fakeBridge
	options web.Options
	handler http.Handler
	url     string
	dial    func(address string) net.Conn // of a site in a bubble
	logs    *observer.ObservedLogs        // of a site in a bubble
}

func options(t *testing.T, b *fakeBridge) web.Options {
	t.Helper()
	config, err := configs.Load("", nil, nil, "web")
	if err != nil {
		t.Fatal(err)
	}
	config.StateDir = t.TempDir()
	config.MQTT.Password = brokers
	return web.Options{
		Config: config, ConfigFile: "/etc/hueair2mqtt/hueair2mqtt.yaml", Bridge: b, LogBuffer: new(web.LogBuffer), Log: zap.NewNop(),
		FindHue: func(context.Context) ([]pairing.Found, error) { return nil, b.ask("find") },
		Retrier: func(source string) *collectors.Retrier {
			return collectors.NewRetrier(collectors.RetryPolicy{Attempts: 1}, source, zap.NewNop())
		},
		Ready: func(context.Context, string) error { return nil },
		Check: func(context.Context) []check.Finding {
			b.ask("check")
			return []check.Finding{check.Passed("clock", "right")}
		},
		TryBroker: func(context.Context, web.BrokerTry) []check.Finding { b.ask("try"); return nil },
	}
}

// newPage returns a site whose page has these changes of its options. The page lives
// until end is called.
func newPage(t *testing.T, change func(*web.Options)) (s *site, page *web.Server, end func()) {
	t.Helper()
	b := newFakeBridge()
	s = &site{t: t, bridge: b, options: options(t, b), url: "http://127.0.0.1"}
	if change != nil {
		change(&s.options)
	}
	ctx, end := context.WithCancel(t.Context())
	page = web.New(ctx, s.options)
	s.handler = page.Handler()
	return s, page, end
}

// newSite serves a page.
func newSite(t *testing.T, change func(*web.Options)) *site {
	t.Helper()
	s, page, end := newPage(t, change)
	server := httptest.NewServer(s.handler)
	t.Cleanup(func() {
		end()
		server.Close()
		page.Wait()
	})
	s.url = server.URL
	return s
}

// inBubble serves a page in virtual time, on a network in memory whose clients choose
// their addresses.
func inBubble(t *testing.T, change func(*web.Options), test func(s *site)) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.WarnLevel)
		s, page, end := newPage(t, func(o *web.Options) {
			o.Log = zap.New(core)
			if change != nil {
				change(o)
			}
		})
		network := harness.NewNetwork()
		s.logs, s.dial = logs, func(address string) net.Conn {
			conn := network.Dial(address)
			t.Cleanup(func() { conn.Close() })
			return conn
		}
		served := make(chan error, 1)
		go func() { served <- page.Serve(network) }()
		test(s)
		end()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// visitor is a browser without JavaScript. Its header has pairs of names and values.
type visitor struct {
	*http.Client
	t      *testing.T
	base   string
	header []string
}

func (s *site) visitor() *visitor {
	v := s.visitorFrom("127.0.0.1")
	v.Transport = nil
	if s.dial != nil {
		v.Transport = &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) { return s.dial("127.0.0.1"), nil }}
	}
	return v
}

// visitorFrom returns a visitor with an address, whose requests go to the handler
// without a network.
func (s *site) visitorFrom(address string, header ...string) *visitor {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &visitor{
		&http.Client{Jar: jar, Transport: direct{s.handler, address}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		s.t, s.url, header,
	}
}

// direct sends requests to a handler, from an address.
type direct struct {
	handler http.Handler
	address string
}

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.RemoteAddr, r.Host = netip.AddrPortFrom(netip.MustParseAddr(d.address), 1000).String(), cmp.Or(r.Host, r.URL.Host)
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	return w.Result(), nil
}

// cookie returns the visitor's cookie as a header has it.
func (v *visitor) cookie() string {
	v.t.Helper()
	site, err := url.Parse(v.base)
	if err != nil {
		v.t.Fatal(err)
	}
	for _, c := range v.Jar.Cookies(site) {
		return c.Name + "=" + c.Value
	}
	return ""
}

// signIn tries to sign in and returns the status.
func (v *visitor) signIn(secret string) int {
	v.t.Helper()
	return v.send("/sign-in", url.Values{"secret": {secret}}).StatusCode
}

// answer is a response that was read.
type answer struct {
	*http.Response
	body string
}

func (v *visitor) do(method, path string, form url.Values, header ...string) answer {
	v.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.base+path, body)
	if err != nil {
		v.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	header = append(v.header, header...)
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := v.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return answer{resp, string(text)}
}

// send sends a form.
func (v *visitor) send(action string, form url.Values) answer {
	v.t.Helper()
	return v.do("POST", action, form)
}

// events reads a live stream.
type events struct {
	t      *testing.T
	lines  *bufio.Scanner
	cancel context.CancelFunc
}

func (v *visitor) live(page string, header ...string) *events {
	v.t.Helper()
	ctx, cancel := context.WithCancel(v.t.Context())
	v.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", v.base+"/live/"+page, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := v.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		v.t.Fatalf("the stream answers %s", resp.Status)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	return &events{v.t, lines, cancel}
}

// next returns the next event, the main part of the page.
func (e *events) next() string {
	e.t.Helper()
	for e.lines.Scan() {
		if data, ok := strings.CutPrefix(e.lines.Text(), "data: "); ok {
			var content string
			if err := json.Unmarshal([]byte(data), &content); err != nil {
				e.t.Fatal(err)
			}
			return html.UnescapeString(content)
		}
	}
	e.t.Fatalf("the stream is closed: %v", e.lines.Err())
	return ""
}

// end waits until the server ends the stream.
func (e *events) end() {
	e.t.Helper()
	for e.lines.Scan() {
	}
	if err := e.lines.Err(); err != nil {
		e.t.Errorf("the stream was cut off: %v", err)
	}
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never came: %s", what)
		}
	}
}

// twentyDevices returns 20 devices with a day of sparklines.
func twentyDevices(sparklines *sparkline.Recorder) []bridge.DevicePicture {
	var all []bridge.DevicePicture
	for i := range 20 {
		d := sensor(fmt.Sprintf("hue_00178801020304%02d", i), fmt.Sprintf("Motion sensor %d", i), 20)
		d.Area = fmt.Sprintf("Room %d", i/3)
		for j := range 144 {
			number := collectors.Number(20 + 5*math.Sin(float64(j*(i+1))))
			sparklines.Record(time.Now().Truncate(20*time.Minute).Add(time.Duration(j-142)*10*time.Minute), d.ID, map[collectors.Measurement]collectors.Value{
				collectors.Temperature: number, collectors.Illuminance: number, collectors.Motion: collectors.Bool(j/2%2 == 1),
			})
		}
		all = append(all, d)
	}
	return all
}

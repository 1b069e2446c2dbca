package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"math"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/pairing"
	"hueair2mqtt/configs"
	"hueair2mqtt/internal/check"
	"hueair2mqtt/internal/web"
)

// house is a bridge that shows what it is told to.
type house struct {
	mu       sync.Mutex
	picture  bridge.Picture
	watchers map[int]func()
	watched  int
	asked    []string
}

func (h *house) Picture(context.Context) (bridge.Picture, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.picture, nil
}

func (h *house) Watch(ctx context.Context, changed func()) error {
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

func (h *house) watching() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.watchers)
}

func (h *house) ask(what string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, what)
	return nil
}

func (h *house) Refresh(_ context.Context, source string) error { return h.ask("refresh " + source) }
func (h *house) Acknowledge(_ context.Context, source string) error {
	return h.ask("acknowledge " + source)
}

// change changes the picture.
func (h *house) change(how func(*bridge.Picture)) {
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
				collectors.Motion:      collectors.Truth(true),
				collectors.Illuminance: collectors.Number(120),
				collectors.Battery:     collectors.Number(87),
			},
		},
		Source: hue.Source, Reachable: true, Since: time.Now(),
	}
}

func newHouse() *house {
	now := time.Now()
	return &house{watchers: make(map[int]func()), picture: bridge.Picture{
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

// site is the page on a server, with all that it is made of.
type site struct {
	t       *testing.T
	house   *house
	options web.Options
	url     string
}

func options(t *testing.T, h *house) web.Options {
	t.Helper()
	config, err := configs.Load("", nil, nil, "web")
	if err != nil {
		t.Fatal(err)
	}
	config.StateDir = t.TempDir()
	config.MQTT.Password = brokers
	return web.Options{
		Config: config, ConfigFile: "/etc/hueair2mqtt/hueair2mqtt.yaml", House: h, Log: web.NewRing(), Errors: zap.NewNop(),
		FindHue: func(context.Context) ([]pairing.Found, error) { return nil, h.ask("find") },
		Retrier: func(source string) *collectors.Retrier {
			return collectors.NewRetrier(collectors.RetryPolicy{Attempts: 1}, source, zap.NewNop())
		},
		Ready: func(context.Context, string) error { return nil },
		Check: func(context.Context) []check.Finding {
			h.ask("check")
			return []check.Finding{check.Passed("clock", "right")}
		},
		TryBroker: func(context.Context, web.BrokerTry) []check.Finding { h.ask("try"); return nil },
	}
}

// newSite serves the page with these changes of its options.
func newSite(t *testing.T, change func(*web.Options)) *site {
	t.Helper()
	h := newHouse()
	s := &site{t: t, house: h, options: options(t, h)}
	if change != nil {
		change(&s.options)
	}
	ctx, end := context.WithCancel(t.Context())
	page := web.New(ctx, s.options)
	server := httptest.NewServer(page.Handler())
	t.Cleanup(func() {
		end()
		server.Close()
		page.Wait()
	})
	s.url = server.URL
	return s
}

// visitor is a browser without JavaScript.
type visitor struct {
	*http.Client
	t    *testing.T
	base string
}

func (s *site) visitor() *visitor {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &visitor{client, s.t, s.url}
}

// answer is an answer that was read.
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

var tokenField = regexp.MustCompile(`name="token" value="([^"]+)"`)

// token is that of the forms of a page.
func (v *visitor) token(page string) string {
	v.t.Helper()
	found := tokenField.FindStringSubmatch(v.do("GET", page, nil).body)
	if found == nil {
		v.t.Fatalf("%s has no form", page)
	}
	return found[1]
}

// send sends a form as the page has it.
func (v *visitor) send(page, action string, form url.Values) answer {
	v.t.Helper()
	form.Set("token", v.token(page))
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

// next is what the page's main part has become.
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
	e.t.Fatalf("the stream has ended: %v", e.lines.Err())
	return ""
}

// end waits for the stream's end.
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

// large is a house of 20 devices with a day behind it.
func large(sparklines *web.Sparklines) []bridge.DevicePicture {
	var all []bridge.DevicePicture
	for i := range 20 {
		d := sensor(fmt.Sprintf("hue_00178801020304%02d", i), fmt.Sprintf("Motion sensor %d", i), 20)
		d.Area = fmt.Sprintf("Room %d", i/3)
		for j := range 144 {
			number := collectors.Number(20 + 5*math.Sin(float64(j*(i+1))))
			sparklines.Record(time.Now().Add(time.Duration(j-144)*10*time.Minute), d.ID, map[collectors.Measurement]collectors.Value{
				collectors.Temperature: number, collectors.Illuminance: number, collectors.Motion: collectors.Truth(j/2%2 == 1),
			})
		}
		all = append(all, d)
	}
	return all
}

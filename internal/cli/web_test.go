package cli

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"hueair2mqtt/test/harness"
)

// visitor is a browser without JavaScript.
type visitor struct {
	t      *testing.T
	client *http.Client
	base   string
	said   string // all that they were shown
}

func newVisitor(t *testing.T, base string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t: t, client: &http.Client{Jar: jar}, base: strings.TrimSuffix(base, "/")}
}

func (v *visitor) read(resp *http.Response, err error) string {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	v.said += string(body)
	if resp.StatusCode != http.StatusOK {
		v.t.Fatalf("%s %s: %s\n%s", resp.Request.Method, resp.Request.URL, resp.Status, body)
	}
	return html.UnescapeString(string(body))
}

func (v *visitor) get(path string) string {
	v.t.Helper()
	return v.read(v.client.Get(v.base + path))
}

// send sends a form.
func (v *visitor) send(action string, fields url.Values) string {
	v.t.Helper()
	return v.read(v.client.PostForm(v.base+action, fields))
}

// sees waits until a page contains a text.
func (v *visitor) sees(page, text string) {
	v.t.Helper()
	last := ""
	defer func() {
		if v.t.Failed() {
			v.t.Logf("the last %s was\n%s", page, last)
		}
	}()
	harness.Eventually(v.t, fmt.Sprintf("%q on %s", text, page), func() bool {
		last = v.get(page)
		return strings.Contains(last, text)
	})
}

var pageAddress = regexp.MustCompile(`the page in the browser is ready.*"url":\s*"([^"]+)"`)

// servedPage waits until the program serves its page and returns its address.
func servedPage(t *testing.T, p *harness.Process) string {
	t.Helper()
	var found []string
	harness.Eventually(t, "the page's address", func() bool {
		found = pageAddress.FindStringSubmatch(p.Stderr.String())
		return found != nil
	})
	return found[1]
}

func TestPageShowsDevices(t *testing.T) {
	h := newTestHome(t)
	p := h.run("--web.listen", "127.0.0.1:0")
	v := newVisitor(t, servedPage(t, p))
	v.sees("/", "All is well.")
	shown := v.get("/")
	harness.Contains(t, shown, "Hall", "21.3", "°C", "motion", "Living Room Air", "PM2.5", "µg/m³", "Last poll", "available", "connected")
	if !strings.Contains(v.get("/mqtt"), "homeassistant/device/"+harness.HallID+"/config") {
		t.Error("the announcement is not shown")
	}

	h.Amazon.Revoke()
	v.sees("/", "No access to Amazon")
	v.send("/acknowledge", url.Values{"source": {"amazon"}})
	v.sees("/", "acknowledged")
	h.Amazon.Restore()
	v.send("/refresh", url.Values{"source": {"amazon"}})
	v.sees("/", "All is well.")
	gone := harness.CellarSensor
	gone.Reachable = false
	h.Hue.SetMotionSensor(gone)
	v.sees("/", "Cellar can't be reached")
	v.sees("/log", "polled")

	p.StopCleanly()
	harness.Lacks(t, v.said+html.UnescapeString(v.said), h.Secrets()...)
}

var openAddress = regexp.MustCompile(`id="open" href="([^"]+)"`)

// setUpOn completes both setups on a page.
func (h *testHome) setUpOn(v *visitor) {
	t := h.t
	t.Helper()
	v.send("/hue/find", nil)
	v.sees("/hue", h.HueTLS.Host())
	v.send("/hue/pair", url.Values{"host": {h.HueTLS.Host()}})
	v.sees("/hue", "Press the round button")
	h.Hue.PressLinkButton()
	v.sees("/hue", "Paired with Hue bridge "+h.Hue.ID())
	v.sees("/hue", "Temperature 21.3")

	v.send("/amazon/begin", url.Values{"domain": {"amazon.co.uk"}})
	for _, text := range []string{"Open Amazon", "https://www.amazon.com/ap/signin", "private window", "not found before you could sign in", "history", "five minutes", "begins with AN"} {
		v.sees("/amazon", text)
	}
	v.send("/amazon/paste", url.Values{"address": {"what now?"}})
	v.sees("/amazon", "That is not an address")
	resp, err := v.client.Get(v.base + "/amazon")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	address := html.UnescapeString(openAddress.FindStringSubmatch(string(body))[1])
	landing, err := h.Amazon.Consent(address)
	if err != nil {
		t.Fatal(err)
	}
	v.send("/amazon/paste", url.Values{"address": {landing}})
	v.sees("/amazon", "Signed in.")
	v.sees("/amazon", "PM2.5 6")
}

func TestPageSetsUpRunningBridge(t *testing.T) {
	h := newEmptyHome(t, "hue: {interval: 10s, timeout: 10s}\n").findable()
	p := h.run("--web.listen", "127.0.0.1:0", "--hue.enabled", "--amazon.enabled")
	v := newVisitor(t, servedPage(t, p))
	v.sees("/", "No Hue bridge is configured or paired")
	v.sees("/", "No access to Amazon")
	h.setUpOn(v)
	v.sees("/", "All is well.")
	l := h.Broker.Subscribe()
	l.WaitFor("hueair2mqtt/"+harness.HallID, `"temperature":21.34`)
	l.WaitFor("homeassistant/device/hueair2mqtt_hue/config", "problem")
	l.WaitFor("hueair2mqtt/"+harness.MonitorID+"/availability", "online")
	if shown := v.get("/"); strings.Contains(shown, "Lines for the configuration") {
		t.Error("lines are missing that are there")
	}
	v.send("/hue/forget", url.Values{"id": {h.Hue.ID()}})
	if shown := v.get("/hue"); strings.Contains(shown, "Forget it") {
		t.Errorf("it is still paired: %s", shown)
	}
	l.WaitFor("hueair2mqtt/"+harness.HallID+"/availability", "offline")
	harness.Eventually(t, "an end of its polls", func() bool { return !strings.Contains(l.Get("hueair2mqtt/bridge/info"), h.Hue.ID()) })
}

var setupLink = regexp.MustCompile(`http://127\.0\.0\.1:\d+/sign-in\?code=(\S+)`)

func TestSetup(t *testing.T) {
	h := newEmptyHome(t, "hue: {interval: 10s, timeout: 10s}\n").findable()
	before := harness.ReadFile(t, h.Config)
	p := start(t, "setup", "--config", h.Config, "--port", "0")
	harness.Eventually(t, "the link", func() bool { return setupLink.MatchString(p.Stdout.String()) })
	link, err := url.Parse(setupLink.FindString(p.Stdout.String()))
	if err != nil {
		t.Fatal(err)
	}
	v := newVisitor(t, "http://"+link.Host)
	code := link.Query().Get("code")
	// Opening the link does not use it up.
	for range 2 {
		if shown := v.get("/sign-in?code=" + code); !strings.Contains(shown, `value="`+code+`"`) {
			t.Errorf("the code is not filled in:\n%s", shown)
		}
	}
	if shown := v.get("/"); !strings.Contains(shown, "Sign in") {
		t.Errorf("open without the code:\n%s", shown)
	}
	v.send("/sign-in", url.Values{"secret": {code}})
	v.sees("/", "Set it up")
	other := newVisitor(t, v.base)
	resp, err := other.client.PostForm(other.base+"/sign-in", url.Values{"secret": {code}})
	if err != nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("a code that was used: %v, %v", resp.Status, err)
	}
	resp.Body.Close()
	if !strings.Contains(p.Stdout.String(), "The link was used") {
		t.Error("no new link was printed")
	}

	h.setUpOn(v)
	v.sees("/", "21.3")
	v.send("/mqtt/try", url.Values{"broker": {"127.0.0.1:1"}, "username": {"me"}, "password": {"let me in please"}})
	v.sees("/mqtt", "refused")
	v.send("/mqtt/try", url.Values{"broker": {h.Broker.URL()}, "username": {"me"}, "password": {"let me in please"}})
	v.sees("/mqtt", filepath.Join(filepath.Dir(h.Config), "credentials", "mqtt-password"))
	shown := v.get("/")
	harness.Contains(t, shown, "hue:\n  enabled: true\n", "amazon:\n  enabled: true\n", "  username: 'me'\n")
	v.send("/check", nil)
	v.sees("/check", "Checked")

	after, err := os.ReadFile(h.Config)
	if err != nil || string(after) != before {
		t.Errorf("the configuration was changed: %v\n%s", err, after)
	}
	names, err := filepath.Glob(h.StateFile("*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range names {
		names[i] = filepath.Base(names[i])
	}
	if !slices.Equal(names, []string{"amazon.json", "hue.json"}) {
		t.Errorf("in the state directory: %q", names)
	}
	if retained := h.Broker.Retained(); len(retained) > 0 {
		t.Errorf("something was published: %v", retained)
	}
	harness.Lacks(t, v.said, slices.Concat(h.Amazon.Secrets(), []string{"let me in please"})...)
	// The commands accept the files that the page wrote.
	if code, stdout, stderr := run(t, "check", "--config", h.Config, "--hue.enabled", "--amazon.enabled"); code != exitGood {
		t.Errorf("check ends with %d:\n%s%s", code, stdout, stderr)
	}
	p.Signal(syscall.SIGINT)
	if code := p.Wait(); code != exitGood {
		t.Errorf("exit code %d", code)
	}
}

func TestPublicPageRequiresPassword(t *testing.T) {
	h := newTestHome(t)
	code, _, stderr := run(t, "run", "--config", h.Config, "--web.listen", "0.0.0.0:0")
	if code != exitUnusable || !strings.Contains(stderr, "web.password_file") || !strings.Contains(stderr, "other machines can reach the page") {
		t.Errorf("exit code %d, printed %s", code, stderr)
	}
}

func TestPageAsksForPassword(t *testing.T) {
	h := newTestHome(t)
	file := h.StateFile("web-password")
	harness.WriteFile(t, file, "a password of the page\n", 0o600)
	p := h.run("--web.listen", "127.0.0.1:0", "--web.password_file", file)
	v := newVisitor(t, servedPage(t, p))
	if shown := v.get("/"); !strings.Contains(shown, "The password of this page") || strings.Contains(shown, "Overview") {
		t.Errorf("without the password:\n%s", shown)
	}
	v.send("/sign-in", url.Values{"secret": {"a password of the page"}})
	v.sees("/", "All is well.")
	v.sees("/", "Sign out")
}

// A page that cannot be served does not stop the bridge.
func TestOccupiedWebPortCostsOnlyThePage(t *testing.T) {
	h := newTestHome(t)
	l := h.Broker.Subscribe()
	p := h.run("--web.listen", harness.Listen(t).Addr().String())
	p.Logs("web.listen can't be opened")
	l.WaitFor("hueair2mqtt/"+harness.HallID+"/availability", "online")
	p.StopCleanly()
}

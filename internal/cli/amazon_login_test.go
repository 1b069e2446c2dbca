package cli

import (
	"fmt"
	"io"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/configs"
	"hueair2mqtt/test/harness"
)

// signInHouse is an Amazon account that nobody has signed in to, and the settings
// for it.
type signInHouse struct {
	t        *testing.T
	amazon   *amazontest.Account
	server   *httptest.Server
	stateDir string
	config   string
}

// newSignInHouse makes one; more is put into the configuration.
func newSignInHouse(t *testing.T, more string) *signInHouse {
	t.Helper()
	dir := t.TempDir()
	h := &signInHouse{t: t, amazon: amazontest.NewAccount(), stateDir: filepath.Join(dir, "state"), config: filepath.Join(dir, "hueair2mqtt.yaml")}
	h.amazon.SetMonitor(airMonitor)
	h.server = harness.Serve(t, h.amazon)
	config := fmt.Sprintf(`
amazon:
  interval: 1s
  timeout: 1s
  endpoints: {alexa: %q, auth: %q}
retry: {base_delay: 20ms, max_delay: 100ms}
state_dir: %s
log: {level: debug}
%s`, h.server.URL, h.server.URL, h.stateDir, more)
	if err := os.WriteFile(h.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *signInHouse) file() string { return filepath.Join(h.stateDir, "amazon.json") }

// login is a running "amazon login", with what is typed.
type login struct {
	*program
	stdin io.WriteCloser
}

func (h *signInHouse) login(args ...string) *login {
	h.t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { writer.Close() })
	defer reader.Close() // the program has it
	return &login{program: startWith(h.t, reader, append([]string{"amazon", "login", "--config", h.config}, args...)...), stdin: writer}
}

var signInAddress = regexp.MustCompile(`(?m)^https://www\.amazon\.\S+/ap/signin\?\S+$`)

// address waits for the address that the program prints.
func (l *login) address() string {
	l.t.Helper()
	eventually(l.t, "the prompt", func() bool { return strings.Contains(l.stdout.String(), "Address: ") })
	address := signInAddress.FindString(l.stdout.String())
	if address == "" {
		l.t.Fatalf("no address of Amazon's:\n%s", &l.stdout)
	}
	return address
}

// says waits until the program has printed a text.
func (l *login) says(text string) {
	l.t.Helper()
	eventually(l.t, fmt.Sprintf("%q", text), func() bool { return strings.Contains(l.stdout.String()+l.stderr.String(), text) })
}

func (l *login) paste(text string) {
	l.t.Helper()
	if _, err := io.WriteString(l.stdin, text); err != nil {
		l.t.Fatal(err)
	}
}

// landing is the address that the user's browser ends on.
func (h *signInHouse) landing(address string) string {
	h.t.Helper()
	landing, err := h.amazon.Consent(address)
	if err != nil {
		h.t.Fatal(err)
	}
	return landing
}

// signIn signs in.
func (h *signInHouse) signIn(args ...string) *login {
	h.t.Helper()
	l := h.login(args...)
	l.paste(h.landing(l.address()) + "\n")
	if code := l.wait(); code != exitGood {
		h.t.Fatalf("amazon login ended with %d", code)
	}
	return l
}

func TestAmazonLogin(t *testing.T) {
	h := newSignInHouse(t, "mqtt: {brocker: x}\nhue: {enabled: true, interval: 60}\n") // yet to be set up
	l := h.signIn()
	info, err := os.Stat(h.file())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("amazon.json: %v, %v", info, err)
	}
	for _, text := range []string{"Living Room Air  ", "G0A0TESTSERIAL1  ", "Temperature 21.5 °C", "PM2.5 6 µg/m³", "Carbon monoxide 1 ppm", "set amazon.enabled to true"} {
		if !strings.Contains(l.stdout.String(), text) {
			t.Errorf("does not print %q", text)
		}
	}
	if devices := h.amazon.Devices(); len(devices) != 1 {
		t.Errorf("the account's devices: %q", devices)
	}

	code, stdout, stderr := run(t, "amazon", "logout", "--config", h.config)
	if code != exitGood || !strings.Contains(stdout, "Signed out") {
		t.Errorf("logout: exit code %d, printed %s%s", code, stdout, stderr)
	}
	if _, err := os.Stat(h.file()); !os.IsNotExist(err) {
		t.Errorf("amazon.json is still there: %v", err)
	}
	if devices := h.amazon.Devices(); len(devices) != 0 {
		t.Errorf("the account's devices: %q", devices)
	}
	code, stdout, _ = run(t, "amazon", "logout", "--config", h.config)
	if code != exitGood || !strings.Contains(stdout, "Not signed in") {
		t.Errorf("a second time: exit code %d, printed %s", code, stdout)
	}
}

// What a user must know before the browser is open.
func TestAmazonLoginExplainsTheSignIn(t *testing.T) {
	h := newSignInHouse(t, "")
	l := h.login("--domain", "amazon.de")
	if address := l.address(); !strings.HasPrefix(address, "https://www.amazon.com/ap/signin?") {
		t.Errorf("the address is %s", address)
	}
	for _, text := range []string{
		"on a computer", "private window", "five minutes", "browser's history", "/ap/maplanding", "begins with AN",
		"before you could sign in",
	} {
		if !strings.Contains(l.stdout.String(), text) {
			t.Errorf("does not print %q", text)
		}
	}
	if strings.Contains(l.stdout.String(), "phone") {
		t.Error("recommends a phone")
	}
	landing, err := url.Parse(h.landing(l.address()))
	if err != nil {
		t.Fatal(err)
	}
	l.paste(landing.Query().Get("openid.oa2.authorization_code") + "\n")
	if code := l.wait(); code != exitGood {
		t.Errorf("exit code %d after the code alone was pasted", code)
	}
}

func TestAmazonLoginWithoutMonitorsNamesTheAccount(t *testing.T) {
	h := newSignInHouse(t, "")
	h.amazon.RemoveMonitor(airMonitor.Serial)
	l := h.signIn()
	for _, text := range []string{"no air quality monitor was found", amazontest.Holder, "another adult of the household"} {
		if !strings.Contains(l.stdout.String(), text) {
			t.Errorf("does not print %q", text)
		}
	}
}

// The default configuration names nothing to read yet.
func TestAmazonLoginWithTheDefaultConfiguration(t *testing.T) {
	h := newSignInHouse(t, "")
	if err := os.WriteFile(h.config, configs.Default, 0o600); err != nil {
		t.Fatal(err)
	}
	l := h.signIn("--state_dir", h.stateDir, "--amazon.endpoints.alexa", h.server.URL, "--amazon.endpoints.auth", h.server.URL)
	if !strings.Contains(l.stdout.String(), "Living Room Air") {
		t.Errorf("printed\n%s", &l.stdout)
	}
}

func TestAmazonLoginAsksAgain(t *testing.T) {
	h := newSignInHouse(t, "")
	l := h.login()
	address := l.address()
	l.paste("what now?\n")
	l.says("not an address")
	l.paste("https://www.amazon.example/ap/maplanding?openid.oa2.authorization_code=x\n")
	l.says("not an Amazon address")
	l.paste(address + "\n")
	l.says("it is the wrong page")
	l.paste("https://www.amazon.com/ap/maplanding?openid.oa2.authorization_code=ANmistyped\n")
	l.says("does not accept this code")
	l.paste("\n")
	l.says("Nothing was pasted")
	right := h.landing(address)
	l.paste("\"" + right[:50] + "\r\n" + right[50:90] + "\r\n" + right[90:] + "\"\n")
	if code := l.wait(); code != exitGood {
		t.Errorf("exit code %d", code)
	}
}

// All that a script has to say comes at once.
func TestAmazonLoginFromAPipe(t *testing.T) {
	h := newSignInHouse(t, "")
	l := h.login("--domain", "https://www.amazon.com/")
	right := h.landing(l.address())
	l.paste("\n<https://www.amazon.com/ap/\nmaplanding?openid.mode=id_res>\n" + right[:70] + "\n" + right[70:])
	l.stdin.Close()
	if code := l.wait(); code != exitGood || !strings.Contains(l.stdout.String(), "not copied whole") {
		t.Errorf("exit code %d", code)
	}
	content, err := os.ReadFile(h.file())
	if err != nil || !strings.Contains(string(content), `"domain": "amazon.co.uk"`) {
		t.Errorf("the account's home was not followed: %v", err)
	}
}

func TestAmazonLoginEndsWithItsInput(t *testing.T) {
	h := newSignInHouse(t, "")
	l := h.login()
	l.address()
	l.paste("no address")
	l.stdin.Close()
	if code := l.wait(); code != exitFailed || !strings.Contains(l.stderr.String(), "not signed in") {
		t.Errorf("exit code %d", code)
	}
}

func TestAmazonLoginIsInterrupted(t *testing.T) {
	h := newSignInHouse(t, "")
	l := h.login()
	l.address()
	l.signal(syscall.SIGINT)
	if code := l.wait(); code != exitFailed || !strings.Contains(l.stderr.String(), "nothing was changed") {
		t.Errorf("exit code %d", code)
	}
	if _, err := os.Stat(h.file()); !os.IsNotExist(err) {
		t.Errorf("amazon.json is there: %v", err)
	}
}

func TestAmazonLoginThatCantBegin(t *testing.T) {
	h := newSignInHouse(t, "")
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		says []string
	}{
		"unknown marketplace":  {[]string{"--domain", "amazon.example"}, []string{`"amazon.example"`, "amazon.co.uk", "amazon.co.jp", "amazon.sg"}},
		"no file":              {[]string{"--config", "/none.yaml"}, []string{"/none.yaml", "--config"}},
		"a bad endpoint":       {[]string{"--amazon.endpoints.auth", "x"}, []string{"amazon.endpoints.auth"}},
		"no state directory":   {[]string{"--state_dir", filepath.Join(blocked, "x")}, []string{"state_dir"}},
		"a surplus argument":   {[]string{"now"}, []string{"now"}},
		"a wrong flag":         {[]string{"--domian", "x"}, []string{"--domian"}},
		"an impossible domain": {[]string{"--amazon.domain", "x"}, []string{"amazon.domain", "amazon.co.uk"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := run(t, append([]string{"amazon", "login", "--config", h.config}, test.args...)...)
			if code != exitUnusable {
				t.Errorf("exit code %d, want %d", code, exitUnusable)
			}
			for _, text := range test.says {
				if !strings.Contains(stderr, text) {
					t.Errorf("does not say %q:\n%s%s", text, stdout, stderr)
				}
			}
		})
	}
}

func TestAmazonLogoutWithoutAmazon(t *testing.T) {
	h := newSignInHouse(t, "")
	h.signIn()
	h.server.Close()
	code, _, stderr := run(t, "amazon", "logout", "--config", h.config)
	if code != exitFailed || !strings.Contains(stderr, "still lists the device") {
		t.Errorf("exit code %d, printed %s", code, stderr)
	}
	if _, err := os.Stat(h.file()); !os.IsNotExist(err) {
		t.Errorf("amazon.json is still there: %v", err)
	}
}

// From an empty state directory to a house that stays signed in: the alert, the
// sign-in that ends it without a restart, renewals that nobody notices, a revoked
// token, and a second sign-in.
func TestABridgeThatIsSignedInTo(t *testing.T) {
	t.Parallel()
	broker := startMosquitto(t)
	h := newSignInHouse(t, fmt.Sprintf("mqtt: {broker: %q}\n", broker.url()))
	h.amazon.SetCookieLife(4*time.Second, true)
	h.amazon.Flaky(amazontest.TokenPath, 0.2, 1)
	l := broker.listen()
	p := start(t, "run", "--config", h.config, "--amazon.enabled")
	const problem = "hueair2mqtt/amazon/problem"
	alert := filepath.Join(h.stateDir, "ALERT_TOKEN_REFRESH_NEEDED.txt")
	said := ""
	alerted := func() {
		t.Helper()
		l.waitFor(problem, `"problem":true`)
		l.waitFor(problem, "Run: hueair2mqtt amazon login.")
		eventually(t, "what to do in the alert file", func() bool {
			content, err := os.ReadFile(alert)
			said += string(content)
			return err == nil && strings.Contains(string(content), "What to do: Run: hueair2mqtt amazon login.")
		})
	}
	cleared := func() {
		t.Helper()
		l.waitFor(problem, `"problem":false`)
		l.waitFor("hueair2mqtt/"+monitor+"/availability", "online")
		eventually(t, "the alert file is gone", func() bool {
			_, err := os.Stat(alert)
			return os.IsNotExist(err)
		})
	}
	var secrets []string
	signIn := func() {
		t.Helper()
		in := h.login()
		landing := h.landing(in.address())
		in.paste(landing + "\n")
		if code := in.wait(); code != exitGood {
			t.Fatalf("amazon login ended with %d", code)
		}
		secrets = append(secrets, landing)
		// The address for the user is meant to be seen.
		said += in.stdout.String() + in.stderr.String()
	}

	alerted()
	signIn()
	cleared()
	before, raised := len(l.all()), 0
	renewals := h.amazon.Requests(amazontest.TokenPath)
	eventually(t, "three renewals", func() bool { return h.amazon.Requests(amazontest.TokenPath) > renewals+3 })
	h.amazon.KillCookies()
	eventually(t, "two more", func() bool { return h.amazon.Requests(amazontest.TokenPath) > renewals+5 })
	for _, m := range l.all()[before:] {
		if m.topic == problem && strings.Contains(m.payload, `"problem":true`) {
			raised++
		}
	}
	if raised > 0 {
		t.Error("an alert was raised by renewals that succeed")
	}
	h.amazon.RevokeTokens()
	alerted()
	signIn()
	cleared()
	if code, stdout, stderr := run(t, "amazon", "logout", "--config", h.config); code != exitGood {
		t.Errorf("logout ended with %d: %s%s", code, stdout, stderr)
	}
	alerted()
	p.signal(syscall.SIGTERM)
	if code := p.wait(); code != exitGood {
		t.Errorf("exit code %d", code)
	}

	said += p.stdout.String() + p.stderr.String()
	for _, m := range l.all() {
		said += m.topic + m.payload
	}
	secrets = append(secrets, h.amazon.Secrets()...)
	if len(secrets) < 60 {
		t.Errorf("only %d secrets were handed out", len(secrets))
	}
	for _, secret := range secrets {
		for _, form := range []string{secret, url.QueryEscape(secret)} {
			if strings.Contains(said, form) {
				t.Errorf("%q was printed, published or written", secret)
			}
		}
	}
}

func TestTheDemoShowsARenewalThatNobodyNotices(t *testing.T) {
	t.Parallel()
	code, stdout, _ := run(t, "demo", "--for", "7s")
	if code != exitGood {
		t.Errorf("exit code %d", code)
	}
	ends := strings.Index(stdout, "cookies expire early")
	renewed := strings.Index(stdout, "The cookies were renewed")
	if ends < 0 || renewed < ends {
		t.Errorf("no renewal is shown:\n%s", stdout)
	}
	if raised := strings.Index(stdout, "code="); raised >= 0 && raised < renewed {
		t.Error("the renewal raised an alert")
	}
}

package cli

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/configs"
	"hueair2mqtt/test/harness"
)

func TestAmazonLogin(t *testing.T) {
	h := newEmptyHome(t, "mqtt: {brocker: x}\nhue: {enabled: true, interval: 60}\n") // yet to be set up
	l, _ := h.signIn()
	info, err := os.Stat(h.StateFile("amazon.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("amazon.json: %v, %v", info, err)
	}
	harness.Contains(t, l.Stdout.String(), "Living Room Air  ", "G0A0TESTSERIAL1  ", "Temperature 21.5 °C", "PM2.5 6 µg/m³", "Carbon monoxide 1 ppm", "set amazon.enabled to true")
	if devices := h.Amazon.Devices(); len(devices) != 1 {
		t.Errorf("the account's devices: %q", devices)
	}

	code, stdout, stderr := run(t, "amazon", "logout", "--config", h.Config)
	if code != exitGood || !strings.Contains(stdout, "Signed out") {
		t.Errorf("logout: exit code %d, printed %s%s", code, stdout, stderr)
	}
	if harness.Exists(t, h.StateFile("amazon.json")) {
		t.Error("amazon.json is still there")
	}
	if devices := h.Amazon.Devices(); len(devices) != 0 {
		t.Errorf("the account's devices: %q", devices)
	}
	code, stdout, _ = run(t, "amazon", "logout", "--config", h.Config)
	if code != exitGood || !strings.Contains(stdout, "Not signed in") {
		t.Errorf("a second time: exit code %d, printed %s", code, stdout)
	}
}

// The user must know this before the browser is open.
func TestAmazonLoginExplainsTheSignIn(t *testing.T) {
	h := newEmptyHome(t, "")
	l := h.login("--domain", "amazon.de")
	if address := l.SignInAddress(); !strings.HasPrefix(address, "https://www.amazon.com/ap/signin?") {
		t.Errorf("the address is %s", address)
	}
	harness.Contains(t, l.Stdout.String(), "on a computer", "private window", "five minutes", "browser's history", "/ap/maplanding", "begins with AN",
		"before you could sign in",
	)
	if strings.Contains(l.Stdout.String(), "phone") {
		t.Error("recommends a phone")
	}
	landing, err := url.Parse(h.consent(l.SignInAddress()))
	if err != nil {
		t.Fatal(err)
	}
	l.Type(landing.Query().Get("openid.oa2.authorization_code") + "\n")
	if code := l.Wait(); code != exitGood {
		t.Errorf("exit code %d after the code alone was pasted", code)
	}
}

func TestAmazonLoginWithoutMonitorsNamesTheAccount(t *testing.T) {
	h := newEmptyHome(t, "")
	h.Amazon.RemoveMonitor(harness.AirMonitor.Serial)
	l, _ := h.signIn()
	harness.Contains(t, l.Stdout.String(), "no air quality monitor was found", amazontest.Holder, "another adult of the household")
}

// The default configuration enables no source.
func TestAmazonLoginWithTheDefaultConfiguration(t *testing.T) {
	h := newEmptyHome(t, "")
	if err := os.WriteFile(h.Config, configs.Default, 0o600); err != nil {
		t.Fatal(err)
	}
	l, _ := h.signIn("--state_dir", h.StateDir, "--amazon.endpoints.alexa", h.Alexa.URL, "--amazon.endpoints.auth", h.Alexa.URL)
	if !strings.Contains(l.Stdout.String(), "Living Room Air") {
		t.Errorf("printed\n%s", &l.Stdout)
	}
}

func TestAmazonLoginAsksAgain(t *testing.T) {
	h := newEmptyHome(t, "")
	l := h.login()
	address := l.SignInAddress()
	l.Type("what now?\n")
	l.Logs("not an address")
	l.Type("https://www.amazon.example/ap/maplanding?openid.oa2.authorization_code=x\n")
	l.Logs("not an Amazon address")
	l.Type(address + "\n")
	l.Logs("it is the wrong page")
	l.Type("https://www.amazon.com/ap/maplanding?openid.oa2.authorization_code=ANmistyped\n")
	l.Logs("does not accept this code")
	l.Type("\n")
	l.Logs("Nothing was pasted")
	right := h.consent(address)
	l.Type("\"" + right[:50] + "\r\n" + right[50:90] + "\r\n" + right[90:] + "\"\n")
	if code := l.Wait(); code != exitGood {
		t.Errorf("exit code %d", code)
	}
}

// A script writes all of its input at once.
func TestAmazonLoginFromAPipe(t *testing.T) {
	h := newEmptyHome(t, "")
	l := h.login("--domain", "https://www.amazon.com/")
	right := h.consent(l.SignInAddress())
	l.Type("\n<https://www.amazon.com/ap/\nmaplanding?openid.mode=id_res>\n" + right[:70] + "\n" + right[70:])
	l.Stdin.Close()
	if code := l.Wait(); code != exitGood || !strings.Contains(l.Stdout.String(), "not copied whole") {
		t.Errorf("exit code %d", code)
	}
	content, err := os.ReadFile(h.StateFile("amazon.json"))
	if err != nil || !strings.Contains(string(content), `"domain": "amazon.co.uk"`) {
		t.Errorf("the account's home was not followed: %v", err)
	}
}

func TestAmazonLoginFailsAtEndOfInput(t *testing.T) {
	h := newEmptyHome(t, "")
	l := h.login()
	l.SignInAddress()
	l.Type("no address")
	l.Stdin.Close()
	if code := l.Wait(); code != exitFailed || !strings.Contains(l.Stderr.String(), "not signed in") {
		t.Errorf("exit code %d", code)
	}
}

func TestAmazonLoginInterrupted(t *testing.T) {
	h := newEmptyHome(t, "")
	l := h.login()
	l.SignInAddress()
	l.Signal(syscall.SIGINT)
	if code := l.Wait(); code != exitFailed || !strings.Contains(l.Stderr.String(), "nothing was changed") {
		t.Errorf("exit code %d", code)
	}
	if harness.Exists(t, h.StateFile("amazon.json")) {
		t.Error("amazon.json is there")
	}
}

func TestAmazonLoginUsageErrors(t *testing.T) {
	h := newEmptyHome(t, "")
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
			code, stdout, stderr := run(t, append([]string{"amazon", "login", "--config", h.Config}, test.args...)...)
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
	h := newEmptyHome(t, "")
	h.signIn()
	h.Alexa.Close()
	code, _, stderr := run(t, "amazon", "logout", "--config", h.Config)
	if code != exitFailed || !strings.Contains(stderr, "still lists the device") {
		t.Errorf("exit code %d, printed %s", code, stderr)
	}
	if harness.Exists(t, h.StateFile("amazon.json")) {
		t.Error("amazon.json is still there")
	}
}

// The life of a sign-in: the alert of an empty state directory, a sign-in that clears it without a
// restart, silent renewals, a revoked token, and a second sign-in.
func TestAmazonSignInLifecycle(t *testing.T) {
	t.Parallel()
	h := newEmptyHome(t, "")
	h.Amazon.SetCookieLife(4*time.Second, true)
	h.Amazon.Flaky(amazontest.TokenPath, 0.2, 1)
	l := h.Broker.Subscribe()
	p := h.run("--amazon.enabled", "--amazon.interval=1s", "--amazon.timeout=1s")
	const problem = "hueair2mqtt/amazon/problem"
	alert := h.StateFile("ALERT_TOKEN_REFRESH_NEEDED.txt")
	said := ""
	alerted := func() {
		t.Helper()
		l.WaitFor(problem, `"problem":true`)
		l.WaitFor(problem, "Run: hueair2mqtt amazon login.")
		harness.Eventually(t, "what to do in the alert file", func() bool {
			content, err := os.ReadFile(alert)
			said += string(content)
			return err == nil && strings.Contains(string(content), "What to do: Run: hueair2mqtt amazon login.")
		})
	}
	cleared := func() {
		t.Helper()
		l.WaitFor(problem, `"problem":false`)
		l.WaitFor("hueair2mqtt/"+harness.MonitorID+"/availability", "online")
		harness.Eventually(t, "the alert file is gone", func() bool { return !harness.Exists(t, alert) })
	}
	var secrets []string
	signIn := func() {
		t.Helper()
		in, landing := h.signIn()
		secrets = append(secrets, landing)
		// The sign-in address is not secret.
		said += in.Output()
	}

	alerted()
	signIn()
	cleared()
	raised := l.Count(problem, `"problem":true`)
	renewals := h.Amazon.Requests(amazontest.TokenPath)
	harness.Eventually(t, "three renewals", func() bool { return h.Amazon.Requests(amazontest.TokenPath) > renewals+3 })
	h.Amazon.KillCookies()
	harness.Eventually(t, "two more", func() bool { return h.Amazon.Requests(amazontest.TokenPath) > renewals+5 })
	if l.Count(problem, `"problem":true`) > raised {
		t.Error("an alert was raised by renewals that succeed")
	}
	h.Amazon.RevokeTokens()
	alerted()
	signIn()
	cleared()
	if code, stdout, stderr := run(t, "amazon", "logout", "--config", h.Config); code != exitGood {
		t.Errorf("logout ended with %d: %s%s", code, stdout, stderr)
	}
	alerted()
	p.StopCleanly()

	said += p.Output() + l.Text()
	secrets = append(secrets, h.Amazon.Secrets()...)
	if len(secrets) < 60 {
		t.Errorf("only %d secrets were handed out", len(secrets))
	}
	for _, secret := range secrets {
		harness.Lacks(t, said, secret, url.QueryEscape(secret))
	}
}

func TestDemoShowsSilentRenewal(t *testing.T) {
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

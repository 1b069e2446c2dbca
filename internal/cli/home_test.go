package cli

import (
	"net/http/httptest"
	"testing"

	"hueair2mqtt/collectors/hue/huetest"
	"hueair2mqtt/test/harness"
)

// testHome is a home with the commands of the program.
type testHome struct {
	*harness.Home
	t *testing.T
}

// newTestHome starts a home with two motion sensors, which the program reads by
// CLIP v1, and a monitor, which it reads with the cookies of a browser.
func newTestHome(t *testing.T) *testHome {
	t.Helper()
	h := &testHome{harness.NewHome(t, harness.Options{}).Furnish(), t}
	h.MakeStateDir()
	h.Configure(`
hue:
  enabled: true
  interval: 1s
  timeout: 1s
  bridges: [{host: %q, id: %s, username: %s}]
  areas: {"00:17:88:01:02:03:04:05": Hall}
amazon:
  enabled: true
  interval: 1s
  timeout: 1s
  cookies_file: %s
  areas: {G0A0TESTSERIAL1: Living Room}
  endpoints: {alexa: %q}
`, h.HueHTTP.URL, harness.HueID, harness.HueKey, h.WriteCookies(), h.Alexa.URL)
	return h
}

// newEmptyHome starts a home with the same devices in which nothing is set up yet;
// lines are added to the configuration. A set-up asks once, so it has the time of a user's.
func newEmptyHome(t *testing.T, lines string) *testHome {
	t.Helper()
	h := &testHome{harness.NewHome(t, harness.Options{}).Furnish(), t}
	h.Configure("amazon: {interval: 10s, timeout: 10s, endpoints: {alexa: %q, auth: %[1]q}}\n%s", h.Alexa.URL, lines)
	return h
}

// findable has the programs that the test starts find the home's Hue bridge.
func (h *testHome) findable() *testHome {
	service := httptest.NewServer(huetest.DiscoveryHandler(h.HueTLS.Discovered()))
	h.t.Cleanup(service.Close)
	h.t.Setenv(searchAt, service.URL)
	return h
}

// run starts "run" with further flags.
func (h *testHome) run(flags ...string) *harness.Process {
	h.t.Helper()
	return start(h.t, append([]string{"run", "--config", h.Config}, flags...)...)
}

// login starts "amazon login".
func (h *testHome) login(args ...string) *harness.Prompt {
	h.t.Helper()
	return harness.StartPrompt(h.t, command(append([]string{"amazon", "login", "--config", h.Config}, args...)...))
}

// consent returns the address that the user's browser lands on.
func (h *testHome) consent(address string) string {
	h.t.Helper()
	landing, err := h.Amazon.Consent(address)
	if err != nil {
		h.t.Fatal(err)
	}
	return landing
}

// signIn runs "amazon login" with the account in the place of a browser.
func (h *testHome) signIn(args ...string) (p *harness.Prompt, landing string) {
	h.t.Helper()
	return harness.SignIn(h.t, h.Amazon, command(append([]string{"amazon", "login", "--config", h.Config}, args...)...))
}

package cli

import (
	"crypto/x509"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/test/harness"
)

// TestTLSToTheBroker connects to Mosquitto with every fault of the certificates of both sides and
// checks what the user is shown.
func TestTLSToTheBroker(t *testing.T) {
	t.Parallel()
	ours, others := harness.NewAuthority(t, t.TempDir(), "Home CA"), harness.NewAuthority(t, t.TempDir(), "Another CA")
	longAgo, yesterday := time.Now().Add(-72*time.Hour), time.Now().Add(-24*time.Hour)
	expired := harness.Localhost
	expired.NotBefore, expired.NotAfter = longAgo, yesterday
	tomorrow := time.Now().Add(24 * time.Hour)

	ours.Issue("broker", harness.Localhost)
	ours.Issue("expired", expired)
	ours.Issue("wrong-name", x509.Certificate{DNSNames: []string{"nas.example"}})
	revoked := ours.Issue("revoked", harness.Localhost)
	others.Issue("broker", harness.Localhost)
	ours.Issue("client", x509.Certificate{})
	revokedClient := ours.Issue("revoked-client", x509.Certificate{})
	ours.Issue("expired-client", x509.Certificate{NotBefore: longAgo, NotAfter: yesterday})
	others.Issue("client", x509.Certificate{})
	crl := ours.Revoke("crl.pem", tomorrow, revoked, revokedClient)
	ended := ours.Revoke("ended-crl.pem", yesterday, revoked)
	foreign := others.Revoke("crl.pem", tomorrow)

	trusting := []string{"--mqtt.ca_file", ours.File("ca.pem")}
	trusting = slices.Clip(trusting) // appended to below
	shows := func(a *harness.Authority, name string) []string {
		return append(trusting, "--mqtt.cert_file", a.File(name+".pem"), "--mqtt.key_file", a.File(name+".key"))
	}
	for name, test := range map[string]struct {
		server   *harness.Authority
		shown    string   // the broker's certificate
		asks     bool     // whether the broker asks for the client's
		settings []string // the program's
		refused  string   // what the user sees; "" is a good connection
	}{
		"good":                          {ours, "broker", false, trusting, ""},
		"good, with a list":             {ours, "broker", false, append(trusting, "--mqtt.crl_file", crl), ""},
		"good, with the client's":       {ours, "broker", true, shows(ours, "client"), ""},
		"expired":                       {ours, "expired", false, trusting, "certificate has expired or is not yet valid: .*renew the certificate of the broker, which expired .*or set the clock"},
		"for another name":              {ours, "wrong-name", false, trusting, "valid for nas.example, not localhost; write in mqtt.broker a name that is in the broker's certificate"},
		"of an unknown authority":       {others, "broker", false, trusting, "unknown authority.*set mqtt.ca_file"},
		"without its authority":         {ours, "broker", false, nil, "unknown authority.*set mqtt.ca_file"},
		"revoked":                       {ours, "revoked", false, append(trusting, "--mqtt.crl_file", crl), "the broker's certificate \\(CN=revoked\\) was revoked by its authority on .*give the broker a new one"},
		"an expired list":               {ours, "broker", false, append(trusting, "--mqtt.crl_file", ended), "the revocation list in .* expired on .*replace it with a newer one"},
		"a list of another authority":   {ours, "broker", false, append(trusting, "--mqtt.crl_file", foreign), "has no list from the authority that signed the broker's certificate \\(CN=Home CA\\)"},
		"the client's is missing":       {ours, "broker", true, trusting, "certificate required.*check mqtt.cert_file"},
		"the client's is revoked":       {ours, "broker", true, shows(ours, "revoked-client"), "revoked certificate.*check mqtt.cert_file"},
		"the client's has expired":      {ours, "broker", true, shows(ours, "expired-client"), "expired certificate.*check mqtt.cert_file"},
		"the client's is of another CA": {ours, "broker", true, shows(others, "client"), "unknown certificate authority.*check mqtt.cert_file"},
	} {
		t.Run(name, func(t *testing.T) {
			settings := append(test.server.Settings(test.shown), "cafile "+ours.File("ca.pem"))
			if test.asks {
				settings = append(settings, "require_certificate true", "crlfile "+crl)
			}
			broker := harness.StartMosquitto(t, settings...)
			file := filepath.Join(t.TempDir(), "hueair2mqtt.yaml")
			content := fmt.Sprintf("mqtt: {broker: \"ssl://localhost:%d\"}\nhue: {enabled: true, bridges: [{host: \"http://127.0.0.1:1\", username: x}]}\nstate_dir: %s\n", broker.Port, t.TempDir())
			harness.WriteFile(t, file, content, 0o600)
			args := append([]string{"run", "--config", file}, test.settings...)
			p := start(t, args...)
			if test.refused == "" {
				p.Logs("connected to the broker")
			} else {
				harness.Eventually(t, "the refusal "+test.refused, func() bool { return regexp.MustCompile(test.refused).MatchString(p.Stderr.String()) })
				if log := p.Stderr.String(); strings.Contains(log, "connected to the broker") {
					t.Errorf("it connected all the same:\n%s", log)
				}
			}
			if strings.Contains(p.Stderr.String(), "PRIVATE KEY") {
				t.Error("the key was printed")
			}
		})
	}
}

// TestRevocationListIsReloaded revokes the broker's certificate while the program runs: the next
// connection is refused.
func TestRevocationListIsReloaded(t *testing.T) {
	ours := harness.NewAuthority(t, t.TempDir(), "Home CA")
	certificate := ours.Issue("broker", harness.Localhost)
	tomorrow := time.Now().Add(24 * time.Hour)
	crl := ours.Revoke("crl.pem", tomorrow)
	broker := harness.StartMosquitto(t, append(ours.Settings("broker"), "cafile "+ours.File("ca.pem"))...)
	h := newTestHome(t)
	p := start(t, "run", "--config", h.Config, "--mqtt.broker", fmt.Sprintf("ssl://localhost:%d", broker.Port),
		"--mqtt.ca_file", ours.File("ca.pem"), "--mqtt.crl_file", crl)
	p.Logs("connected to the broker")
	ours.Revoke("crl.pem", tomorrow, certificate)
	broker.Stop()
	broker.Start()
	p.Logs("was revoked by its authority")
}

func TestInvalidRevocationListIsRejected(t *testing.T) {
	ours := harness.NewAuthority(t, t.TempDir(), "Home CA")
	h := newTestHome(t)
	code, _, stderr := run(t, "run", "--config", h.Config, "--mqtt.broker", "ssl://localhost:1", "--mqtt.crl_file", ours.File("ca.pem"))
	if code != exitUnusable || !strings.Contains(stderr, "mqtt.crl_file") || !strings.Contains(stderr, "contains no PEM revocation list") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

package hue_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/huetest"
	"hueair2mqtt/collectors/hue/pairing"
)

// thief is a server that answers as a bridge does and records what it was sent.
type thief struct {
	*httptest.Server
	mu   sync.Mutex
	sent []string
}

func newThief(t *testing.T, bridge *huetest.Bridge, certificate *tls.Certificate) *thief {
	t.Helper()
	th := &thief{}
	th.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		th.mu.Lock()
		th.sent = append(th.sent, r.RequestURI+" "+r.Header.Get("hue-application-key"))
		th.mu.Unlock()
		bridge.ServeHTTP(w, r)
	}))
	th.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are meant to fail
	if certificate == nil {
		th.Start()
	} else {
		th.TLS = &tls.Config{Certificates: []tls.Certificate{*certificate}}
		th.StartTLS()
	}
	t.Cleanup(th.Close)
	return th
}

func (th *thief) host() string { return th.Listener.Addr().String() }

// hasKey reports whether the key was sent here.
func (th *thief) hasKey() bool {
	th.mu.Lock()
	defer th.mu.Unlock()
	return slices.ContainsFunc(th.sent, func(s string) bool { return strings.Contains(s, key) })
}

// pollUntilMoved polls until the bridge is looked for, and once more.
func pollUntilMoved(t *testing.T, c *hue.Collector) (s collectors.Snapshot, err error) {
	t.Helper()
	for range 3 {
		s, err = collectOnce(t, c)
	}
	return s, err
}

// The key of a bridge is not sent to a found address because of an authority that
// only the system trusts, and the true one of several candidates is found.
func TestFoundAddressMustProveTheBridge(t *testing.T) {
	system, signify := newAuthority(t, "public"), newAuthority(t, "signify")
	id := strings.ToLower(bridgeID)
	genuine := huetest.NewBridge(bridgeID, key)
	genuine.SetMotionSensor(hall)
	forger := huetest.NewBridge(bridgeID, key)
	bySystem := system.issue(t, "bridge", time.Hour, net.IPv4(127, 0, 0, 1))
	own := newAuthority(t, id).issue(t, id, time.Hour)
	otherID := signify.issue(t, "001788fffe999999", time.Hour)
	bySignify := signify.issue(t, id, time.Hour)
	for name, forged := range map[string]*tls.Certificate{"the system's": &bySystem, "its own": &own, "Signify's for another": &otherID, "none": nil} {
		for _, configured := range []bool{false, true} {
			for _, pinned := range []string{"", strings.Repeat("ab", 32)} {
				th, home := newThief(t, forger, forged), newThief(t, genuine, &bySignify)
				gone := httptest.NewServer(nil)
				gone.Close()
				host := gone.Listener.Addr().String()
				o := hue.Options{
					ID: bridgeID, Timeout: 5 * time.Second, Setting: "hue.bridges[0]",
					StateDir: writeState(t, pairing.Pairing{ID: id, Host: host, Username: key, Fingerprint: pinned}),
				}
				if configured {
					o.Host = host
				}
				candidates := []pairing.Found{{ID: id, Host: th.host()}, {ID: id, Host: "203.0.113.9"}}
				o.Find = func(context.Context) ([]pairing.Found, error) { return candidates, nil }
				var dialed []string
				var mu sync.Mutex
				o.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
					mu.Lock()
					dialed = append(dialed, address)
					mu.Unlock()
					if !strings.HasPrefix(address, "127.") {
						return nil, errors.New("no route")
					}
					return (&net.Dialer{}).DialContext(ctx, network, address)
				}
				c := newCollector(t, o)
				c.SetRoots(system.pool, signify.pool)
				if s, err := pollUntilMoved(t, c); err == nil {
					t.Errorf("%s: read %d devices of the forger", name, len(s.Devices))
				}
				candidates = append(candidates, pairing.Found{ID: id, Host: home.host()})
				c = newCollector(t, o)
				c.SetRoots(system.pool, signify.pool)
				s, err := pollUntilMoved(t, c)
				if err != nil {
					t.Fatal(name, err)
				}
				deviceIn(t, s, hallID)
				if th.hasKey() {
					t.Errorf("%s, configured %t, pinned %q: the key was sent to %q", name, configured, pinned, th.sent)
				}
				if slices.ContainsFunc(dialed, func(a string) bool { return !strings.HasPrefix(a, "127.") }) {
					t.Errorf("dialed %q", dialed)
				}
			}
		}
	}
}

// What pairing pinned holds at the configured address, too, and at the stored one,
// which may have been found.
func TestPinnedFingerprintIsFinal(t *testing.T) {
	system := newAuthority(t, "public")
	certificate := system.issue(t, "bridge", time.Hour, net.IPv4(127, 0, 0, 1))
	for name, test := range map[string]struct {
		configured bool
		pinned     string
	}{"configured": {true, strings.Repeat("ab", 32)}, "stored": {false, strings.Repeat("ab", 32)}, "stored, not pinned": {false, ""}} {
		th := newThief(t, huetest.NewBridge(bridgeID, key), &certificate)
		o := hue.Options{
			ID: bridgeID, Timeout: 5 * time.Second, Setting: "hue.bridges[0]",
			StateDir: writeState(t, pairing.Pairing{ID: strings.ToLower(bridgeID), Host: th.host(), Username: key, Fingerprint: test.pinned}),
		}
		if test.configured {
			o.Host = th.host()
		}
		c := newCollector(t, o)
		c.SetRoots(system.pool, x509.NewCertPool())
		_, err := collectOnce(t, c)
		if collectors.KindOf(err) != "certificate" || th.hasKey() {
			t.Errorf("%s: %v after %q", name, err, th.sent)
		}
	}
}

// Cutting TLS does not get the key: a bridge whose id is known, or that is new
// enough for https, or had it before, is not asked without it.
func TestCutTLSDoesNotRevealTheKey(t *testing.T) {
	tests := []struct {
		name     string
		id       string
		software string
		before   bool // it had https
		model    string
		sent     bool
	}{
		{"an id, new", bridgeID, huetest.DefaultSoftware, false, "BSB002", false},
		{"an id, old", bridgeID, "1709131301", false, "BSB002", false},
		{"no id, new", "", huetest.DefaultSoftware, false, "BSB002", false},
		{"no id, old", "", "1709131301", false, "BSB002", true},
		{"no id, of the first generation", "", huetest.DefaultSoftware, false, "BSB001", true},
		{"no id, old, but it had https", "", "1709131301", true, "BSB002", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bridge := huetest.NewBridge(bridgeID, key)
			bridge.SetSoftware(test.software)
			bridge.SetModel(test.model)
			bridge.SetMotionSensor(hall)
			th := newThief(t, bridge, nil) // where a TLS handshake fails
			dir := t.TempDir()
			o := hue.Options{Host: th.host(), ID: test.id, Username: key, Setting: "hue.bridges[0]", StateDir: dir, Timeout: 5 * time.Second}
			if test.before {
				text := `{"bridges":[],"encrypted":["` + th.host() + `"]}`
				if err := os.WriteFile(filepath.Join(dir, pairing.StateFile), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			c := newCollector(t, o)
			_, err := collectOnce(t, c)
			if th.hasKey() != test.sent || (err == nil) != test.sent {
				t.Errorf("%v after %q", err, th.sent)
			}
			if !test.sent && !test.before && !strings.Contains(err.Error(), "http://"+th.host()) {
				t.Errorf("%v has no remedy", err)
			}
			// Pairing has the same rule.
			_, err = pairing.Identify(t.Context(), pairing.Options{Host: th.host(), StateDir: dir, Timeout: 5 * time.Second})
			if want := test.software != huetest.DefaultSoftware && !test.before || test.model == "BSB001"; (err == nil) != want {
				t.Errorf("pairing: %v", err)
			}
		})
	}
}

// That a configured bridge had https is known after a restart.
func TestHTTPSIsRememberedAfterRestart(t *testing.T) {
	signify := newAuthority(t, "signify")
	certificate := signify.issue(t, strings.ToLower(bridgeID), time.Hour)
	bridge := huetest.NewBridge(bridgeID, key)
	bridge.SetSoftware("1709131301") // so that the answer alone does not reveal it
	bridge.SetMotionSensor(hall)
	th := newThief(t, bridge, &certificate)
	dir := writeState(t, pairing.Pairing{ID: "001788fffe999999", Host: "192.168.1.9", Username: "other"})
	o := hue.Options{Host: th.host(), Username: key, Setting: "hue.bridges[0]", StateDir: dir, Timeout: 5 * time.Second}
	c := newCollector(t, o)
	c.SetRoots(x509.NewCertPool(), signify.pool)
	s, err := collectOnce(t, c)
	if err != nil || len(s.Faults) != 0 {
		t.Fatal(err, s.Faults)
	}
	if all := readState(t, dir); len(all) != 1 || all[0].Username != "other" {
		t.Errorf("%+v", all)
	}
	th.Close()
	plain := newThief(t, bridge, nil)
	o.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, plain.host())
	}
	c = newCollector(t, o)
	if _, err = collectOnce(t, c); err == nil || plain.hasKey() {
		t.Errorf("%v after %q", err, plain.sent)
	}
	// A state directory that takes nothing is reported once and stops nothing.
	th = newThief(t, bridge, &certificate)
	o.Host, o.DialContext, o.StateDir = th.host(), nil, filepath.Join(dir, "missing")
	c = newCollector(t, o)
	c.SetRoots(x509.NewCertPool(), signify.pool)
	for i, faults := range []int{1, 0} {
		if s, err := collectOnce(t, c); err != nil || len(s.Faults) != faults {
			t.Errorf("%d: %v, %v", i, err, s.Faults)
		}
	}
}

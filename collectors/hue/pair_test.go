package hue_test

import (
	"crypto/x509"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/huetest"
	"hueair2mqtt/collectors/hue/pairing"
)

// readState returns the stored pairings.
func readState(t *testing.T, dir string) []pairing.Pairing {
	t.Helper()
	if info, err := os.Stat(filepath.Join(dir, pairing.StateFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, want 0600 (%v)", info, err)
	}
	state, err := pairing.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return state.Bridges
}

// writeState stores pairings in a new directory.
func writeState(t *testing.T, entries ...pairing.Pairing) (dir string) {
	t.Helper()
	dir = t.TempDir()
	text, err := json.Marshal(pairing.State{Bridges: entries})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, pairing.StateFile), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func noWait(time.Duration) {}

// A bridge that signed its certificate itself is known by that from then on.
func TestPairPinsSelfSignedCertificate(t *testing.T) {
	bridge := huetest.NewBridge(bridgeID, key)
	bridge.SetMotionSensor(hall)
	server := huetest.StartTLS(bridge, huetest.WithSelfSigned())
	defer server.Close()
	dir := t.TempDir()
	n, err := pairing.Identify(t.Context(), pairing.Options{Host: server.Host(), StateDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if n.ID != strings.ToLower(bridgeID) || n.Model != "BSB002" || !n.Encrypted || len(n.Fingerprint) != 64 {
		t.Errorf("%+v", n)
	}
	bridge.PressLinkButton()
	if err := n.Pair(t.Context(), "a host with a very long name", noWait); err != nil {
		t.Fatal(err)
	}
	entries := readState(t, dir)
	if len(entries) != 1 || entries[0].ID != n.ID || entries[0].Host != server.Host() || entries[0].Username == "" || entries[0].Fingerprint != n.Fingerprint {
		t.Errorf("%+v", entries)
	}

	options, err := hue.WithPaired(nil, hue.Options{StateDir: dir, Timeout: 10 * time.Second})
	if err != nil || len(options) != 1 {
		t.Fatal(options, err)
	}
	c := newCollector(t, options[0])
	if c.Endpoint() != n.ID {
		t.Errorf("endpoint %q, want the id", c.Endpoint())
	}
	snapshot, err := collectOnce(t, c)
	if err != nil {
		t.Fatal(err)
	}
	deviceIn(t, snapshot, hallID)

	// Somebody else with the same id and a certificate of his own.
	forger := huetest.NewBridge(bridgeID, entries[0].Username)
	forged := huetest.StartTLS(forger, huetest.WithSelfSigned())
	defer forged.Close()
	dir = writeState(t, pairing.Pairing{ID: n.ID, Host: forged.Host(), Username: entries[0].Username, Fingerprint: n.Fingerprint})
	c = newCollector(t, hue.Options{ID: n.ID, StateDir: dir, Setting: "hue.json"})
	_, err = collectOnce(t, c)
	if collectors.KindOf(err) != "certificate" || !strings.Contains(err.Error(), "stored at pairing") || forger.Requests()+forger.RequestsTo("/") != 0 {
		t.Errorf("err = %v after %d requests", err, forger.RequestsTo("/"))
	}
}

func TestPairOldBridgeOverHTTP(t *testing.T) {
	bridge := huetest.NewBridge(bridgeID, key)
	bridge.SetSoftware("1709131301")
	bridge.SetMotionSensor(hall)
	server := httptest.NewServer(bridge)
	defer server.Close()
	dir := t.TempDir()
	host := strings.TrimPrefix(server.URL, "http://")
	n, err := pairing.Identify(t.Context(), pairing.Options{Host: host, StateDir: dir})
	if err != nil || n.Encrypted || n.Fingerprint != "" {
		t.Fatalf("%+v, %v", n, err)
	}
	bridge.PressLinkButton()
	if err := n.Pair(t.Context(), "host", noWait); err != nil {
		t.Fatal(err)
	}
	if entries := readState(t, dir); entries[0].Host != "http://"+host {
		t.Errorf("%+v", entries)
	}
	c := newCollector(t, hue.Options{ID: n.ID, StateDir: dir})
	snapshot, err := collectOnce(t, c)
	if err != nil {
		t.Fatal(err)
	}
	deviceIn(t, snapshot, hallID)
}

func TestDamagedStateIsAnError(t *testing.T) {
	for _, text := range []string{`{"bridges":[{"id":"001788fffe010203","host":"a","username":"` + key + `"`, `[]`, `{"bridges":[{"id":"x","host":"a","username":"` + key + `"}]}`,
		`{"bridges":[{"id":"001788fffe010203","host":"ftp://a","username":"` + key + `"}]}`} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, pairing.StateFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := hue.New(hue.Options{Host: "192.168.1.2", StateDir: dir})
		if err == nil || !strings.Contains(err.Error(), "hue pair") || strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", text, err)
		}
		if _, err = hue.WithPaired(nil, hue.Options{StateDir: dir}); err == nil || strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestPairedBridgesAreAddedToConfigured(t *testing.T) {
	const other = "001788fffe010204"
	dir := writeState(t, pairing.Pairing{ID: strings.ToLower(bridgeID), Host: "192.168.1.2", Username: "stored"}, pairing.Pairing{ID: other, Host: "192.168.1.3", Username: "stored2"})
	tests := []struct {
		name       string
		configured []hue.Options
		endpoints  []string
	}{
		{"none configured", nil, []string{strings.ToLower(bridgeID), other}},
		{"by id", []hue.Options{{Host: "10.0.0.1", ID: bridgeID, StateDir: dir}}, []string{"http://10.0.0.1", other}},
		{"by address", []hue.Options{{Host: "https://192.168.1.3", StateDir: dir}}, []string{"https://192.168.1.3", strings.ToLower(bridgeID)}},
		{"another one", []hue.Options{{Host: "192.168.1.9", ID: "001788fffe010209", StateDir: dir}}, []string{"http://192.168.1.9", strings.ToLower(bridgeID), other}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			all, err := hue.WithPaired(test.configured, hue.Options{StateDir: dir})
			if err != nil || len(all) != len(test.endpoints) {
				t.Fatal(all, err)
			}
			for i, o := range all {
				if c := newCollector(t, o); c.Endpoint() != test.endpoints[i] {
					t.Errorf("endpoint %q, want %q", c.Endpoint(), test.endpoints[i])
				}
			}
		})
	}
}

// A bridge that was paired while the program ran, because its key was gone, is
// read again without a restart.
func TestPairingIsUsedWithoutRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		h := newTestHomeV2(t, nil, func(o *hue.Options) { o.Username, o.StateDir = "", dir })
		furnish(h.bridge)
		_, err := h.collect(t)
		checkAuthentication(t, err, "no key")
		text := `{"bridges":[{"id":"` + h.bridge.ID() + `","host":"192.168.1.2","username":"` + key + `"}]}`
		if err := os.WriteFile(filepath.Join(dir, pairing.StateFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		deviceIn(t, h.mustCollect(t), hallID)
	})
}

// What was paired over https is never asked without it.
func TestPairedBridgeIsNeverAskedOverHTTP(t *testing.T) {
	bridge := huetest.NewBridge(bridgeID, key)
	server := httptest.NewServer(bridge)
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	dir := writeState(t, pairing.Pairing{ID: bridge.ID(), Host: host, Username: key})
	for _, o := range []hue.Options{{ID: bridge.ID(), StateDir: dir}, {Host: host, StateDir: dir}} {
		c := newCollector(t, o)
		_, err := collectOnce(t, c)
		if err == nil || bridge.Requests() != 0 || bridge.RequestsTo("/api/"+key) != 0 {
			t.Errorf("%v after %d requests", err, bridge.Requests())
		}
	}
}

// A bare address means https where there is some, and the key is not sent elsewhere.
func TestBareAddressMeansHTTPS(t *testing.T) {
	bridge := huetest.NewBridge(bridgeID, key)
	bridge.SetMotionSensor(hall)
	authority := huetest.NewAuthority()
	server := huetest.StartTLS(bridge, huetest.WithAuthority(authority))
	defer server.Close()
	c := newCollector(t, hue.Options{Host: server.Host(), Username: key, Setting: "hue.bridges[0]"})
	signify := x509.NewCertPool()
	signify.AddCert(authority.Certificate())
	c.SetRoots(x509.NewCertPool(), signify)
	snapshot, err := collectOnce(t, c)
	if err != nil {
		t.Fatal(err)
	}
	deviceIn(t, snapshot, hallID)
	if bridge.RequestsTo("/clip/v2/resource") != 1 || bridge.Requests() != 0 {
		t.Error("not asked over https")
	}
}

// Each kind of bridge is paired: the first one refuses a client key, a Bridge Pro
// needs it.
func TestPairEachModel(t *testing.T) {
	for _, model := range []string{"BSB001", "BSB002", "BSB003"} {
		t.Run(model, func(t *testing.T) {
			bridge := huetest.NewBridge(bridgeID, key)
			bridge.SetModel(model)
			bridge.SetMotionSensor(hall)
			var host string
			if model == "BSB001" { // which has no https
				server := httptest.NewServer(bridge)
				defer server.Close()
				host = strings.TrimPrefix(server.URL, "http://")
			} else {
				server := huetest.StartTLS(bridge, huetest.WithSelfSigned())
				defer server.Close()
				host = server.Host()
			}
			dir := t.TempDir()
			n, err := pairing.Identify(t.Context(), pairing.Options{Host: host, StateDir: dir})
			if err != nil {
				t.Fatal(err)
			}
			bridge.PressLinkButton()
			if err := n.Pair(t.Context(), "host", noWait); err != nil {
				t.Fatal(err)
			}
			c := newCollector(t, hue.Options{ID: n.ID, StateDir: dir})
			for range 2 {
				snapshot, err := collectOnce(t, c)
				if err != nil {
					t.Fatal(err)
				}
				deviceIn(t, snapshot, hallID)
			}
			if v1 := bridge.RequestsTo("/clip") == 0; v1 != (model == "BSB001") {
				t.Errorf("%d requests of v2", bridge.RequestsTo("/clip"))
			}
		})
	}
}

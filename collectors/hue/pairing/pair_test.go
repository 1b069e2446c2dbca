package pairing_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue/huetest"
	"hueair2mqtt/collectors/hue/pairing"
	"hueair2mqtt/test/harness"
)

const (
	bridgeID = "001788FFFE010203"
	key      = "83b7780291a6ceffbe0bd049104df"
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

// serve serves a handler in memory, without TLS, and returns how to connect to it.
func serve(t testing.TB, handler http.Handler) pairing.DialFunc {
	t.Helper()
	network := harness.NewNetwork()
	server := &http.Server{Handler: handler}
	served := make(chan error, 1)
	go func() { served <- server.Serve(network) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-served
	})
	return network.DialContext
}

func TestPairRefusesAStranger(t *testing.T) {
	tests := map[string][]huetest.ServerOption{
		"of an unknown authority": nil,
		"its own, for another id": {huetest.WithSelfSigned(), huetest.WithCommonName("001788fffe999999")},
		"its own, for no bridge":  {huetest.WithSelfSigned(), huetest.WithCommonName("router")},
	}
	for name, options := range tests {
		t.Run(name, func(t *testing.T) {
			bridge := huetest.NewBridge(bridgeID, key)
			server := huetest.StartTLS(bridge, options...)
			defer server.Close()
			if n, err := pairing.Identify(t.Context(), pairing.Options{Host: server.Host()}); collectors.KindOf(err) != "certificate" {
				t.Errorf("%+v, %v", n, err)
			}
		})
	}
}

// A bridge that had a certificate of Signify's never signs its own later.
func TestPairRefusesADowngrade(t *testing.T) {
	bridge := huetest.NewBridge(bridgeID, key)
	server := huetest.StartTLS(bridge, huetest.WithSelfSigned())
	defer server.Close()
	plain := httptest.NewServer(bridge)
	defer plain.Close()
	for _, host := range []string{server.Host(), plain.URL} {
		dir := writeState(t, pairing.Pairing{ID: bridge.ID(), Host: "192.168.1.2", Username: "old"})
		if _, err := pairing.Identify(t.Context(), pairing.Options{Host: host, StateDir: dir}); collectors.KindOf(err) != "certificate" || !strings.Contains(err.Error(), "hue.json") {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestPairWaitsForTheButton(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bridge := huetest.NewBridge(bridgeID, key)
		dir := t.TempDir()
		n, err := pairing.Identify(t.Context(), pairing.Options{Host: "http://192.168.1.2", StateDir: dir, Dial: serve(t, bridge)})
		if err != nil {
			t.Fatal(err)
		}
		start, calls := time.Now(), 0
		err = n.Pair(t.Context(), "host", func(left time.Duration) {
			if want := 30*time.Second - time.Since(start); left != want {
				t.Errorf("%s left, want %s", left, want)
			}
			if calls++; calls == 12 {
				bridge.PressLinkButton()
			}
		})
		if err != nil || time.Since(start) != 11*time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}

		time.Sleep(time.Minute)
		start = time.Now()
		if err = n.Pair(t.Context(), "host", noWait); err == nil || !strings.Contains(err.Error(), "was not pressed") || time.Since(start) != 30*time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err = n.Pair(ctx, "host", noWait); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestPairRefusesBadAnswers(t *testing.T) {
	tests := []struct {
		name   string
		answer http.HandlerFunc
		want   string
		took   time.Duration
	}{
		{"HTML", huetest.HTMLPage, "not a list", 0},
		{"no list", huetest.Body(`{}`), "not a list", 0},
		{"empty", huetest.Body(`[]`), "not a list", 0},
		{"an error", huetest.Body(`[{"error":{"type":7,"address":"/","description":"invalid value"}}]`), "invalid value", 0},
		{"a key that can be none", huetest.Body(`[{"success":{"username":"../x"}}]`), "can be none", 0},
		{"busy", huetest.Busy(0), "gave no key", 30 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bridge := huetest.NewBridge(bridgeID, key)
				dir := t.TempDir()
				n, err := pairing.Identify(t.Context(), pairing.Options{Host: "http://192.168.1.2", StateDir: dir, Dial: serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method == http.MethodPost {
						test.answer(w, r)
						return
					}
					bridge.ServeHTTP(w, r)
				}))})
				if err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				if err = n.Pair(t.Context(), "host", noWait); err == nil || !strings.Contains(err.Error(), test.want) || time.Since(start) != test.took {
					t.Errorf("%v after %s", err, time.Since(start))
				}
				if _, err := os.Stat(filepath.Join(dir, pairing.StateFile)); err == nil {
					t.Error("something was stored")
				}
			})
		})
	}
}

// Pairing again does not replace what is known of a bridge's identity.
func TestPairingAgainKeepsTheIdentity(t *testing.T) {
	bridge := huetest.NewBridge(bridgeID, key)
	first, second := huetest.StartTLS(bridge, huetest.WithSelfSigned()), huetest.StartTLS(bridge, huetest.WithSelfSigned())
	defer first.Close()
	defer second.Close()
	old := huetest.NewBridge(bridgeID, key)
	old.SetSoftware("1709131301")
	plain := httptest.NewServer(old)
	defer plain.Close()
	dir := t.TempDir()
	pair := func(host string) error {
		n, err := pairing.Identify(t.Context(), pairing.Options{Host: host, StateDir: dir, Timeout: 5 * time.Second})
		if err != nil {
			return err
		}
		bridge.PressLinkButton()
		old.PressLinkButton()
		return n.Pair(t.Context(), "host", noWait)
	}
	if err := pair(plain.URL); err != nil {
		t.Fatal(err)
	}
	if err := pair(first.Host()); err != nil { // https is better than none
		t.Fatal(err)
	}
	entry := readState(t, dir)[0]
	if err := pair(first.Host()); err != nil { // the same certificate
		t.Fatal(err)
	}
	renewed := readState(t, dir)[0]
	if renewed.Username == entry.Username || renewed.Fingerprint != entry.Fingerprint {
		t.Errorf("%+v after %+v", renewed, entry)
	}
	for _, host := range []string{second.Host(), plain.URL, strings.TrimPrefix(plain.URL, "http://")} {
		err := pair(host)
		if collectors.KindOf(err) != "certificate" || !strings.Contains(err.Error(), "hue forget "+bridge.ID()) {
			t.Errorf("%s: %v", host, err)
		}
		if all := readState(t, dir); len(all) != 1 || all[0] != renewed {
			t.Errorf("%s: stored %+v", host, all)
		}
	}
}

// Another process may pair the bridge between the meeting and the button.
func TestPairingTwiceAtOnceKeepsTheIdentity(t *testing.T) {
	bridge := huetest.NewBridge(bridgeID, key)
	first, second := huetest.StartTLS(bridge, huetest.WithSelfSigned()), huetest.StartTLS(bridge, huetest.WithSelfSigned())
	defer first.Close()
	defer second.Close()
	dir := t.TempDir()
	var met []*pairing.Candidate
	for _, host := range []string{first.Host(), second.Host()} {
		n, err := pairing.Identify(t.Context(), pairing.Options{Host: host, StateDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		met = append(met, n)
	}
	bridge.PressLinkButton()
	if err := met[0].Pair(t.Context(), "host", noWait); err != nil {
		t.Fatal(err)
	}
	if err := met[1].Pair(t.Context(), "host", noWait); collectors.KindOf(err) != "certificate" {
		t.Error(err)
	}
	if all := readState(t, dir); len(all) != 1 || all[0].Fingerprint != met[0].Fingerprint {
		t.Errorf("%+v", all)
	}
}

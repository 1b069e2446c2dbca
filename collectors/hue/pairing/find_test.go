package pairing_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/collectors/hue/huetest"
	"hueair2mqtt/collectors/hue/pairing"
)

// silent is a network without bridges.
func silent(context.Context, func(pairing.Found)) error { return nil }

func TestFindReturnsAllBridges(t *testing.T) {
	first, second := huetest.NewBridge(bridgeID, key), huetest.NewBridge("001788fffe010204", key)
	second.SetModel("BSB003")
	a, b := huetest.StartTLS(first), huetest.StartTLS(second, huetest.WithSelfSigned())
	defer a.Close()
	defer b.Close()
	service := httptest.NewServer(huetest.RateLimitedDiscoveryHandler(time.Hour, b.Discovered(), huetest.Discovered{ID: "nonsense", InternalIPAddress: "127.0.0.1"},
		huetest.Discovered{ID: "001788fffe010205", InternalIPAddress: "example.org"}))
	defer service.Close()
	finder := pairing.Finder{Service: service.URL, Browse: func(_ context.Context, found func(pairing.Found)) error {
		found(pairing.Found{ID: bridgeID, Host: a.Host(), Model: "BSB002"})
		found(pairing.Found{ID: bridgeID, Host: "192.168.1.99"})
		found(pairing.Found{ID: "", Host: "192.168.1.98"})
		found(pairing.Found{ID: bridgeID, Host: a.Host()})
		found(pairing.Found{ID: "001788fffe010206", Host: "no address"})
		return nil
	}}
	found, err := finder.Find(t.Context())
	want := []pairing.Found{
		{ID: strings.ToLower(bridgeID), Host: a.Host(), Model: "BSB002"}, {ID: strings.ToLower(bridgeID), Host: "192.168.1.99"},
		{ID: second.ID(), Host: b.Host()},
	}
	if err != nil || !slices.Equal(found, want) {
		t.Errorf("%+v, %v", found, err)
	}
	found[1].Host = b.Host() // where another bridge answers
	pairing.Describe(t.Context(), found)
	want[0].Software, want[1].Host, want[2].Software, want[2].Model = "1967054020", b.Host(), "1967054020", "BSB003"
	if !slices.Equal(found, want) {
		t.Errorf("%+v", found)
	}
	// The service turns away who asks too often: then mDNS alone.
	found, err = finder.Find(t.Context())
	if len(found) != 2 || err == nil || !strings.Contains(err.Error(), "vendor's service: the server answered 429") {
		t.Errorf("%+v, %v", found, err)
	}
}

// Only addresses of the local network are taken from an announcement, and none of
// this machine from a service elsewhere.
func TestFindIgnoresPublicAddresses(t *testing.T) {
	tests := map[string]bool{
		"192.168.1.2": true, "10.1.2.3:8443": true, "172.31.0.1": true, "169.254.3.4": true, "[fd00::1]": true, "[fe80::1]": true, "[fe80::1%25eth0]:8443": true,
		"[::ffff:192.168.1.2]": true, "127.0.0.1": true,
		"203.0.113.9": false, "172.32.0.1": false, "100.64.0.1": false, "0.0.0.0": false, "255.255.255.255": false, "224.0.0.251": false, "1.1.1.1:443": false,
		"[2001:db8::1]": false, "[::ffff:203.0.113.9]": false, "[64:ff9b::c000:209]": false, "[::]": false, "[ff02::1]": false,
		"bridge.example": false, "hue.local": false, "3232235778": false, "0300.0250.1.2": false, "192.168.1": false,
	}
	service := httptest.NewServer(huetest.DiscoveryHandler())
	defer service.Close()
	for host, good := range tests {
		found, err := pairing.Finder{Service: service.URL, Browse: func(_ context.Context, found func(pairing.Found)) error {
			found(pairing.Found{ID: bridgeID, Host: host})
			return nil
		}}.Find(t.Context())
		if err != nil || (len(found) == 1) != good {
			t.Errorf("%s: %+v, %v", host, found, err)
		}
	}
}

// One who announces a lot must not hide what others announce.
func TestFindIsLimitedAndFair(t *testing.T) {
	bridge := huetest.NewBridge(bridgeID, key)
	server := huetest.StartTLS(bridge)
	defer server.Close()
	service := httptest.NewServer(huetest.DiscoveryHandler(server.Discovered()))
	defer service.Close()
	found, err := pairing.Finder{Service: service.URL, Browse: func(_ context.Context, found func(pairing.Found)) error {
		for i := range 100_000 {
			found(pairing.Found{ID: fmt.Sprintf("%016x", i%1000), Host: fmt.Sprintf("10.0.%d.%d", i/250%250, i%250)})
		}
		return nil
	}}.Find(t.Context())
	if len(found) > 1000 || err != nil || !slices.ContainsFunc(found, func(f pairing.Found) bool { return f.ID == bridge.ID() }) {
		t.Errorf("%d found, %v", len(found), err)
	}
}

func TestFindReportsFailures(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"HTML": huetest.HTMLPage, "no list": huetest.Body(`{}`), "error": huetest.Status(500, nil, ""), "cut": huetest.Truncated,
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			service := httptest.NewServer(answer)
			defer service.Close()
			found, err := pairing.Finder{Service: service.URL, Browse: silent}.Find(t.Context())
			if len(found) != 0 || err == nil {
				t.Errorf("%+v, %v", found, err)
			}
		})
	}
	service := httptest.NewServer(huetest.DiscoveryHandler())
	defer service.Close()
	if found, err := (pairing.Finder{Service: service.URL, Browse: silent}).Find(t.Context()); len(found) != 0 || err != nil {
		t.Errorf("%+v, %v", found, err)
	}
	broken := func(context.Context, func(pairing.Found)) error { return errors.New("no network") }
	if _, err := (pairing.Finder{Service: service.URL, Browse: broken}).Find(t.Context()); err == nil || !strings.Contains(err.Error(), "by mDNS: no network") {
		t.Error(err)
	}
}

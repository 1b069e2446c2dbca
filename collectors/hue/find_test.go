package hue_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/huetest"
)

// silent is a network without bridges.
func silent(context.Context, func(hue.Found)) error { return nil }

func TestFind(t *testing.T) {
	first, second := huetest.NewBridge(bridgeID, key), huetest.NewBridge("001788fffe010204", key)
	second.SetModel("BSB003")
	a, b := huetest.StartTLS(first), huetest.StartTLS(second, huetest.WithSelfSigned())
	defer a.Close()
	defer b.Close()
	service := httptest.NewServer(huetest.RateLimitedDiscoveryHandler(time.Hour, b.Discovered(), huetest.Discovered{ID: "nonsense", InternalIPAddress: "127.0.0.1"},
		huetest.Discovered{ID: "001788fffe010205", InternalIPAddress: "example.org"}))
	defer service.Close()
	finder := hue.Finder{Service: service.URL, Browse: func(_ context.Context, found func(hue.Found)) error {
		found(hue.Found{ID: bridgeID, Host: a.Host(), Model: "BSB002"})
		found(hue.Found{ID: bridgeID, Host: "192.168.1.99"})
		found(hue.Found{ID: "", Host: "192.168.1.98"})
		found(hue.Found{ID: "001788fffe010206", Host: "no address"})
		return nil
	}}
	found, err := finder.Find(t.Context())
	want := []hue.Found{{ID: strings.ToLower(bridgeID), Host: a.Host(), Model: "BSB002"}, {ID: second.ID(), Host: b.Host()}}
	if err != nil || !slices.Equal(found, want) {
		t.Errorf("%+v, %v", found, err)
	}
	hue.Describe(t.Context(), found)
	want[0].Software, want[1].Software, want[1].Model = "1967054020", "1967054020", "BSB003"
	if !slices.Equal(found, want) {
		t.Errorf("%+v", found)
	}
	// The service turns away who asks too often: then mDNS alone.
	found, err = finder.Find(t.Context())
	if len(found) != 1 || err == nil || !strings.Contains(err.Error(), "vendor's service: the server answered 429") {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestFindNothing(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"HTML": huetest.HTMLPage, "no list": huetest.Body(`{}`), "error": huetest.Status(500, nil, ""), "cut": huetest.Truncated,
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			service := httptest.NewServer(answer)
			defer service.Close()
			found, err := hue.Finder{Service: service.URL, Browse: silent}.Find(t.Context())
			if len(found) != 0 || err == nil {
				t.Errorf("%+v, %v", found, err)
			}
		})
	}
	service := httptest.NewServer(huetest.DiscoveryHandler())
	defer service.Close()
	if found, err := (hue.Finder{Service: service.URL, Browse: silent}).Find(t.Context()); len(found) != 0 || err != nil {
		t.Errorf("%+v, %v", found, err)
	}
	broken := func(context.Context, func(hue.Found)) error { return errors.New("no network") }
	if _, err := (hue.Finder{Service: service.URL, Browse: broken}).Find(t.Context()); err == nil || !strings.Contains(err.Error(), "by mDNS: no network") {
		t.Error(err)
	}
}

package web_test

import (
	"context"
	"html"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/configs"
	"hueair2mqtt/internal/web"
)

var signInAddress = regexp.MustCompile(`href="(https://www\.amazon\.com/ap/signin[^"]+)"`)

// The sign-in is stored although Amazon throttles, and the bridge is asked to poll later.
func TestSignInWhileAmazonThrottles(t *testing.T) {
	account := amazontest.NewAccount()
	server := httptest.NewServer(account)
	defer server.Close()
	var ready atomic.Int32
	s := newSite(t, func(o *web.Options) {
		o.Config.Amazon.Domain = "amazon.co.uk"
		o.Config.Amazon.Endpoints = configs.AmazonEndpoints{Alexa: server.URL, Auth: server.URL}
		o.Ready = func(context.Context, string) error { ready.Add(1); return nil }
	})
	v := s.visitor()
	page := func() string { return v.do("GET", "/amazon", nil).body }
	v.send("/amazon/begin", url.Values{"domain": {"amazon.co.uk"}})
	found := signInAddress.FindStringSubmatch(page())
	if found == nil {
		t.Fatalf("no address in\n%s", page())
	}
	paste := func() {
		landing, err := account.Consent(html.UnescapeString(found[1]))
		if err != nil {
			t.Fatal(err)
		}
		v.send("/amazon/paste", url.Values{"address": {landing}})
	}

	account.ScriptPath(amazontest.RegisterPath, amazontest.Status(429, nil, ""))
	paste()
	eventually(t, "what to do about a throttled registration", func() bool { return strings.Contains(page(), "Wait a quarter of an hour") })

	account.ScriptPath(amazontest.RegisterPath, nil)
	account.Throttle(amazontest.ThrottledByCode)
	paste()
	eventually(t, "that the sign-in is kept", func() bool {
		body := page()
		return strings.Contains(body, "signed in, but reading the monitors failed") && strings.Contains(body, "other Alexa integrations")
	})
	if n := ready.Load(); n != 1 {
		t.Errorf("the bridge was notified of the sign-in %d times, want once", n)
	}
}

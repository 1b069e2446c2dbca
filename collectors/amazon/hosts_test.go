package amazon_test

import (
	"testing"

	"hueair2mqtt/collectors/amazon/amazontest"
)

// amazontest answers each of Amazon's hosts with what belongs to it, and nothing else.
func TestEachRequestGoesToItsHost(t *testing.T) {
	for _, test := range []struct{ home, region string }{
		{"amazon.com", "NA"}, {"amazon.co.uk", "EU"}, {"amazon.de", "EU"}, {"amazon.co.jp", "FE"}, {"amazon.com.au", "FE"},
	} {
		t.Run(test.home, func(t *testing.T) {
			inSignInHome(t, func(h *signInHome) {
				h.account.SetHome(test.home, test.region)
				h.options.Endpoint, h.options.AuthEndpoint = "", ""
				h.restarted()

				s := h.begin(test.home)
				defer s.Close()
				if err := h.finish(s, h.browse(s)); err != nil {
					t.Errorf("signing in: %v", err)
				}
				for _, tokens := range []int{200, 404} {
					if tokens == 404 {
						h.account.ScriptPath(amazontest.TokenPath, amazontest.Status(404, nil, ""))
					}
					h.account.KillCookies()
					if n := len(h.cleanPoll()); n != 2 {
						t.Errorf("%d monitors, want 2", n)
					}
				}
				if n := h.account.Requests(amazontest.ExchangePath); n != 1 {
					t.Errorf("%d requests to the retail host, want 1", n)
				}
			})
		})
	}
}

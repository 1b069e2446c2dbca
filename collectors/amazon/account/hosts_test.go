package account_test

import (
	"testing"

	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/test/harness/alexa"
)

// amazontest answers each of Amazon's hosts with what belongs to it, and nothing else.
func TestEachRequestGoesToItsHost(t *testing.T) {
	for _, test := range []struct{ home, region string }{
		{"amazon.com", "NA"}, {"amazon.co.uk", "EU"}, {"amazon.de", "EU"}, {"amazon.co.jp", "FE"}, {"amazon.com.au", "FE"},
	} {
		t.Run(test.home, func(t *testing.T) {
			alexa.RunSignIn(t, func(h *alexa.SignInHome) {
				h.Account.SetHome(test.home, test.region)
				h.Options.Endpoint, h.Options.AuthEndpoint = "", ""
				h.Restart()

				s := h.Begin(test.home)
				defer s.Close()
				if err := h.Finish(s, h.Browse(s)); err != nil {
					t.Errorf("signing in: %v", err)
				}
				for _, tokens := range []int{200, 404} {
					if tokens == 404 {
						h.Account.ScriptPath(amazontest.TokenPath, amazontest.Status(404, nil, ""))
					}
					h.Account.KillCookies()
					if n := len(h.CleanPoll()); n != 2 {
						t.Errorf("%d monitors, want 2", n)
					}
				}
				if n := h.Account.Requests(amazontest.ExchangePath); n != 1 {
					t.Errorf("%d requests to the retail host, want 1", n)
				}
			})
		})
	}
}

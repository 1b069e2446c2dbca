package account_test

import (
	"net/http"
	"testing"
	"time"

	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/test/harness/alexa"
)

// The first poll after a sign-in begins with the question for the account's home.
func TestThrottledBeforeTheHomeIsKnown(t *testing.T) {
	for form, throttling := range alexa.Throttlings {
		t.Run(form, func(t *testing.T) {
			alexa.RunSignIn(t, func(h *alexa.SignInHome) {
				h.SignIn("amazon.co.uk")
				h.Account.Throttle(throttling)
				n := h.Counting("", func() {
					_, err := h.Collect()
					alexa.WantThrottled(t, err)
				})
				if n != 1 {
					t.Errorf("%d requests, want 1", n)
				}
				h.Account.Throttle(amazontest.NotThrottled)
				time.Sleep(amazontest.Patience)
				h.CleanPoll()
			})
		})
	}
}

// The token host and the retail host are Amazon too: once throttled, they are not asked
// again within the poll.
func TestThrottledRenewal(t *testing.T) {
	json := http.Header{"Content-Type": {"application/json"}}
	for name, answer := range map[string]http.HandlerFunc{
		"429":          amazontest.Status(429, nil, ""),
		"a code":       amazontest.Status(400, json, `{"response":{"error":{"code":"ThrottlingException","message":"Rate exceeded"}}}`),
		"with 403":     amazontest.Status(403, json, `{"error":{"code":"TooManyRequests","message":"x"}}`),
		"a message":    amazontest.Status(400, json, `{"message":"Too many requests. Try again in some time."}`),
		"with 200":     alexa.JSON(`{"message":"Rate exceeded"}`),
		"plain, 503":   amazontest.Status(503, nil, "Rate exceeded"),
		"another path": nil,
	} {
		t.Run(name, func(t *testing.T) {
			alexa.RunSignIn(t, func(h *alexa.SignInHome) {
				h.SignIn("amazon.co.uk")
				h.CleanPoll()
				h.Account.KillCookies()
				want := 2 // the refused request and the renewal
				if answer != nil {
					h.Account.ScriptPath(amazontest.TokenPath, answer)
				} else {
					h.Account.ScriptPath(amazontest.TokenPath, amazontest.Status(404, nil, ""))
					h.Account.ScriptPath(amazontest.ExchangePath, amazontest.Status(429, nil, ""))
					want = 3
				}
				if n := h.Counting("", func() {
					_, err := h.Collect()
					alexa.WantThrottled(t, err)
				}); n != want {
					t.Errorf("%d requests, want %d", n, want)
				}
				h.Account.ScriptPath(amazontest.TokenPath, nil)
				h.Account.ScriptPath(amazontest.ExchangePath, nil)
				h.CleanPoll()
			})
		})
	}
}

// While the cookies live, a throttled renewal costs no reading and is tried hourly.
func TestThrottledEarlyRenewal(t *testing.T) {
	alexa.RunSignIn(t, func(h *alexa.SignInHome) {
		h.Account.SetCookieLife(24*time.Hour, true)
		h.SignIn("amazon.co.uk")
		h.CleanPoll()
		time.Sleep(18*time.Hour + time.Minute)
		h.Account.ScriptPath(amazontest.TokenPath, amazontest.Status(429, nil, ""))
		if n := h.Counting(amazontest.TokenPath, func() {
			for range 5 * 12 {
				h.CleanPoll()
				time.Sleep(alexa.Interval)
			}
		}); n != 5 {
			t.Errorf("%d renewals in five hours, want 5", n)
		}
		time.Sleep(time.Hour)
		for range 2 { // the cookies are over
			if n := h.Counting("", func() {
				_, err := h.Collect()
				alexa.WantThrottled(t, err)
			}); n != 1 {
				t.Errorf("%d requests, want the renewal alone", n)
			}
		}
		h.Account.ScriptPath(amazontest.TokenPath, nil)
		h.CleanPoll()
	})
}

// A throttled registration is not repeated; the same code can be tried later.
func TestThrottledRegistration(t *testing.T) {
	alexa.RunSignIn(t, func(h *alexa.SignInHome) {
		s := h.Begin("amazon.co.uk")
		defer s.Close()
		landing := h.Browse(s)
		h.Account.ScriptPath(amazontest.RegisterPath, amazontest.Status(429, nil, ""))
		if n := h.Counting("", func() { alexa.WantThrottled(t, h.Finish(s, landing)) }); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
		h.Account.ScriptPath(amazontest.RegisterPath, nil)
		if err := h.Finish(s, landing); err != nil {
			t.Errorf("the same address later: %v", err)
		}
	})
}

package amazon_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/amazontest"
)

var throttlings = map[string]amazontest.Throttling{
	"by code": amazontest.ThrottledByCode, "by status": amazontest.ThrottledByStatus, "by bad request": amazontest.ThrottledByBadRequest,
}

func wantThrottled(t *testing.T, err error) {
	t.Helper()
	wantClass(t, err, collectors.Transient)
	if kind := collectors.KindOf(err); kind != "throttled" || collectors.AsThrottled(err) == nil {
		t.Errorf("error %v of kind %q, want throttling", err, kind)
	}
}

// Whatever a poll begins with, the throttled answer is its last request.
func TestThrottledPollEndsAtOnce(t *testing.T) {
	begins := map[string]func(h *testHome){
		"with a listing": func(*testHome) {},
		"with readings":  func(h *testHome) { h.cleanPoll() },
		"with a later listing": func(h *testHome) {
			h.cleanPoll()
			time.Sleep(time.Hour)
		},
	}
	for form, throttling := range throttlings {
		for begin, prepare := range begins {
			t.Run(form+" "+begin, func(t *testing.T) {
				inHome(t, func(h *testHome) {
					prepare(h)
					h.account.Throttle(throttling)
					start := time.Now()
					n := h.counting("", func() {
						_, err := h.collect()
						wantThrottled(t, err)
						if advice := h.collector.Advise(err); !strings.Contains(advice, "other Alexa integrations") {
							t.Errorf("advice %q", advice)
						}
					})
					if took := time.Since(start); n != 1 || took != 0 {
						t.Errorf("%d requests in %s, want 1 at once", n, took)
					}
					if _, impatient := h.account.Throttled(); len(impatient) > 0 {
						t.Errorf("asked again: %q", impatient)
					}
					h.account.Throttle(amazontest.NotThrottled)
					time.Sleep(amazontest.Patience)
					h.cleanPoll()
				})
			})
		}
	}
}

// Throttling of the older ways ends the poll like that of GraphQL.
func TestThrottledFallback(t *testing.T) {
	const message = `{"message":"Too many requests. Try again in some time."}`
	answers := map[string]http.HandlerFunc{
		"a message":       graphQL(message),
		"status 400":      amazontest.Status(400, nil, message),
		"status 503":      amazontest.Status(503, nil, `{"message":"Rate exceeded"}`),
		"an error type":   amazontest.Status(400, http.Header{"X-Amzn-Errortype": {"ThrottlingException:http://internal.amazon.com/coral/"}}, ""),
		"a coral type":    amazontest.Status(400, nil, `{"__type":"ThrottlingException","message":null}`),
		"plain text":      amazontest.Status(400, http.Header{"Content-Type": {"text/plain"}}, "Rate exceeded"),
		"plain, with 200": amazontest.Status(200, http.Header{"Content-Type": {"text/plain"}}, "Too many requests. Try again in some time.\n"),
		"in quotes":       amazontest.Status(400, nil, `"Too many requests"`),
		"in XML":          amazontest.Status(400, nil, `<ThrottlingException><Message>Rate exceeded</Message></ThrottlingException>`),
		"a phoenix code":  graphQL(`{"deviceStates":[],"errors":[{"entity":{"entityId":"x","entityType":""},"code":"ThrottlingException","message":null}]}`),
	}
	for name, answer := range answers {
		t.Run("phoenix: "+name, func(t *testing.T) {
			inHome(t, func(h *testHome) {
				h.cleanPoll()
				h.account.Script(refused, answer)
				n := h.counting("", func() {
					_, err := h.collect()
					wantThrottled(t, err)
				})
				if n != 2 {
					t.Errorf("%d requests, want 2", n)
				}
			})
		})
		if name == "a phoenix code" {
			continue
		}
		t.Run("entities: "+name, func(t *testing.T) {
			inHome(t, func(h *testHome) {
				h.account.Script(refused, answer)
				n := h.counting("", func() {
					_, err := h.collect()
					wantThrottled(t, err)
				})
				if n != 2 {
					t.Errorf("%d requests, want 2", n)
				}
			})
		})
	}
}

// The code tells what an error of GraphQL is, in whatever language its text is.
func TestErrorCodesOfGraphQL(t *testing.T) {
	answer := func(code, message string) http.HandlerFunc {
		return graphQL(`[{"errors":[{"message":"` + message + `","path":["listEndpoints"],"extensions":{"errorCode":"` + code +
			`","isRetryable":false,"classification":"DataFetchingException"}}],"data":null}]`)
	}
	for name, test := range map[string]struct {
		code, message string
		kind          string
	}{
		"throttled in German":         {"UNOFFICIAL_CLIENT_TOO_MANY_REQUESTS", "Zu viele Anfragen", "throttled"},
		"refused in French":           {"FORBIDDEN", "Accès interdit", "authentication"},
		"not signed in":               {"UNAUTHORIZED", "no", "authentication"},
		"a text that means no code":   {"INTERNAL_ERROR", "Too many requests", ""},
		"a text that sounds refusing": {"INTERNAL_ERROR", "forbidden", ""},
	} {
		t.Run(name, func(t *testing.T) {
			inHome(t, func(h *testHome) {
				h.cleanPoll()
				h.account.Script(answer(test.code, test.message))
				snapshot, err := h.collect()
				switch {
				case test.kind == "" && err == nil:
					wantFault(t, snapshot, "as GraphQL failed", test.code)
				case test.kind == "" || err == nil || collectors.KindOf(err) != test.kind:
					t.Errorf("error %v, want kind %q", err, test.kind)
				}
			})
		})
	}
}

// Whatever the status of an answer is, its code counts.
func TestErrorCodeBesideAStatus(t *testing.T) {
	const body = `{"errors":[{"message":"no","extensions":{"errorCode":"UNOFFICIAL_CLIENT_TOO_MANY_REQUESTS"}}],"data":null}`
	for _, status := range []int{400, 403, 500, 503} {
		for _, text := range []string{body, "[" + body + "]"} {
			inHome(t, func(h *testHome) {
				h.cleanPoll()
				h.account.Script(amazontest.Status(status, nil, text))
				n := h.counting("", func() {
					_, err := h.collect()
					wantThrottled(t, err)
				})
				if n != 1 {
					t.Errorf("status %d: %d requests, want 1", status, n)
				}
			})
		}
	}
}

// A server that says when may be asked again then.
func TestThrottledForSomeSeconds(t *testing.T) {
	inHome(t, func(h *testHome) {
		h.cleanPoll()
		again := amazontest.Status(429, http.Header{"Retry-After": {"5"}}, "")
		h.account.Script(again, again, again)
		n := h.counting("", func() {
			_, err := h.collect()
			wantThrottled(t, err)
		})
		if n != 3 {
			t.Errorf("%d requests, want 3", n)
		}
	})
}

// The first poll after a sign-in begins with the question for the account's home.
func TestThrottledBeforeTheHomeIsKnown(t *testing.T) {
	for form, throttling := range throttlings {
		t.Run(form, func(t *testing.T) {
			inSignInHome(t, func(h *signInHome) {
				h.signIn("amazon.co.uk")
				h.account.Throttle(throttling)
				n := h.counting("", func() {
					_, err := h.collect()
					wantThrottled(t, err)
				})
				if n != 1 {
					t.Errorf("%d requests, want 1", n)
				}
				h.account.Throttle(amazontest.NotThrottled)
				time.Sleep(amazontest.Patience)
				h.cleanPoll()
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
		"with 200":     graphQL(`{"message":"Rate exceeded"}`),
		"plain, 503":   amazontest.Status(503, nil, "Rate exceeded"),
		"another path": nil,
	} {
		t.Run(name, func(t *testing.T) {
			inSignInHome(t, func(h *signInHome) {
				h.signIn("amazon.co.uk")
				h.cleanPoll()
				h.account.KillCookies()
				want := 2 // the refused request and the renewal
				if answer != nil {
					h.account.ScriptPath(amazontest.TokenPath, answer)
				} else {
					h.account.ScriptPath(amazontest.TokenPath, amazontest.Status(404, nil, ""))
					h.account.ScriptPath(amazontest.ExchangePath, amazontest.Status(429, nil, ""))
					want = 3
				}
				if n := h.counting("", func() {
					_, err := h.collect()
					wantThrottled(t, err)
				}); n != want {
					t.Errorf("%d requests, want %d", n, want)
				}
				h.account.ScriptPath(amazontest.TokenPath, nil)
				h.account.ScriptPath(amazontest.ExchangePath, nil)
				h.cleanPoll()
			})
		})
	}
}

// While the cookies live, a throttled renewal costs no reading and is tried hourly.
func TestThrottledEarlyRenewal(t *testing.T) {
	inSignInHome(t, func(h *signInHome) {
		h.account.SetCookieLife(24*time.Hour, true)
		h.signIn("amazon.co.uk")
		h.cleanPoll()
		time.Sleep(18*time.Hour + time.Minute)
		h.account.ScriptPath(amazontest.TokenPath, amazontest.Status(429, nil, ""))
		if n := h.counting(amazontest.TokenPath, func() {
			for range 5 * 12 {
				h.cleanPoll()
				time.Sleep(interval)
			}
		}); n != 5 {
			t.Errorf("%d renewals in five hours, want 5", n)
		}
		time.Sleep(time.Hour)
		for range 2 { // the cookies are over
			if n := h.counting("", func() {
				_, err := h.collect()
				wantThrottled(t, err)
			}); n != 1 {
				t.Errorf("%d requests, want the renewal alone", n)
			}
		}
		h.account.ScriptPath(amazontest.TokenPath, nil)
		h.cleanPoll()
	})
}

// A throttled registration is not repeated; the same code can be tried later.
func TestThrottledRegistration(t *testing.T) {
	inSignInHome(t, func(h *signInHome) {
		s := h.begin("amazon.co.uk")
		defer s.Close()
		landing := h.browse(s)
		h.account.ScriptPath(amazontest.RegisterPath, amazontest.Status(429, nil, ""))
		if n := h.counting("", func() { wantThrottled(t, h.finish(s, landing)) }); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
		h.account.ScriptPath(amazontest.RegisterPath, nil)
		if err := h.finish(s, landing); err != nil {
			t.Errorf("the same address later: %v", err)
		}
	})
}

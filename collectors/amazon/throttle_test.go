package amazon_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/test/harness/alexa"
)

// Whatever a poll begins with, the throttled answer is its last request.
func TestThrottledPollEndsAtOnce(t *testing.T) {
	begins := map[string]func(h *alexa.Home){
		"with a listing": func(*alexa.Home) {},
		"with readings":  func(h *alexa.Home) { h.CleanPoll() },
		"with a later listing": func(h *alexa.Home) {
			h.CleanPoll()
			time.Sleep(time.Hour)
		},
	}
	for form, throttling := range alexa.Throttlings {
		for begin, prepare := range begins {
			t.Run(form+" "+begin, func(t *testing.T) {
				alexa.Run(t, func(h *alexa.Home) {
					prepare(h)
					h.Account.Throttle(throttling)
					start := time.Now()
					n := h.Counting("", func() {
						_, err := h.Collect()
						alexa.WantThrottled(t, err)
						if advice := h.Collector.Advise(err); !strings.Contains(advice, "other Alexa integrations") {
							t.Errorf("advice %q", advice)
						}
					})
					if took := time.Since(start); n != 1 || took != 0 {
						t.Errorf("%d requests in %s, want 1 at once", n, took)
					}
					if _, impatient := h.Account.Throttled(); len(impatient) > 0 {
						t.Errorf("asked again: %q", impatient)
					}
					h.Account.Throttle(amazontest.NotThrottled)
					time.Sleep(amazontest.Patience)
					h.CleanPoll()
				})
			})
		}
	}
}

// Throttling of the older ways ends the poll like that of GraphQL.
func TestThrottledFallback(t *testing.T) {
	const message = `{"message":"Too many requests. Try again in some time."}`
	answers := map[string]http.HandlerFunc{
		"a message":       alexa.JSON(message),
		"status 400":      amazontest.Status(400, nil, message),
		"status 503":      amazontest.Status(503, nil, `{"message":"Rate exceeded"}`),
		"an error type":   amazontest.Status(400, http.Header{"X-Amzn-Errortype": {"ThrottlingException:http://internal.amazon.com/coral/"}}, ""),
		"a coral type":    amazontest.Status(400, nil, `{"__type":"ThrottlingException","message":null}`),
		"plain text":      amazontest.Status(400, http.Header{"Content-Type": {"text/plain"}}, "Rate exceeded"),
		"plain, with 200": amazontest.Status(200, http.Header{"Content-Type": {"text/plain"}}, "Too many requests. Try again in some time.\n"),
		"in quotes":       amazontest.Status(400, nil, `"Too many requests"`),
		"in XML":          amazontest.Status(400, nil, `<ThrottlingException><Message>Rate exceeded</Message></ThrottlingException>`),
		"a phoenix code":  alexa.JSON(`{"deviceStates":[],"errors":[{"entity":{"entityId":"x","entityType":""},"code":"ThrottlingException","message":null}]}`),
	}
	for name, answer := range answers {
		t.Run("phoenix: "+name, func(t *testing.T) {
			alexa.Run(t, func(h *alexa.Home) {
				h.CleanPoll()
				h.Account.Script(refused, answer)
				n := h.Counting("", func() {
					_, err := h.Collect()
					alexa.WantThrottled(t, err)
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
			alexa.Run(t, func(h *alexa.Home) {
				h.Account.Script(refused, answer)
				n := h.Counting("", func() {
					_, err := h.Collect()
					alexa.WantThrottled(t, err)
				})
				if n != 2 {
					t.Errorf("%d requests, want 2", n)
				}
			})
		})
	}
}

// The code identifies an error of GraphQL, whatever the language of its text.
func TestErrorCodesOfGraphQL(t *testing.T) {
	answer := func(code, message string) http.HandlerFunc {
		return alexa.JSON(`[{"errors":[{"message":"` + message + `","path":["listEndpoints"],"extensions":{"errorCode":"` + code +
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
			alexa.Run(t, func(h *alexa.Home) {
				h.CleanPoll()
				h.Account.Script(answer(test.code, test.message))
				snapshot, err := h.Collect()
				switch {
				case test.kind == "" && err == nil:
					alexa.WantFault(t, snapshot, "as GraphQL failed", test.code)
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
			alexa.Run(t, func(h *alexa.Home) {
				h.CleanPoll()
				h.Account.Script(amazontest.Status(status, nil, text))
				n := h.Counting("", func() {
					_, err := h.Collect()
					alexa.WantThrottled(t, err)
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
	alexa.Run(t, func(h *alexa.Home) {
		h.CleanPoll()
		again := amazontest.Status(429, http.Header{"Retry-After": {"5"}}, "")
		h.Account.Script(again, again, again)
		n := h.Counting("", func() {
			_, err := h.Collect()
			alexa.WantThrottled(t, err)
		})
		if n != 3 {
			t.Errorf("%d requests, want 3", n)
		}
	})
}

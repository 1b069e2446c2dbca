package amazon_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/amazontest"
)

// welcomes answers as the Alexa hosts named by the suffix of their cookies do. Any other
// host answers 401.
func welcomes(bySuffix map[string]http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for suffix, answer := range bySuffix {
			if _, err := r.Cookie("at-" + suffix); err == nil {
				answer(w, r)
				return
			}
		}
		amazontest.Status(http.StatusUnauthorized, nil, "")(w, r)
	}
}

func names(host string) http.HandlerFunc { return graphQL(`{"alexaHostName":"` + host + `"}`) }

func (h *signInHome) wantHome(domain string) {
	h.t.Helper()
	if got := between(h.t, h.read(), `"domain": "`, `"`); got != domain || !strings.Contains(h.read(), `"at_home": true`) {
		h.t.Errorf("amazon.json is for %s, want the home %s", got, domain)
	}
}

// alexa.amazon.co.jp accepts Australian accounts and reports their devices as offline
// (Home Assistant core issue 178504), so Australia is asked before Japan.
func TestAustraliaIsAskedBeforeJapan(t *testing.T) {
	for _, hint := range []string{"amazon.com", "amazon.co.uk"} {
		t.Run(hint, func(t *testing.T) {
			inSignInHome(t, func(h *signInHome) {
				h.account.SetHome("amazon.com.au", "FE")
				h.account.ScriptPath(amazontest.WelcomePath, welcomes(map[string]http.HandlerFunc{
					"acbjp": names("alexa.amazon.co.jp"), "acbau": names("alexa.amazon.com.au"),
				}))
				h.signIn(hint)
				h.cleanPoll()
				h.wantHome("amazon.com.au")
			})
		})
	}
}

// The region of a registration is not always right.
func TestHomeDespiteAWrongRegion(t *testing.T) {
	for _, home := range []string{"amazon.com.au", "amazon.co.jp"} {
		for _, region := range []string{"NA", "EU", ""} {
			t.Run(home+" "+region, func(t *testing.T) {
				inSignInHome(t, func(h *signInHome) {
					h.account.SetHome("amazon.co.uk", "EU") // of the browser: Japan's sign-in page wants Japanese
					s := h.begin("amazon.co.uk")
					defer s.Close()
					landing := h.browse(s)
					h.account.SetHome(home, region)
					if err := h.finish(s, landing); err != nil {
						t.Fatal(err)
					}
					suffix := "acb" + home[strings.LastIndexByte(home, '.')+1:]
					h.account.ScriptPath(amazontest.WelcomePath, welcomes(map[string]http.HandlerFunc{suffix: names("alexa." + home)}))
					h.cleanPoll()
					h.wantHome(home)
				})
			})
		}
	}
}

// A user who corrects amazon.domain after the sign-in need not sign in again.
func TestConfiguredDomainIsAHintToo(t *testing.T) {
	inSignInHome(t, func(h *signInHome) {
		h.account.SetHome("amazon.sg", "FE")
		h.signIn("amazon.co.uk")
		h.options.Domain = "amazon.sg"
		h.restarted()
		h.cleanPoll()
		h.wantHome("amazon.sg")
	})
}

// Where no welcome names a home, the marketplace that refused the account is not taken.
func TestRefusingMarketplaceIsNotTheHome(t *testing.T) {
	inSignInHome(t, func(h *signInHome) {
		h.account.SetHome("amazon.com.au", "FE")
		h.account.ScriptPath(amazontest.WelcomePath, welcomes(map[string]http.HandlerFunc{"acbau": graphQL(`{"alexaHostName":null}`)}))
		h.signIn("amazon.co.uk")
		wantFault(t, h.poll(), "taken to be amazon.com.au")
	})
}

// As long as the home is unknown, a refusal of new cookies is no reason for an alert.
func TestRefusalWithoutAHomeRaisesNoAlert(t *testing.T) {
	for _, refused := range refusedByAlexa {
		t.Run(refused.name, func(t *testing.T) {
			inSignInHome(t, func(h *signInHome) {
				h.account.ScriptPath(amazontest.WelcomePath, amazontest.Status(404, nil, ""))
				h.account.ScriptPath(amazontest.GraphQLPath, refused.answer)
				h.signIn("amazon.co.uk")
				_, err := h.collect()
				wantClass(t, err, collectors.Permanent)
				if _, remedy := collectors.RemedyOf(err); !strings.Contains(remedy, "amazon login --domain") || collectors.KindOf(err) != "marketplace" {
					t.Errorf("kind %q, remedy %q of %v", collectors.KindOf(err), remedy, err)
				}
				time.Sleep(interval)
				if n := h.counting("", func() { _, err = h.collect() }); n != 0 || collectors.ClassOf(err) != collectors.Permanent {
					t.Errorf("%d requests in the next poll, which ends with %v", n, err)
				}
			})
		})
	}
}

package account_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/test/harness/alexa"
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

func names(host string) http.HandlerFunc { return alexa.JSON(`{"alexaHostName":"` + host + `"}`) }

func wantHome(h *alexa.SignInHome, domain string) {
	h.T.Helper()
	if got := alexa.Between(h.T, h.Read(), `"domain": "`, `"`); got != domain || !strings.Contains(h.Read(), `"at_home": true`) {
		h.T.Errorf("amazon.json is for %s, want the home %s", got, domain)
	}
}

// alexa.amazon.co.jp accepts Australian accounts and reports their devices as offline
// (Home Assistant core issue 178504), so Australia is asked before Japan.
func TestAustraliaIsAskedBeforeJapan(t *testing.T) {
	for _, hint := range []string{"amazon.com", "amazon.co.uk"} {
		t.Run(hint, func(t *testing.T) {
			alexa.RunSignIn(t, func(h *alexa.SignInHome) {
				h.Account.SetHome("amazon.com.au", "FE")
				h.Account.ScriptPath(amazontest.WelcomePath, welcomes(map[string]http.HandlerFunc{
					"acbjp": names("alexa.amazon.co.jp"), "acbau": names("alexa.amazon.com.au"),
				}))
				h.SignIn(hint)
				h.CleanPoll()
				wantHome(h, "amazon.com.au")
			})
		})
	}
}

// The region of a registration is not always right.
func TestHomeDespiteAWrongRegion(t *testing.T) {
	for _, home := range []string{"amazon.com.au", "amazon.co.jp"} {
		for _, region := range []string{"NA", "EU", ""} {
			t.Run(home+" "+region, func(t *testing.T) {
				alexa.RunSignIn(t, func(h *alexa.SignInHome) {
					h.Account.SetHome("amazon.co.uk", "EU") // of the browser: Japan's sign-in page wants Japanese
					s := h.Begin("amazon.co.uk")
					defer s.Close()
					landing := h.Browse(s)
					h.Account.SetHome(home, region)
					if err := h.Finish(s, landing); err != nil {
						t.Fatal(err)
					}
					suffix := "acb" + home[strings.LastIndexByte(home, '.')+1:]
					h.Account.ScriptPath(amazontest.WelcomePath, welcomes(map[string]http.HandlerFunc{suffix: names("alexa." + home)}))
					h.CleanPoll()
					wantHome(h, home)
				})
			})
		}
	}
}

// A user who corrects amazon.domain after the sign-in need not sign in again.
func TestConfiguredDomainIsAHintToo(t *testing.T) {
	alexa.RunSignIn(t, func(h *alexa.SignInHome) {
		h.Account.SetHome("amazon.sg", "FE")
		h.SignIn("amazon.co.uk")
		h.Options.Domain = "amazon.sg"
		h.Restart()
		h.CleanPoll()
		wantHome(h, "amazon.sg")
	})
}

// Where no welcome names a home, the marketplace that refused the account is not taken.
func TestRefusingMarketplaceIsNotTheHome(t *testing.T) {
	alexa.RunSignIn(t, func(h *alexa.SignInHome) {
		h.Account.SetHome("amazon.com.au", "FE")
		h.Account.ScriptPath(amazontest.WelcomePath, welcomes(map[string]http.HandlerFunc{"acbau": alexa.JSON(`{"alexaHostName":null}`)}))
		h.SignIn("amazon.co.uk")
		alexa.WantFault(t, h.Poll(), "so amazon.com.au is assumed")
	})
}

// As long as the home is unknown, a refusal of new cookies is no reason for an alert.
func TestRefusalWithoutAHomeRaisesNoAlert(t *testing.T) {
	for _, refused := range alexa.Refusals {
		t.Run(refused.Name, func(t *testing.T) {
			alexa.RunSignIn(t, func(h *alexa.SignInHome) {
				h.Account.ScriptPath(amazontest.WelcomePath, amazontest.Status(404, nil, ""))
				h.Account.ScriptPath(amazontest.GraphQLPath, refused.Answer)
				h.SignIn("amazon.co.uk")
				_, err := h.Collect()
				alexa.WantClass(t, err, collectors.Permanent)
				if _, remedy := collectors.RemedyOf(err); !strings.Contains(remedy, "amazon login --domain") || collectors.KindOf(err) != "marketplace" {
					t.Errorf("kind %q, remedy %q of %v", collectors.KindOf(err), remedy, err)
				}
				time.Sleep(alexa.Interval)
				if n := h.Counting("", func() { _, err = h.Collect() }); n != 0 || collectors.ClassOf(err) != collectors.Permanent {
					t.Errorf("%d requests in the next poll, which ends with %v", n, err)
				}
			})
		})
	}
}

// From an empty state directory to readings, for an account of each region.
func TestSignInFromAnEmptyStateDirectory(t *testing.T) {
	for _, test := range []struct {
		home, region string
		hints        []string
		renewals     int // at most
	}{
		{"amazon.com", "NA", []string{"amazon.com", "amazon.co.uk"}, 0},
		{"amazon.co.uk", "EU", []string{"amazon.co.uk", "amazon.com"}, 1},
		{"amazon.de", "EU", []string{"amazon.de", "amazon.co.uk"}, 1},
		{"amazon.it", "EU", []string{"amazon.co.uk"}, 1},
		{"amazon.co.jp", "FE", []string{"amazon.co.jp"}, 1},
		{"amazon.com.au", "FE", []string{"amazon.com.au"}, 1},
		{"amazon.com.au", "FE", []string{"amazon.com", "amazon.co.uk"}, 3},
	} {
		for _, hint := range test.hints {
			t.Run(test.home+" with "+hint, func(t *testing.T) {
				alexa.RunSignIn(t, func(h *alexa.SignInHome) {
					h.Options.Domain = hint
					h.Restart()
					h.Account.SetHome(test.home, test.region)
					h.SignIn(hint)
					if n := h.Counting(amazontest.TokenPath, func() { h.CleanPoll() }); n > test.renewals {
						t.Errorf("%d renewals, want at most %d", n, test.renewals)
					}
					if domain := alexa.Between(t, h.Read(), `"domain": "`, `"`); domain != test.home || !strings.Contains(h.Read(), `"at_home": true`) {
						t.Errorf("amazon.json is for %s, want %s", domain, test.home)
					}
					if n := h.Counting("", func() { h.CleanPoll() }); n != 1 {
						t.Errorf("the second poll took %d requests, want 1", n)
					}
					h.Options.Endpoint = ""
					h.Restart()
					if endpoint := h.Collector.Endpoint(); endpoint != "https://alexa."+test.home {
						t.Errorf("after a restart the endpoint is %s", endpoint)
					}
				})
			})
		}
	}
}

// The marketplace that the user named when signing in counts, whatever the
// configuration of the bridge that reads the account says.
func TestHintOfTheSignInIsKept(t *testing.T) {
	alexa.RunSignIn(t, func(h *alexa.SignInHome) {
		h.Account.SetHome("amazon.com.au", "FE")
		h.SignIn("amazon.com.au")
		if n := h.Counting(amazontest.WelcomePath, func() { h.CleanPoll() }); n != 1 {
			t.Errorf("%d marketplaces were asked, want the one that the user named", n)
		}
	})
}

// A welcome's 401 means the wrong marketplace. It raises no alert.
func TestAccountRefusedEverywhereRaisesNoAlert(t *testing.T) {
	for _, refused := range alexa.Refusals[:4] {
		for _, region := range []string{"FE", "EU", ""} {
			t.Run(refused.Name+" "+region, func(t *testing.T) {
				alexa.RunSignIn(t, func(h *alexa.SignInHome) {
					h.Account.SetHome("amazon.com.au", region)
					h.Account.ScriptPath(amazontest.WelcomePath, refused.Answer)
					h.SignIn("amazon.co.uk")
					_, err := h.Collect()
					alexa.WantClass(t, err, collectors.Permanent)
					if _, remedy := collectors.RemedyOf(err); !strings.Contains(remedy, "amazon login --domain") || collectors.KindOf(err) != "marketplace" {
						t.Errorf("kind %q, remedy %q of %v", collectors.KindOf(err), remedy, err)
					}
					// Once an hour is often enough.
					time.Sleep(alexa.Interval)
					if n := h.Counting("", func() { _, err = h.Collect() }); n != 0 || collectors.ClassOf(err) != collectors.Permanent {
						t.Errorf("%d requests in the next poll, which ends with %v", n, err)
					}
					// Another sign-in is tried at once.
					h.Account.ScriptPath(amazontest.WelcomePath, nil)
					h.SignIn("amazon.com.au")
					h.CleanPoll()
				})
			})
		}
	}
	t.Run("an hour later", func(t *testing.T) {
		alexa.RunSignIn(t, func(h *alexa.SignInHome) {
			h.Account.ScriptPath(amazontest.WelcomePath, amazontest.Status(401, nil, ""))
			h.SignIn("amazon.co.uk")
			_, err := h.Collect()
			alexa.WantClass(t, err, collectors.Permanent)
			h.Account.ScriptPath(amazontest.WelcomePath, nil)
			time.Sleep(time.Hour)
			h.CleanPoll()
		})
	})
	t.Run("the token is dead", func(t *testing.T) {
		alexa.RunSignIn(t, func(h *alexa.SignInHome) {
			h.SignIn("amazon.co.uk")
			h.Account.RevokeTokens()
			_, err := h.Collect()
			alexa.WantLogin(t, err)
		})
	})
	t.Run("the token is rejected elsewhere", func(t *testing.T) {
		alexa.RunSignIn(t, func(h *alexa.SignInHome) {
			h.Account.SetHome("amazon.com.au", "FE")
			h.SignIn("amazon.co.uk")
			rejected := amazontest.Status(400, http.Header{"Content-Type": {"application/json"}}, `{"response":{"error":{"code":"InvalidToken"}}}`)
			h.Account.Script(rejected) // for amazon.co.uk
			h.CleanPoll()
		})
	})
	t.Run("its cookies are over, and nothing else", func(t *testing.T) {
		alexa.RunSignIn(t, func(h *alexa.SignInHome) {
			h.Account.SetHome("amazon.com", "NA")
			h.SignIn("amazon.com")
			time.Sleep(25 * time.Hour)
			h.CleanPoll()
		})
	})
}

// What alexa.amazon.com.au answers to its own accounts (Home Assistant core issue
// 158524), shortened.
func TestAustralianWelcome(t *testing.T) {
	alexa.RunSignIn(t, func(h *alexa.SignInHome) {
		h.Account.SetHome("amazon.com.au", "FE")
		h.Account.ScriptPath(amazontest.WelcomePath, alexa.JSON(`{
  "alexaHostName": "alexa.amazon.com.au",
  "conditionsUrl": "https://www.amazon.com.au/gp/help/customer/display.html?nodeId=201809740&pop-up=1&language=en_GB",
  "strings": ["Alexa is a cloud-based voice service. \u003Ca href=\"https://www.amazon.com.au/gp/help\"\u003E"]
}`))
		h.SignIn("amazon.com.au")
		h.CleanPoll()
		if domain := alexa.Between(t, h.Read(), `"domain": "`, `"`); domain != "amazon.com.au" {
			t.Errorf("amazon.json is for %s", domain)
		}
	})
}

func TestUnknownHomeIsAssumed(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		says   string
	}{
		"an unknown host": {alexa.JSON(`{"alexaHostName":"alexa.amazon.example"}`), "not a known Alexa marketplace"},
		"an evil host":    {alexa.JSON(`{"alexaHostName":"alexa.amazon.co.uk.evil.test"}`), "not a known Alexa marketplace"},
		"no host":         {alexa.JSON(`{}`), "not a known Alexa marketplace"},
		"a list":          {alexa.JSON(`[]`), "so amazon.co.uk is assumed"},
		"404":             {amazontest.Status(404, nil, ""), "so amazon.co.uk is assumed"},
	} {
		t.Run(name, func(t *testing.T) {
			alexa.RunSignIn(t, func(h *alexa.SignInHome) {
				h.Account.ScriptPath(amazontest.WelcomePath, test.answer)
				h.SignIn("amazon.co.uk")
				alexa.WantFault(t, h.Poll(), test.says)
				// It is asked again with the next listing.
				h.Account.ScriptPath(amazontest.WelcomePath, nil)
				if n := h.Counting(amazontest.WelcomePath, func() { h.CleanPoll() }); n != 0 {
					t.Error("the home is asked for in every poll")
				}
				time.Sleep(2 * time.Hour)
				h.CleanPoll()
				if !strings.Contains(h.Read(), `"at_home": true`) {
					t.Error("the home was not found later")
				}
			})
		})
	}
	t.Run("for the time being", func(t *testing.T) {
		alexa.RunSignIn(t, func(h *alexa.SignInHome) {
			h.Account.SetHome("amazon.de", "EU")
			h.Account.ScriptPath(amazontest.WelcomePath, amazontest.Status(503, nil, ""))
			h.SignIn("amazon.co.uk")
			_, err := h.Collect()
			alexa.WantClass(t, err, collectors.Transient)
			h.Account.ScriptPath(amazontest.WelcomePath, nil)
			h.CleanPoll()
		})
	})
}

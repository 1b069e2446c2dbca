package account_test

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/test/harness/alexa"
)

// A home that has signed in once, with cookies that live six hours and a token
// host that fails one time in five.
func TestSignInLastsForDays(t *testing.T) {
	for name, test := range map[string]struct {
		days      int
		announced bool
	}{
		"with an expiry":         {30, true},
		"cookies die unforeseen": {4, false},
	} {
		t.Run(name, func(t *testing.T) {
			alexa.RunSignIn(t, func(h *alexa.SignInHome) {
				h.Account.SetCookieLife(6*time.Hour, test.announced)
				h.Account.Flaky(amazontest.TokenPath, 0.2, 1)
				_, err := h.Collect()
				alexa.WantLogin(t, err)
				h.SignIn("amazon.co.uk")
				var (
					start    = time.Now()
					last     = start
					polls    = test.days * int(24*time.Hour/alexa.Interval)
					requests = h.Account.Requests(amazontest.TokenPath)
				)
				for n := range polls {
					snapshot, err := h.Collect()
					switch {
					case err == nil:
						if gap := time.Since(last); gap > 2*alexa.Interval {
							t.Errorf("day %d: no readings for %s", n/288, gap)
						}
						last = time.Now()
						alexa.WantNumber(t, alexa.ByID(snapshot)[alexa.KitchenID], collectors.Humidity, 48)
					case collectors.ClassOf(err) == collectors.Authentication:
						t.Fatalf("day %d: an alert: %v", n/288, err)
					}
					time.Sleep(time.Until(start.Add(time.Duration(n+1) * alexa.Interval)))
				}
				// Four to six renewals a day, a fifth of them in vain.
				requests = h.Account.Requests(amazontest.TokenPath) - requests
				if requests < 4*test.days || requests > 9*test.days {
					t.Errorf("%d requests to the token host in %d days", requests, test.days)
				}

				h.Account.RevokeTokens()
				_, err = h.Collect()
				alexa.WantLogin(t, err)
				time.Sleep(alexa.Interval)
				_, err = h.Collect()
				alexa.WantLogin(t, err)
				h.SignIn("amazon.co.uk")
				time.Sleep(alexa.Interval)
				h.CleanPoll()
			})
		})
	}
}

func TestRefusalRenewsAndRepeatsOnce(t *testing.T) {
	for _, test := range alexa.Refusals {
		t.Run(test.Name, func(t *testing.T) {
			alexa.RunSignIn(t, func(h *alexa.SignInHome) {
				h.SignIn("amazon.co.uk")
				h.CleanPoll()
				h.Account.Script(test.Answer)
				tokens := h.Account.Requests(amazontest.TokenPath)
				if n := h.Counting(amazontest.GraphQLPath, func() { h.CleanPoll() }); n != 2 {
					t.Errorf("%d requests, want 2: the refused one and its repeat", n)
				}
				if n := h.Account.Requests(amazontest.TokenPath) - tokens; n != 1 {
					t.Errorf("%d renewals, want 1", n)
				}
				if n := h.Counting("", func() { h.CleanPoll() }); n != 1 {
					t.Errorf("the next poll took %d requests, want 1", n)
				}
			})
		})
	}
}

func TestRefusalAfterARenewalIsFinal(t *testing.T) {
	alexa.RunSignIn(t, func(h *alexa.SignInHome) {
		h.SignIn("amazon.co.uk")
		h.CleanPoll()
		h.Account.ScriptPath(amazontest.GraphQLPath, amazontest.Status(403, nil, ""))
		for range 2 { // every poll tries, and none goes round in circles
			tokens := h.Account.Requests(amazontest.TokenPath)
			n := h.Counting(amazontest.GraphQLPath, func() {
				_, err := h.Collect()
				alexa.WantLogin(t, err)
				if !strings.Contains(err.Error(), "just renewed") {
					t.Errorf("the error does not mention the renewal: %v", err)
				}
			})
			if tokens = h.Account.Requests(amazontest.TokenPath) - tokens; n != 2 || tokens != 1 {
				t.Errorf("%d requests and %d renewals, want 2 and 1", n, tokens)
			}
		}
		h.Account.ScriptPath(amazontest.GraphQLPath, nil)
		h.CleanPoll()
	})
}

// One poll asks for the listing and the readings, each of which may be refused.
func TestAPollRenewsOnce(t *testing.T) {
	alexa.RunSignIn(t, func(h *alexa.SignInHome) {
		h.SignIn("amazon.co.uk")
		h.CleanPoll()
		time.Sleep(2 * time.Hour)
		refused := amazontest.Status(401, nil, "")
		h.Account.Script(refused, nil, nil, refused) // listing, token, listing, readings
		if n := h.Counting(amazontest.TokenPath, func() {
			_, err := h.Collect()
			alexa.WantLogin(t, err)
		}); n != 1 {
			t.Errorf("%d renewals, want 1", n)
		}
	})
}

func TestRefusedRenewal(t *testing.T) {
	json := http.Header{"Content-Type": {"application/json"}}
	for name, answer := range map[string]http.HandlerFunc{
		"invalid_grant":         amazontest.Status(400, json, `{"error":"invalid_grant","error_description":"revoked"}`),
		"InvalidToken":          amazontest.Status(400, json, `{"response":{"error":{"code":"InvalidToken","message":"x"}}}`),
		"InvalidToken, flat":    amazontest.Status(400, json, `{"error":{"code":"InvalidToken"}}`),
		"InvalidToken with 200": amazontest.Status(200, json, `{"response":{"error":{"code":"InvalidToken","message":"x"}}}`),
		"unauthorized_client":   amazontest.Status(400, json, `{"error":"unauthorized_client","error_description":"x"}`),
		"401":                   amazontest.Status(401, nil, ""),
		"403":                   amazontest.Status(403, nil, "<html>no</html>"),
	} {
		t.Run(name, func(t *testing.T) {
			alexa.RunSignIn(t, func(h *alexa.SignInHome) {
				h.SignIn("amazon.co.uk")
				h.CleanPoll()
				h.Account.KillCookies()
				h.Account.ScriptPath(amazontest.TokenPath, answer)
				if n := h.Counting("", func() {
					_, err := h.Collect()
					alexa.WantLogin(t, err)
				}); n != 2 {
					t.Errorf("%d requests, want 2: the refused one and the refused renewal", n)
				}
				h.Account.ScriptPath(amazontest.TokenPath, nil)
				h.CleanPoll()
			})
		})
	}
}

func TestTransientRenewalFailure(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"time-out":    amazontest.Hang,
		"500":         amazontest.Status(500, nil, `{"error":"invalid_grant"}`),
		"503":         amazontest.Status(503, http.Header{"Retry-After": {"2"}}, ""),
		"broken off":  amazontest.Drop,
		"cut in half": amazontest.Truncated,
	} {
		t.Run(name, func(t *testing.T) {
			alexa.RunSignIn(t, func(h *alexa.SignInHome) {
				h.SignIn("amazon.co.uk")
				h.CleanPoll()
				h.Account.KillCookies()
				h.Account.ScriptPath(amazontest.TokenPath, answer)
				tokens := h.Account.Requests(amazontest.TokenPath)
				if n := h.Counting("", func() {
					_, err := h.Collect()
					alexa.WantClass(t, err, collectors.Transient)
				}); n != 4 {
					t.Errorf("%d requests, want 4: the refused one and three tries of the renewal", n)
				}
				if n := h.Account.Requests(amazontest.TokenPath) - tokens; n != 3 {
					t.Errorf("%d tries, want 3", n)
				}
				// A listing that is due does not make more of them, nor another way to ask.
				time.Sleep(2 * time.Hour)
				if n := h.Counting(amazontest.TokenPath, func() {
					_, err := h.Collect()
					alexa.WantClass(t, err, collectors.Transient)
				}); n != 3 {
					t.Errorf("%d tries with a listing, want 3", n)
				}
				h.Account.ScriptPath(amazontest.TokenPath, nil)
				h.Account.Script(nil, amazontest.Status(503, nil, "")) // the refused request, and one try in vain
				h.CleanPoll()
			})
		})
	}
}

// An unforeseen response is not a refusal: the user could do nothing about it.
func TestMalformedRenewalIsPermanent(t *testing.T) {
	for name, test := range map[string]struct{ body, says string }{
		"not JSON":          {`hello`, "other than JSON"},
		"nothing":           {``, "nothing where"},
		"no cookies":        {`{"response":{"tokens":{}}}`, "nothing where an object belongs"},
		"a list of cookies": {`{"response":{"tokens":{"cookies":[]}}}`, "a list where an object belongs"},
		"another domain":    {`{"response":{"tokens":{"cookies":{".amazon.com":[{"Name":"a","Value":"b"}]}}}}`, "no cookie of amazon.co.uk"},
		"an empty list":     {`{"response":{"tokens":{"cookies":{".amazon.co.uk":[]}}}}`, "no cookie of amazon.co.uk"},
		"a bad cookie":      {`{"response":{"tokens":{"cookies":{".amazon.co.uk":[{"Name":"a","Value":"b"},{"Name":"c","Value":"d;e"}]}}}}`, "semicolon"},
		"a cookie list":     {`{"response":{"tokens":{"cookies":{".amazon.co.uk":[5]}}}}`, "cookie 0"},
		"another error":     {`{"response":{"error":{"code":"ServiceConfused","message":"odd"}}}`, "ServiceConfused odd"},
	} {
		t.Run(name, func(t *testing.T) {
			alexa.RunSignIn(t, func(h *alexa.SignInHome) {
				h.SignIn("amazon.co.uk")
				h.CleanPoll()
				before := h.Read()
				h.Account.KillCookies()
				h.Account.ScriptPath(amazontest.TokenPath, alexa.JSON(test.body))
				h.Account.ScriptPath(amazontest.ExchangePath, alexa.JSON(test.body))
				_, err := h.Collect()
				alexa.WantClass(t, err, collectors.Permanent)
				if strings.Count(err.Error(), test.says) != 2 {
					t.Errorf("the error %v does not say %q of both ways", err, test.says)
				}
				if h.Read() != before {
					t.Error("amazon.json was changed")
				}
			})
		})
	}
	t.Run("404", func(t *testing.T) {
		alexa.RunSignIn(t, func(h *alexa.SignInHome) {
			h.SignIn("amazon.co.uk")
			h.Account.KillCookies()
			h.Account.ScriptPath(amazontest.TokenPath, amazontest.Status(404, nil, ""))
			h.Account.ScriptPath(amazontest.ExchangePath, amazontest.Status(404, nil, ""))
			_, err := h.Collect()
			alexa.WantClass(t, err, collectors.Permanent)
		})
	})
}

// Where the token host gives no cookies but does not reject the token either, the
// retail host is asked.
func TestCookiesComeFromTheRetailHost(t *testing.T) {
	json := http.Header{"Content-Type": {"application/json"}}
	for name, first := range map[string]http.HandlerFunc{
		"404":                 amazontest.Status(404, nil, ""),
		"400, another code":   amazontest.Status(400, json, `{"response":{"error":{"code":"InvalidValue","message":"One or more provided values are invalid."}}}`),
		"200, another code":   alexa.JSON(`{"response":{"error":{"code":"ServiceConfused"}}}`),
		"cookies of no place": alexa.JSON(`{"response":{"tokens":{"cookies":{}}}}`),
		"not JSON":            alexa.JSON(`hello`),
	} {
		t.Run(name, func(t *testing.T) {
			alexa.RunSignIn(t, func(h *alexa.SignInHome) {
				h.SignIn("amazon.co.uk")
				h.CleanPoll()
				h.Account.KillCookies()
				h.Account.ScriptPath(amazontest.TokenPath, first)
				if n := h.Counting("", func() { h.CleanPoll() }); n != 4 {
					t.Errorf("%d requests, want 4: the refused one, two renewals and the repeat", n)
				}
			})
		})
	}
	for name, test := range map[string]struct {
		second http.HandlerFunc
		class  collectors.Class
	}{
		"the token is rejected there": {amazontest.Status(400, json, `{"response":{"error":{"code":"InvalidToken"}}}`), collectors.Authentication},
		"a robot check":               {amazontest.Status(403, nil, "<html>no</html>"), collectors.Permanent},
		"401 without a code":          {amazontest.Status(401, nil, ""), collectors.Permanent},
		"busy":                        {amazontest.Status(503, nil, ""), collectors.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			alexa.RunSignIn(t, func(h *alexa.SignInHome) {
				h.SignIn("amazon.co.uk")
				h.CleanPoll()
				h.Account.KillCookies()
				h.Account.ScriptPath(amazontest.TokenPath, amazontest.Status(404, nil, ""))
				h.Account.ScriptPath(amazontest.ExchangePath, test.second)
				if _, err := h.Collect(); collectors.ClassOf(err) != test.class {
					t.Errorf("the error is %s, want %s: %v", collectors.ClassOf(err), test.class, err)
				}
			})
		})
	}
}

func TestCookiesAreRenewedBeforeTheyExpire(t *testing.T) {
	alexa.RunSignIn(t, func(h *alexa.SignInHome) {
		h.Account.SetCookieLife(6*time.Hour, true)
		h.SignIn("amazon.co.uk")
		h.CleanPoll()
		time.Sleep(4*time.Hour + 29*time.Minute)
		if n := h.Counting(amazontest.TokenPath, func() { h.CleanPoll() }); n != 0 {
			t.Errorf("%d renewals with more than a quarter of the cookies' life left", n)
		}
		time.Sleep(2 * time.Minute)
		h.Account.ScriptPath(amazontest.TokenPath, amazontest.Status(503, nil, ""))
		if n := h.Counting(amazontest.TokenPath, func() { h.CleanPoll() }); n != 3 {
			t.Errorf("%d tries, want 3", n)
		}
		time.Sleep(alexa.Interval)
		h.Account.ScriptPath(amazontest.TokenPath, nil)
		all := h.Account.Requests("")
		if n := h.Counting(amazontest.TokenPath, func() { h.CleanPoll() }); n != 1 {
			t.Errorf("%d renewals, want 1", n)
		}
		if all = h.Account.Requests("") - all; all != 2 {
			t.Errorf("%d requests, want 2: nothing was refused", all)
		}
		time.Sleep(alexa.Interval)
		if n := h.Counting(amazontest.TokenPath, func() { h.CleanPoll() }); n != 0 {
			t.Errorf("%d renewals of fresh cookies", n)
		}
	})
}

// The at-* cookies live for a day, and a clock may be off by more.
func TestRenewalWithAWrongClock(t *testing.T) {
	for name, theirs := range map[string]time.Duration{"ours is ahead": -50 * time.Hour, "ours is behind": 50 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			alexa.RunSignIn(t, func(h *alexa.SignInHome) {
				h.Account.SetClock(theirs)
				h.SignIn("amazon.co.uk")
				h.CleanPoll()
				h.Account.KillCookies()
				h.CleanPoll()
				if n := h.Counting("", func() { h.CleanPoll() }); n != 1 {
					t.Errorf("%d requests with fresh cookies, want 1", n)
				}
				time.Sleep(18*time.Hour + time.Minute)
				if n := h.Counting(amazontest.TokenPath, func() { h.CleanPoll() }); n != 1 {
					t.Errorf("%d renewals when a quarter of the cookies' life is left, want 1", n)
				}
			})
		})
	}
}

// A renewal that fails after the end of the cookies ends the poll: it would be
// asked for again after the refusal.
func TestFailedRenewalOfExpiredCookiesEndsThePoll(t *testing.T) {
	alexa.RunSignIn(t, func(h *alexa.SignInHome) {
		h.Account.SetCookieLife(6*time.Hour, true)
		h.SignIn("amazon.co.uk")
		h.CleanPoll()
		time.Sleep(7 * time.Hour)
		h.Account.ScriptPath(amazontest.TokenPath, amazontest.Status(503, nil, ""))
		if n := h.Counting("", func() {
			_, err := h.Collect()
			alexa.WantClass(t, err, collectors.Transient)
		}); n != 3 {
			t.Errorf("%d requests, want the 3 tries of the renewal", n)
		}
		// A token that is refused raises the alert even while other cookies live.
		h.Account.ScriptPath(amazontest.TokenPath, amazontest.Status(401, nil, ""))
		_, err := h.Collect()
		alexa.WantLogin(t, err)
	})
}

func TestRenewedCookiesAreSavedBeforeUse(t *testing.T) {
	alexa.RunSignIn(t, func(h *alexa.SignInHome) {
		h.SignIn("amazon.co.uk")
		h.CleanPoll()
		h.Account.KillCookies()
		before := h.Read()
		var seen []bool
		h.Account.Script(nil, nil, func(w http.ResponseWriter, r *http.Request) {
			for _, cookie := range r.Cookies() {
				onDisk := strings.Contains(h.Read(), cookie.Value) || cookie.Name == "csrf"
				seen = append(seen, onDisk && !strings.Contains(before, cookie.Value))
			}
			amazontest.Status(503, nil, "")(w, r)
		})
		h.Poll()
		if len(seen) < 7 {
			t.Fatalf("%d cookies were sent", len(seen))
		}
		for _, fine := range seen {
			if !fine {
				t.Error("a cookie was sent that is an old one, or not on the disk")
			}
		}
	})
}

func TestNewSignInIsNoticed(t *testing.T) {
	alexa.RunSignIn(t, func(h *alexa.SignInHome) {
		h.SignIn("amazon.co.uk")
		h.CleanPoll()
		h.Account.RemoveMonitor(alexa.Cellar.Serial)
		h.SignIn("amazon.co.uk") // the device of before is deregistered
		devices := h.CleanPoll()
		if _, there := devices[alexa.CellarID]; there || len(devices) != 1 {
			t.Error("a new sign-in was not followed by a listing")
		}
		if n := len(h.Account.Devices()); n != 1 {
			t.Errorf("%d devices in the account, want 1", n)
		}
	})
}

// A new sign-in is stored while the previous token is being renewed.
func TestNewSignInDuringARenewal(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"the renewal succeeds": nil,
		"the renewal fails":    amazontest.Status(503, nil, ""),
	} {
		t.Run(name, func(t *testing.T) {
			alexa.RunSignIn(t, func(h *alexa.SignInHome) {
				h.SignIn("amazon.co.uk")
				h.CleanPoll()
				h.Account.KillCookies()
				var signedIn string
				signIn := func() {
					h.SignIn("amazon.co.uk")
					signedIn = h.Read()
				}
				if answer == nil {
					h.DuringRenewal(signIn)
				} else {
					h.Account.ScriptPath(amazontest.TokenPath, func(w http.ResponseWriter, r *http.Request) {
						h.Account.ScriptPath(amazontest.TokenPath, nil)
						signIn()
						h.Account.Script(answer, answer)
						answer(w, r)
					})
				}
				_, err := h.Collect()
				if answer == nil && err != nil {
					t.Error(err)
				}
				if answer != nil {
					alexa.WantClass(t, err, collectors.Transient)
				}
				token := alexa.Between(t, signedIn, `"refresh_token": "`, `"`)
				if !strings.Contains(h.Read(), token) {
					t.Error("the new sign-in was overwritten by a renewal of the old one")
				}
				h.CleanPoll()
			})
		})
	}
}

// Signing out during a renewal must not be undone by it.
func TestSignOutDuringARenewal(t *testing.T) {
	alexa.RunSignIn(t, func(h *alexa.SignInHome) {
		h.SignIn("amazon.co.uk")
		h.CleanPoll()
		h.Account.KillCookies()
		h.DuringRenewal(func() {
			if err := h.SignOut(); err != nil {
				t.Error(err)
			}
		})
		_, err := h.Collect()
		alexa.WantLogin(t, err)
		if _, err := os.Stat(h.File()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("amazon.json is back: %v", err)
		}
	})
}

func TestMissingDiskKeepsTheSignIn(t *testing.T) {
	alexa.RunSignIn(t, func(h *alexa.SignInHome) {
		h.SignIn("amazon.co.uk")
		h.CleanPoll()
		before := h.Read()
		h.Account.KillCookies()
		away := h.State + "-away"
		move := func(from, to string) {
			if err := os.Rename(from, to); err != nil {
				t.Fatal(err)
			}
		}
		h.DuringRenewal(func() { move(h.State, away) })
		alexa.WantFault(t, h.Poll(), "kept in memory only", h.File())
		for range 2 {
			time.Sleep(alexa.Interval)
			alexa.WantFault(t, h.Poll(), h.File())
		}
		move(away, h.State)
		if h.Read() != before {
			t.Error("amazon.json was changed")
		}
		h.CleanPoll()
		if h.Read() == before {
			t.Error("the renewed cookies were not written once the disk was back")
		}
		h.Restart()
		if n := h.Counting(amazontest.TokenPath, func() { h.CleanPoll() }); n != 0 {
			t.Errorf("%d renewals after a restart, want none", n)
		}
	})
}

func TestUnreadableCredentials(t *testing.T) {
	for name, content := range map[string]string{
		"empty":           "",
		"not JSON":        "hello",
		"nothing":         "{}",
		"no domain":       `{"version":1,"refresh_token":"Atnr|12345678"}`,
		"another domain":  `{"version":1,"refresh_token":"Atnr|12345678","domain":"evil.example"}`,
		"another home":    `{"version":1,"refresh_token":"Atnr|12345678","domain":"amazon.com","hint":"evil.example"}`,
		"a newer version": `{"version":2,"refresh_token":"Atnr|12345678","domain":"amazon.co.uk"}`,
		"a bad cookie":    `{"version":1,"refresh_token":"Atnr|12345678","domain":"amazon.co.uk","cookies":[{"name":"a","value":"b;c"}]}`,
		"too large":       strings.Repeat(" ", 1<<20+1),
	} {
		t.Run(name, func(t *testing.T) {
			alexa.RunSignIn(t, func(h *alexa.SignInHome) {
				if err := os.WriteFile(h.File(), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
				_, err := h.Collect()
				alexa.WantLogin(t, err)
				if !strings.Contains(err.Error(), h.File()) || strings.Contains(err.Error(), "12345678") {
					t.Errorf("the error is %v", err)
				}
				h.SignIn("amazon.co.uk")
				h.CleanPoll()
				if err := os.WriteFile(h.File(), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
				alexa.WantFault(t, h.Poll(), "used until the next start", h.File())
			})
		})
	}
}

func TestSignInOverridesCookies(t *testing.T) {
	state := t.TempDir()
	alexa.RunWith(t, func(o *account.Options) { o.StateDir, o.AuthEndpoint = state, "http://auth.test" }, func(inner *alexa.Home) {
		h := &alexa.SignInHome{Home: inner, State: state, Options: account.Options{
			Domain: "amazon.co.uk", StateDir: state, Endpoint: "http://alexa.test", AuthEndpoint: "http://auth.test",
			Timeout: alexa.Timeout, Transport: inner.Transport,
		}}
		h.CleanPoll() // with the browser's
		h.WriteCookies(map[string]string{"at-acbuk": "dead"})
		_, err := h.Collect()
		alexa.WantAuthentication(t, err, "HTTP 401", h.Cookies)
		if !strings.Contains(alexa.RemedyOf(err), "hueair2mqtt amazon login") {
			t.Errorf("the remedy %q does not mention the newer way", alexa.RemedyOf(err))
		}
		h.SignIn("amazon.co.uk")
		h.CleanPoll()
		h.WriteCookies(h.Account.Cookies())
		if err := h.SignOut(); err != nil {
			t.Error(err)
		}
		h.CleanPoll() // with the browser's again
	})
}

// An answer of Alexa's may set cookies; a renewal begins without them.
func TestRenewalDropsCookiesThatAlexaSet(t *testing.T) {
	alexa.RunSignIn(t, func(h *alexa.SignInHome) {
		h.SignIn("amazon.co.uk")
		h.CleanPoll()
		h.Account.Script(func(w http.ResponseWriter, r *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "csrf", Value: "of-no-use"})
			amazontest.Status(503, nil, "")(w, r)
		})
		h.CleanPoll() // refused with 403, as the csrf cookie is wrong; renewed; repeated
		if n := h.Counting("", func() { h.CleanPoll() }); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

func TestStateFileIsPrivate(t *testing.T) {
	alexa.RunSignIn(t, func(h *alexa.SignInHome) {
		h.SignIn("amazon.co.uk")
		h.Account.KillCookies()
		h.CleanPoll()
		info, err := os.Stat(h.File())
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v (%v), want 0600", info.Mode(), err)
		}
		entries, err := os.ReadDir(filepath.Dir(h.File()))
		if err != nil || len(entries) != 1 {
			t.Errorf("in the state directory: %v (%v)", entries, err)
		}
		for _, word := range []string{"access_token", "adp", "PRIVATE KEY", "verifier"} {
			if strings.Contains(h.Read(), word) {
				t.Errorf("amazon.json holds %q, which nothing needs", word)
			}
		}
	})
}

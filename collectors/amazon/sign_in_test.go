package amazon_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/collectors/amazon/amazontest"
)

func TestSignInStartsAtAmazonComEverywhere(t *testing.T) {
	for _, domain := range amazontest.Marketplaces {
		host := amazontest.NewAccount()
		host.SetHome(domain, "")
		s, err := account.NewSignIn(account.Options{Domain: domain, StateDir: t.TempDir(), Endpoint: "http://a.test", AuthEndpoint: "http://b.test"})
		if err != nil {
			t.Fatal(err)
		}
		// The page itself checks all that is in it.
		if _, err := host.Consent(s.Address()); err != nil {
			t.Errorf("%s: %v", domain, err)
		}
		if !strings.HasPrefix(s.Address(), "https://www.amazon.com/ap/signin?") || strings.Contains(s.Address(), ".test") {
			t.Errorf("%s: the address is %s", domain, s.Address())
		}
		s.Close()
	}
	if _, err := account.NewSignIn(account.Options{Domain: "amazon.de"}); err == nil {
		t.Error("no error without a state directory")
	}
	if _, err := account.NewSignIn(account.Options{Domain: "amazon", StateDir: "x"}); err == nil {
		t.Error("no error without a marketplace")
	}
}

func TestWrappedAddressIsAccepted(t *testing.T) {
	for name, change := range map[string]func(string) string{
		"as it is":              func(a string) string { return a },
		"a line's end":          func(a string) string { return a + "\r\n" },
		"double quotes":         func(a string) string { return ` "` + a + `" ` },
		"single quotes":         func(a string) string { return "'" + a + "'\n" },
		"typographic quotes":    func(a string) string { return "„" + a + "“" },
		"angle brackets":        func(a string) string { return "<" + a + ">." },
		"wrapped":               func(a string) string { return wrapped(a, 40, "\n") },
		"wrapped and indented":  func(a string) string { return wrapped(a, 7, "\r\n    ") },
		"wrapped in a shell":    func(a string) string { return wrapped(a, 60, "\\\n") },
		"quoted in a mail":      func(a string) string { return "> " + wrapped(a, 70, "\n> ") },
		"as a browser shows it": func(a string) string { return strings.TrimPrefix(a, "https://www.") },
		"another marketplace":   func(a string) string { return swapHost(a, "www.amazon.de") },
		"a longer path":         func(a string) string { return strings.Replace(a, "/ap/maplanding?", "/ap/maplanding/262-1?", 1) },
		"the code alone":        codeOf,
		"the code, quoted":      func(a string) string { return " '" + codeOf(a) + "'\n" },
		"the end of it": func(a string) string {
			return "openid.oa2.authorization_code=" + codeOf(a) + "&openid.mode=id_res"
		},
		"without the scheme": func(a string) string { return strings.TrimPrefix(a, "https://") },
		"from HTML":          func(a string) string { return strings.ReplaceAll(a, "&", "&amp;") },
		"a no-break space":   func(a string) string { return "\ufeff\u00a0" + a },
	} {
		t.Run(name, func(t *testing.T) {
			inSignInHome(t, func(h *signInHome) {
				s := h.begin("amazon.co.uk")
				defer s.Close()
				if err := h.finish(s, change(h.browse(s))); err != nil {
					t.Fatal(err)
				}
				h.cleanPoll()
			})
		})
	}
}

// codeOf is the code in an address.
func codeOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		panic(err) // amazontest made it
	}
	return u.Query().Get("openid.oa2.authorization_code")
}

func wrapped(text string, width int, with string) string {
	var b strings.Builder
	for len(text) > width {
		b.WriteString(text[:width] + with)
		text = text[width:]
	}
	return b.String() + text
}

func TestWrongAddressMayBeCorrected(t *testing.T) {
	const landing = "https://www.amazon.com/ap/maplanding"
	for name, test := range map[string]struct {
		wrong func(h *signInHome, s *account.SignIn) string
		says  string
	}{
		"nothing":       {func(*signInHome, *account.SignIn) string { return " \n" }, "Nothing was pasted"},
		"no address":    {func(*signInHome, *account.SignIn) string { return "yes, I did" }, "not an address"},
		"a foreign one": {func(h *signInHome, s *account.SignIn) string { return swapHost(h.browse(s), "www.amazon.example") }, "not an Amazon address"},
		"a false friend": {func(h *signInHome, s *account.SignIn) string {
			return swapHost(h.browse(s), "www.amazon.com@evil.test")
		}, "not an Amazon address"},
		"without TLS":      {func(h *signInHome, s *account.SignIn) string { return "http" + h.browse(s)[5:] }, "begin with https://www.amazon"},
		"the sign-in page": {func(_ *signInHome, s *account.SignIn) string { return s.Address() }, "sign-in page itself"},
		"a page not found before the sign-in": {func(*signInHome, *account.SignIn) string {
			return "https://www.amazon.co.uk/ap/signin/262-1?openid.mode=checkid_setup"
		}, "it is the wrong page"},
		"the second factor": {func(*signInHome, *account.SignIn) string { return "https://www.amazon.com/ap/cvf/request?arb=x" }, "not finished"},
		"a password":        {func(*signInHome, *account.SignIn) string { return "CorrectHorseBatteryStaple" }, "not an address"},
		"another page":      {func(*signInHome, *account.SignIn) string { return "https://www.amazon.co.uk/gp/css/homepage.html" }, "another page of Amazon's"},
		"without the code":  {func(*signInHome, *account.SignIn) string { return landing + "?openid.mode=id_res" }, "not copied whole"},
		"an empty code":     {func(*signInHome, *account.SignIn) string { return landing + "?openid.oa2.authorization_code=" }, "not copied whole"},
		"cancelled":         {func(*signInHome, *account.SignIn) string { return landing + "?openid.mode=cancel" }, "cancelled"},
		"damaged":           {func(*signInHome, *account.SignIn) string { return landing + "?openid.oa2.authorization_code=%zz" }, "damaged"},
		"endless":           {func(*signInHome, *account.SignIn) string { return landing + "?" + strings.Repeat("x", 20_000) }, "too long"},
		"a mistyped code": {func(h *signInHome, s *account.SignIn) string {
			return strings.Replace(h.browse(s), "code=AN", "code=NA", 1)
		}, "does not accept this code"},
		"an earlier client": {func(h *signInHome, s *account.SignIn) string { return h.browse(s) + "&openid.oa2.client_id=device:00" }, "earlier sign-in"},
		"an earlier verifier": {func(h *signInHome, s *account.SignIn) string {
			other := h.begin("amazon.co.uk")
			defer other.Close()
			return h.browse(other)
		}, "does not accept this code"},
		"too old": {func(h *signInHome, s *account.SignIn) string {
			address := h.browse(s)
			time.Sleep(5*time.Minute + time.Second)
			return address
		}, "older than five minutes"},
	} {
		t.Run(name, func(t *testing.T) {
			inSignInHome(t, func(h *signInHome) {
				s := h.begin("amazon.co.uk")
				defer s.Close()
				wrong := test.wrong(h, s)
				err := h.finish(s, wrong)
				mistaken, ok := errors.AsType[*account.PastedError](err)
				if !ok {
					t.Fatalf("error %v, want a *PastedError", err)
				}
				if !strings.Contains(mistaken.Error(), test.says) {
					t.Errorf("it says %q, want %q in it", mistaken, test.says)
				}
				if _, err := os.Stat(h.file()); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("amazon.json is there: %v", err)
				}
				if err := h.finish(s, h.browse(s)); err != nil {
					t.Errorf("the right address after it: %v", err)
				}
				h.cleanPoll()
			})
		})
	}
}

func swapHost(address, host string) string {
	return strings.Replace(address, "www.amazon.com", host, 1)
}

func TestAddressWorksOnce(t *testing.T) {
	inSignInHome(t, func(h *signInHome) {
		s := h.begin("amazon.co.uk")
		defer s.Close()
		landing := h.browse(s)
		if err := h.finish(s, landing); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time Amazon is not even asked
			err := h.finish(s, landing)
			if _, ok := errors.AsType[*account.PastedError](err); !ok || !strings.Contains(err.Error(), "already") {
				t.Errorf("error %v", err)
			}
		}
		if n := h.account.Requests(amazontest.RegisterPath); n != 2 {
			t.Errorf("%d registrations were tried, want 2", n)
		}
		h.cleanPoll()
	})
}

// Answers of Amazon to registrations that users have published.
func TestRefusedRegistration(t *testing.T) {
	json := http.Header{"Content-Type": {"application/json"}}
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		says   string // of the reason
	}{
		"an old code":        {amazontest.Status(400, json, `{"response":{"error":{"code":"InvalidToken","message":"Auth time of the token is expired."}}}`), "Auth time of the token is expired."},
		"an invalid token":   {amazontest.Status(400, json, `{"response":{"error":{"code":"InvalidToken","index":"cXZ_z95BIfA==","message":"One or more tokens are invalid."}},"request_id":"81d134e1"}`), "One or more tokens are invalid."},
		"invalid values":     {amazontest.Status(400, json, `{"response":{"error":{"code":"InvalidValue","index":"RYuYsd","message":"One or more provided values are invalid."}},"request_id":"67dde610"}`), "One or more provided values are invalid."},
		"invalid, with 200":  {graphQL(`{"response":{"error":{"code":"InvalidValue","message":"One or more provided values are invalid."}}}`), "One or more provided values are invalid."},
		"no credential":      {amazontest.Status(401, http.Header{"WWW-Authenticate": {`Basic realm="x", error="CredentialError"`}}, ""), "HTTP 401"},
		"a challenge":        {amazontest.Status(401, json, `{"response":{"challenge":{"challenge_reason":"HandleOnWebView","uri":"https://www.amazon.com/ap/signin"}}}`), "HandleOnWebView"},
		"a page for people":  {amazontest.Status(403, http.Header{"Content-Type": {"text/html"}}, "<html>no</html>"), "HTTP 403"},
		"OAuth's own answer": {amazontest.Status(400, json, `{"error":"invalid_grant","error_description":"The code has expired"}`), "The code has expired"},
	} {
		t.Run(name, func(t *testing.T) {
			inSignInHome(t, func(h *signInHome) {
				s := h.begin("amazon.co.uk")
				defer s.Close()
				h.account.ScriptPath(amazontest.RegisterPath, test.answer)
				for n := range 2 {
					err := h.finish(s, h.browse(s))
					if _, ok := errors.AsType[*account.PastedError](err); !ok || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), "five minutes") {
						t.Errorf("error %v, want a *PastedError with %q", err, test.says)
					}
					if again := err != nil && strings.Contains(err.Error(), "update hueair2mqtt"); again != (n == 1) {
						t.Errorf("try %d: %v", n+1, err)
					}
				}
				h.account.ScriptPath(amazontest.RegisterPath, nil)
				if err := h.finish(s, h.browse(s)); err != nil {
					t.Errorf("a new code: %v", err)
				}
			})
		})
	}
}

func TestTransientRegistrationFailure(t *testing.T) {
	inSignInHome(t, func(h *signInHome) {
		s := h.begin("amazon.co.uk")
		defer s.Close()
		landing := h.browse(s)
		for _, answer := range []http.HandlerFunc{
			amazontest.Status(503, nil, ""),
			amazontest.Status(429, nil, ""),
			amazontest.Status(500, nil, `{"request_id":"1fbad2a3","response":{"error":{"code":"ServerError","index":"xYLI","message":"The server has encountered a runtime error."}}}`),
		} {
			h.account.ScriptPath(amazontest.RegisterPath, answer)
			wantClass(t, h.finish(s, landing), collectors.Transient)
		}
		h.account.ScriptPath(amazontest.RegisterPath, nil)
		if err := h.finish(s, landing); err != nil {
			t.Errorf("the same address once Amazon is back: %v", err)
		}
	})
}

func TestMalformedRegistrationIsPermanent(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"not JSON":  graphQL("hello"),
		"no tokens": graphQL(`{"response":{"success":{}}}`),
		"a number":  graphQL(`{"response":{"success":{"tokens":{"bearer":5}}}}`),
		"404":       amazontest.Status(404, nil, ""),
	} {
		t.Run(name, func(t *testing.T) {
			inSignInHome(t, func(h *signInHome) {
				s := h.begin("amazon.co.uk")
				defer s.Close()
				h.account.ScriptPath(amazontest.RegisterPath, answer)
				wantClass(t, h.finish(s, h.browse(s)), collectors.Permanent)
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
				inSignInHome(t, func(h *signInHome) {
					h.options.Domain = hint
					h.restarted()
					h.account.SetHome(test.home, test.region)
					h.signIn(hint)
					if n := h.counting(amazontest.TokenPath, func() { h.cleanPoll() }); n > test.renewals {
						t.Errorf("%d renewals, want at most %d", n, test.renewals)
					}
					if domain := between(t, h.read(), `"domain": "`, `"`); domain != test.home || !strings.Contains(h.read(), `"at_home": true`) {
						t.Errorf("amazon.json is for %s, want %s", domain, test.home)
					}
					if n := h.counting("", func() { h.cleanPoll() }); n != 1 {
						t.Errorf("the second poll took %d requests, want 1", n)
					}
					h.options.Endpoint = ""
					h.restarted()
					if endpoint := h.collector.Endpoint(); endpoint != "https://alexa."+test.home {
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
	inSignInHome(t, func(h *signInHome) {
		h.account.SetHome("amazon.com.au", "FE")
		h.signIn("amazon.com.au")
		if n := h.counting(amazontest.WelcomePath, func() { h.cleanPoll() }); n != 1 {
			t.Errorf("%d marketplaces were asked, want the one that the user named", n)
		}
	})
}

// A welcome's 401 means the wrong marketplace. It raises no alert.
func TestAccountRefusedEverywhereRaisesNoAlert(t *testing.T) {
	for _, refused := range refusedByAlexa[:4] {
		for _, region := range []string{"FE", "EU", ""} {
			t.Run(refused.name+" "+region, func(t *testing.T) {
				inSignInHome(t, func(h *signInHome) {
					h.account.SetHome("amazon.com.au", region)
					h.account.ScriptPath(amazontest.WelcomePath, refused.answer)
					h.signIn("amazon.co.uk")
					_, err := h.collect()
					wantClass(t, err, collectors.Permanent)
					if _, remedy := collectors.RemedyOf(err); !strings.Contains(remedy, "amazon login --domain") || collectors.KindOf(err) != "marketplace" {
						t.Errorf("kind %q, remedy %q of %v", collectors.KindOf(err), remedy, err)
					}
					// Once an hour is often enough.
					time.Sleep(interval)
					if n := h.counting("", func() { _, err = h.collect() }); n != 0 || collectors.ClassOf(err) != collectors.Permanent {
						t.Errorf("%d requests in the next poll, which ends with %v", n, err)
					}
					// Another sign-in is tried at once.
					h.account.ScriptPath(amazontest.WelcomePath, nil)
					h.signIn("amazon.com.au")
					h.cleanPoll()
				})
			})
		}
	}
	t.Run("an hour later", func(t *testing.T) {
		inSignInHome(t, func(h *signInHome) {
			h.account.ScriptPath(amazontest.WelcomePath, amazontest.Status(401, nil, ""))
			h.signIn("amazon.co.uk")
			_, err := h.collect()
			wantClass(t, err, collectors.Permanent)
			h.account.ScriptPath(amazontest.WelcomePath, nil)
			time.Sleep(time.Hour)
			h.cleanPoll()
		})
	})
	t.Run("the token is dead", func(t *testing.T) {
		inSignInHome(t, func(h *signInHome) {
			h.signIn("amazon.co.uk")
			h.account.RevokeTokens()
			_, err := h.collect()
			wantLogin(t, err)
		})
	})
	t.Run("the token is rejected elsewhere", func(t *testing.T) {
		inSignInHome(t, func(h *signInHome) {
			h.account.SetHome("amazon.com.au", "FE")
			h.signIn("amazon.co.uk")
			rejected := amazontest.Status(400, http.Header{"Content-Type": {"application/json"}}, `{"response":{"error":{"code":"InvalidToken"}}}`)
			h.account.Script(rejected) // for amazon.co.uk
			h.cleanPoll()
		})
	})
	t.Run("its cookies are over, and nothing else", func(t *testing.T) {
		inSignInHome(t, func(h *signInHome) {
			h.account.SetHome("amazon.com", "NA")
			h.signIn("amazon.com")
			time.Sleep(25 * time.Hour)
			h.cleanPoll()
		})
	})
}

// What alexa.amazon.com.au answers to its own accounts (Home Assistant core issue
// 158524), shortened.
func TestAustralianWelcome(t *testing.T) {
	inSignInHome(t, func(h *signInHome) {
		h.account.SetHome("amazon.com.au", "FE")
		h.account.ScriptPath(amazontest.WelcomePath, graphQL(`{
  "alexaHostName": "alexa.amazon.com.au",
  "conditionsUrl": "https://www.amazon.com.au/gp/help/customer/display.html?nodeId=201809740&pop-up=1&language=en_GB",
  "strings": ["Alexa is a cloud-based voice service. \u003Ca href=\"https://www.amazon.com.au/gp/help\"\u003E"]
}`))
		h.signIn("amazon.com.au")
		h.cleanPoll()
		if domain := between(t, h.read(), `"domain": "`, `"`); domain != "amazon.com.au" {
			t.Errorf("amazon.json is for %s", domain)
		}
	})
}

func TestUnknownHomeIsAssumed(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		says   string
	}{
		"an unknown host": {graphQL(`{"alexaHostName":"alexa.amazon.example"}`), "no marketplace of Alexa"},
		"an evil host":    {graphQL(`{"alexaHostName":"alexa.amazon.co.uk.evil.test"}`), "no marketplace of Alexa"},
		"no host":         {graphQL(`{}`), "no marketplace of Alexa"},
		"a list":          {graphQL(`[]`), "taken to be amazon.co.uk"},
		"404":             {amazontest.Status(404, nil, ""), "taken to be amazon.co.uk"},
	} {
		t.Run(name, func(t *testing.T) {
			inSignInHome(t, func(h *signInHome) {
				h.account.ScriptPath(amazontest.WelcomePath, test.answer)
				h.signIn("amazon.co.uk")
				wantFault(t, h.poll(), test.says)
				// It is asked again with the next listing.
				h.account.ScriptPath(amazontest.WelcomePath, nil)
				if n := h.counting(amazontest.WelcomePath, func() { h.cleanPoll() }); n != 0 {
					t.Error("the home is asked for in every poll")
				}
				time.Sleep(2 * time.Hour)
				h.cleanPoll()
				if !strings.Contains(h.read(), `"at_home": true`) {
					t.Error("the home was not found later")
				}
			})
		})
	}
	t.Run("for the time being", func(t *testing.T) {
		inSignInHome(t, func(h *signInHome) {
			h.account.SetHome("amazon.de", "EU")
			h.account.ScriptPath(amazontest.WelcomePath, amazontest.Status(503, nil, ""))
			h.signIn("amazon.co.uk")
			_, err := h.collect()
			wantClass(t, err, collectors.Transient)
			h.account.ScriptPath(amazontest.WelcomePath, nil)
			h.cleanPoll()
		})
	})
}

func TestSignOut(t *testing.T) {
	for name, test := range map[string]struct {
		before func(h *signInHome)
		told   bool // the account could not be told
	}{
		"as usual":              {func(*signInHome) {}, false},
		"revoked already":       {func(h *signInHome) { h.account.RevokeTokens() }, false},
		"Amazon is away":        {func(h *signInHome) { h.account.ScriptPath(amazontest.TokenPath, amazontest.Drop) }, true},
		"busy at the last step": {func(h *signInHome) { h.account.ScriptPath(amazontest.DeregisterPath, amazontest.Status(503, nil, "")) }, true},
		"a spoilt file": {func(h *signInHome) {
			if err := os.WriteFile(h.file(), []byte("x"), 0o600); err != nil {
				h.t.Error(err)
			}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			inSignInHome(t, func(h *signInHome) {
				h.signIn("amazon.co.uk")
				leftover := filepath.Join(h.state, ".amazon.json.123")
				if err := os.WriteFile(leftover, []byte("secret"), 0o600); err != nil {
					t.Fatal(err)
				}
				test.before(h)
				err := h.signOut()
				if _, untold := errors.AsType[*account.DeregisterError](err); untold != test.told || (err != nil) != test.told {
					t.Errorf("error %v", err)
				}
				if entries, err := os.ReadDir(h.state); err != nil || len(entries) > 0 {
					t.Errorf("left in the state directory: %v (%v)", entries, err)
				}
				if n := len(h.account.Devices()); n > 0 && !test.told {
					t.Errorf("%d devices are still in the account", n)
				}
				_, err = h.collect()
				wantLogin(t, err)
				if err := h.signOut(); !errors.Is(err, account.ErrNotSignedIn) {
					t.Errorf("signing out twice: %v", err)
				}
			})
		})
	}
}

func TestFailedDeregistrationIsNoted(t *testing.T) {
	inSignInHome(t, func(h *signInHome) {
		h.signIn("amazon.co.uk")
		h.account.ScriptPath(amazontest.DeregisterPath, amazontest.Status(503, nil, ""))
		s := h.begin("amazon.co.uk")
		defer s.Close()
		notes, err := s.Finish(h.t.Context(), h.retry, h.browse(s))
		if err != nil || len(notes) != 1 || !strings.Contains(notes[0], "Your devices") {
			t.Errorf("notes %q, error %v", notes, err)
		}
		h.cleanPoll()
	})
}

// The texts of the token host may echo what it was sent.
func TestSignInErrorsHoldNoSecrets(t *testing.T) {
	echo := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body := make([]byte, 8<<10)
			n, _ := r.Body.Read(body) // the whole body comes at once over a pipe
			text := string(body[:n]) + r.Header.Get("Authorization") + r.Header.Get("Cookie")
			if plain, err := url.QueryUnescape(text); err == nil {
				text += plain
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"response":{"error":{"code":"Odd","message":%q}}}`, text)
		}
	}
	inSignInHome(t, func(h *signInHome) {
		var told strings.Builder
		tell := func(err error) { fmt.Fprintf(&told, "%v %+v %q %s\n", err, err, err, remedyOf(err)) }
		s := h.begin("amazon.co.uk")
		defer s.Close()
		for _, status := range []int{200, 400, 401, 500} {
			h.account.ScriptPath(amazontest.RegisterPath, echo(status))
			tell(h.finish(s, h.browse(s)))
		}
		h.account.ScriptPath(amazontest.RegisterPath, nil)
		landing := h.browse(s)
		tell(h.finish(s, landing))
		tell(h.finish(s, landing))
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			fmt.Fprintf(&told, verb+"\n", s)
		}
		h.cleanPoll()
		for _, status := range []int{200, 400, 401, 500} {
			h.account.KillCookies()
			h.account.ScriptPath(amazontest.TokenPath, echo(status))
			_, err := h.collect()
			tell(err)
		}
		h.account.ScriptPath(amazontest.TokenPath, nil)
		h.account.ScriptPath(amazontest.DeregisterPath, echo(400))
		tell(h.signOut())
		for _, entry := range h.log.All() {
			fmt.Fprintln(&told, entry.Message, entry.ContextMap())
		}
		secrets := append(h.account.Secrets(), landing)
		if len(secrets) < 25 || told.Len() < 2000 {
			t.Errorf("%d secrets, and %d bytes were told", len(secrets), told.Len())
		}
		for _, secret := range secrets {
			if strings.Contains(told.String(), secret) {
				t.Errorf("%q was told", secret)
			}
		}
	})
}

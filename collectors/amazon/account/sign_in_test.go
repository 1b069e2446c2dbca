package account_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/test/harness/alexa"
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
			alexa.RunSignIn(t, func(h *alexa.SignInHome) {
				s := h.Begin("amazon.co.uk")
				defer s.Close()
				if err := h.Finish(s, change(h.Browse(s))); err != nil {
					t.Fatal(err)
				}
				h.CleanPoll()
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
		wrong func(h *alexa.SignInHome, s *account.SignIn) string
		says  string
	}{
		"nothing":    {func(*alexa.SignInHome, *account.SignIn) string { return " \n" }, "Nothing was pasted"},
		"no address": {func(*alexa.SignInHome, *account.SignIn) string { return "yes, I did" }, "not an address"},
		"a foreign one": {func(h *alexa.SignInHome, s *account.SignIn) string {
			return swapHost(h.Browse(s), "www.amazon.example")
		}, "not an Amazon address"},
		"a false friend": {func(h *alexa.SignInHome, s *account.SignIn) string {
			return swapHost(h.Browse(s), "www.amazon.com@evil.test")
		}, "not an Amazon address"},
		"without TLS":      {func(h *alexa.SignInHome, s *account.SignIn) string { return "http" + h.Browse(s)[5:] }, "begin with https://www.amazon"},
		"the sign-in page": {func(_ *alexa.SignInHome, s *account.SignIn) string { return s.Address() }, "sign-in page itself"},
		"a page not found before the sign-in": {func(*alexa.SignInHome, *account.SignIn) string {
			return "https://www.amazon.co.uk/ap/signin/262-1?openid.mode=checkid_setup"
		}, "it is the wrong page"},
		"the second factor": {func(*alexa.SignInHome, *account.SignIn) string { return "https://www.amazon.com/ap/cvf/request?arb=x" }, "not finished"},
		"a password":        {func(*alexa.SignInHome, *account.SignIn) string { return "CorrectHorseBatteryStaple" }, "not an address"},
		"another page": {func(*alexa.SignInHome, *account.SignIn) string {
			return "https://www.amazon.co.uk/gp/css/homepage.html"
		}, "another page of Amazon's"},
		"without the code": {func(*alexa.SignInHome, *account.SignIn) string { return landing + "?openid.mode=id_res" }, "not copied whole"},
		"an empty code":    {func(*alexa.SignInHome, *account.SignIn) string { return landing + "?openid.oa2.authorization_code=" }, "not copied whole"},
		"cancelled":        {func(*alexa.SignInHome, *account.SignIn) string { return landing + "?openid.mode=cancel" }, "cancelled"},
		"damaged":          {func(*alexa.SignInHome, *account.SignIn) string { return landing + "?openid.oa2.authorization_code=%zz" }, "damaged"},
		"endless":          {func(*alexa.SignInHome, *account.SignIn) string { return landing + "?" + strings.Repeat("x", 20_000) }, "too long"},
		"a mistyped code": {func(h *alexa.SignInHome, s *account.SignIn) string {
			return strings.Replace(h.Browse(s), "code=AN", "code=NA", 1)
		}, "does not accept this code"},
		"an earlier client": {func(h *alexa.SignInHome, s *account.SignIn) string {
			return h.Browse(s) + "&openid.oa2.client_id=device:00"
		}, "earlier sign-in"},
		"an earlier verifier": {func(h *alexa.SignInHome, s *account.SignIn) string {
			other := h.Begin("amazon.co.uk")
			defer other.Close()
			return h.Browse(other)
		}, "does not accept this code"},
		"too old": {func(h *alexa.SignInHome, s *account.SignIn) string {
			address := h.Browse(s)
			time.Sleep(5*time.Minute + time.Second)
			return address
		}, "older than five minutes"},
	} {
		t.Run(name, func(t *testing.T) {
			alexa.RunSignIn(t, func(h *alexa.SignInHome) {
				s := h.Begin("amazon.co.uk")
				defer s.Close()
				wrong := test.wrong(h, s)
				err := h.Finish(s, wrong)
				mistaken, ok := errors.AsType[*account.PastedError](err)
				if !ok {
					t.Fatalf("error %v, want a *PastedError", err)
				}
				if !strings.Contains(mistaken.Error(), test.says) {
					t.Errorf("it says %q, want %q in it", mistaken, test.says)
				}
				if _, err := os.Stat(h.File()); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("amazon.json is there: %v", err)
				}
				if err := h.Finish(s, h.Browse(s)); err != nil {
					t.Errorf("the right address after it: %v", err)
				}
				h.CleanPoll()
			})
		})
	}
}

func swapHost(address, host string) string {
	return strings.Replace(address, "www.amazon.com", host, 1)
}

func TestAddressWorksOnce(t *testing.T) {
	alexa.RunSignIn(t, func(h *alexa.SignInHome) {
		s := h.Begin("amazon.co.uk")
		defer s.Close()
		landing := h.Browse(s)
		if err := h.Finish(s, landing); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time Amazon is not even asked
			err := h.Finish(s, landing)
			if _, ok := errors.AsType[*account.PastedError](err); !ok || !strings.Contains(err.Error(), "already") {
				t.Errorf("error %v", err)
			}
		}
		if n := h.Account.Requests(amazontest.RegisterPath); n != 2 {
			t.Errorf("%d registrations were tried, want 2", n)
		}
		h.CleanPoll()
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
		"invalid, with 200":  {alexa.JSON(`{"response":{"error":{"code":"InvalidValue","message":"One or more provided values are invalid."}}}`), "One or more provided values are invalid."},
		"no credential":      {amazontest.Status(401, http.Header{"WWW-Authenticate": {`Basic realm="x", error="CredentialError"`}}, ""), "HTTP 401"},
		"a challenge":        {amazontest.Status(401, json, `{"response":{"challenge":{"challenge_reason":"HandleOnWebView","uri":"https://www.amazon.com/ap/signin"}}}`), "HandleOnWebView"},
		"a page for people":  {amazontest.Status(403, http.Header{"Content-Type": {"text/html"}}, "<html>no</html>"), "HTTP 403"},
		"OAuth's own answer": {amazontest.Status(400, json, `{"error":"invalid_grant","error_description":"The code has expired"}`), "The code has expired"},
	} {
		t.Run(name, func(t *testing.T) {
			alexa.RunSignIn(t, func(h *alexa.SignInHome) {
				s := h.Begin("amazon.co.uk")
				defer s.Close()
				h.Account.ScriptPath(amazontest.RegisterPath, test.answer)
				for n := range 2 {
					err := h.Finish(s, h.Browse(s))
					if _, ok := errors.AsType[*account.PastedError](err); !ok || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), "five minutes") {
						t.Errorf("error %v, want a *PastedError with %q", err, test.says)
					}
					if again := err != nil && strings.Contains(err.Error(), "update hueair2mqtt"); again != (n == 1) {
						t.Errorf("try %d: %v", n+1, err)
					}
				}
				h.Account.ScriptPath(amazontest.RegisterPath, nil)
				if err := h.Finish(s, h.Browse(s)); err != nil {
					t.Errorf("a new code: %v", err)
				}
			})
		})
	}
}

func TestTransientRegistrationFailure(t *testing.T) {
	alexa.RunSignIn(t, func(h *alexa.SignInHome) {
		s := h.Begin("amazon.co.uk")
		defer s.Close()
		landing := h.Browse(s)
		for _, answer := range []http.HandlerFunc{
			amazontest.Status(503, nil, ""),
			amazontest.Status(429, nil, ""),
			amazontest.Status(500, nil, `{"request_id":"1fbad2a3","response":{"error":{"code":"ServerError","index":"xYLI","message":"The server has encountered a runtime error."}}}`),
		} {
			h.Account.ScriptPath(amazontest.RegisterPath, answer)
			alexa.WantClass(t, h.Finish(s, landing), collectors.Transient)
		}
		h.Account.ScriptPath(amazontest.RegisterPath, nil)
		if err := h.Finish(s, landing); err != nil {
			t.Errorf("the same address once Amazon is back: %v", err)
		}
	})
}

func TestMalformedRegistrationIsPermanent(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"not JSON":  alexa.JSON("hello"),
		"no tokens": alexa.JSON(`{"response":{"success":{}}}`),
		"a number":  alexa.JSON(`{"response":{"success":{"tokens":{"bearer":5}}}}`),
		"404":       amazontest.Status(404, nil, ""),
	} {
		t.Run(name, func(t *testing.T) {
			alexa.RunSignIn(t, func(h *alexa.SignInHome) {
				s := h.Begin("amazon.co.uk")
				defer s.Close()
				h.Account.ScriptPath(amazontest.RegisterPath, answer)
				alexa.WantClass(t, h.Finish(s, h.Browse(s)), collectors.Permanent)
			})
		})
	}
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
	alexa.RunSignIn(t, func(h *alexa.SignInHome) {
		var output strings.Builder
		record := func(err error) { fmt.Fprintf(&output, "%v %+v %q %s\n", err, err, err, alexa.RemedyOf(err)) }
		s := h.Begin("amazon.co.uk")
		defer s.Close()
		for _, status := range []int{200, 400, 401, 500} {
			h.Account.ScriptPath(amazontest.RegisterPath, echo(status))
			record(h.Finish(s, h.Browse(s)))
		}
		h.Account.ScriptPath(amazontest.RegisterPath, nil)
		landing := h.Browse(s)
		record(h.Finish(s, landing))
		record(h.Finish(s, landing))
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			fmt.Fprintf(&output, verb+"\n", s)
		}
		h.CleanPoll()
		for _, status := range []int{200, 400, 401, 500} {
			h.Account.KillCookies()
			h.Account.ScriptPath(amazontest.TokenPath, echo(status))
			_, err := h.Collect()
			record(err)
		}
		h.Account.ScriptPath(amazontest.TokenPath, nil)
		h.Account.ScriptPath(amazontest.DeregisterPath, echo(400))
		record(h.SignOut())
		for _, entry := range h.Log.All() {
			fmt.Fprintln(&output, entry.Message, entry.ContextMap())
		}
		secrets := append(h.Account.Secrets(), landing)
		if len(secrets) < 25 || output.Len() < 2000 {
			t.Errorf("%d secrets, and %d bytes of output", len(secrets), output.Len())
		}
		for _, secret := range secrets {
			if strings.Contains(output.String(), secret) {
				t.Errorf("%q was printed", secret)
			}
		}
	})
}

package amazon_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/collectors/amazon/amazontest"
)

// signInHome is a testHome whose collector has no browser's cookies, only a state
// directory for a sign-in.
type signInHome struct {
	*testHome
	state   string
	options account.Options
}

// inSignInHome runs a test in a home where nobody has signed in yet.
func inSignInHome(t *testing.T, test func(h *signInHome)) {
	t.Helper()
	h := &signInHome{state: t.TempDir()}
	change := func(o *account.Options) {
		o.CookiesFile, o.StateDir, o.AuthEndpoint = "", h.state, "http://auth.test"
		o.Marketplaces = amazontest.Marketplaces
		h.options = *o
	}
	inHomeWith(t, change, func(inner *testHome) {
		h.testHome = inner
		test(h)
	})
}

// file is where the credentials are kept.
func (h *signInHome) file() string { return filepath.Join(h.state, "amazon.json") }

// begin begins a sign-in at a marketplace.
func (h *signInHome) begin(domain string) *account.SignIn {
	h.t.Helper()
	o := h.options
	o.Domain = domain
	s, err := account.NewSignIn(o)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// browse does what the user does in the browser.
func (h *signInHome) browse(s *account.SignIn) (landing string) {
	h.t.Helper()
	landing, err := h.account.Consent(s.Address())
	if err != nil {
		h.t.Fatal(err)
	}
	return landing
}

// finish gives a sign-in the address that the user pasted.
func (h *signInHome) finish(s *account.SignIn, pasted string) error {
	ctx, cancel := context.WithTimeout(h.t.Context(), interval)
	defer cancel()
	_, err := s.Finish(ctx, h.retry, pasted)
	return err
}

// signIn signs in from the beginning to the end.
func (h *signInHome) signIn(domain string) {
	h.t.Helper()
	s := h.begin(domain)
	defer s.Close()
	if err := h.finish(s, h.browse(s)); err != nil {
		h.t.Fatalf("signing in: %v", err)
	}
}

// signOut ends the sign-in.
func (h *signInHome) signOut() error {
	ctx, cancel := context.WithTimeout(h.t.Context(), interval)
	defer cancel()
	return account.SignOut(ctx, h.retry, h.options)
}

// read is the content of the credentials file.
func (h *signInHome) read() string {
	h.t.Helper()
	content, err := os.ReadFile(h.file())
	if err != nil {
		h.t.Fatal(err)
	}
	return string(content)
}

// restarted replaces the collector by a new one.
func (h *signInHome) restarted() {
	h.t.Helper()
	h.collector.Close()
	h.collector = newCollector(h.t, h.options)
	h.t.Cleanup(h.collector.Close)
}

// duringRenewal runs do once Amazon has renewed the cookies and before the response is
// there. The renewal counts as two requests.
func (h *signInHome) duringRenewal(do func()) {
	h.account.ScriptPath(amazontest.TokenPath, func(w http.ResponseWriter, r *http.Request) {
		h.account.ScriptPath(amazontest.TokenPath, nil)
		response := httptest.NewRecorder()
		h.account.ServeHTTP(response, r)
		do()
		maps.Copy(w.Header(), response.Header())
		w.WriteHeader(response.Code)
		if _, err := w.Write(response.Body.Bytes()); err != nil {
			h.t.Error(err)
		}
	})
}

var refusedByAlexa = []struct {
	name   string
	answer http.HandlerFunc
}{
	{"401", amazontest.Status(401, nil, "")},
	{"403", amazontest.Status(403, nil, "")},
	{"redirect to sign-in", amazontest.SignInRedirect},
	{"sign-in page", amazontest.SignInPage},
	{"GraphQL refusal", graphQL(`{"data":null,"errors":[{"message":"no","extensions":{"code":"UNAUTHENTICATED"}}]}`)},
}

func wantLogin(t *testing.T, err error) {
	t.Helper()
	wantClass(t, err, collectors.Authentication)
	if remedy := remedyOf(err); remedy != "Run: hueair2mqtt amazon login. No restart is needed." {
		t.Errorf("the remedy is %q", remedy)
	}
}

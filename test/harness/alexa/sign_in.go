package alexa

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/collectors/amazon/amazontest"
)

// SignInHome is a Home whose collector has no cookies of a browser but a state directory.
type SignInHome struct {
	*Home
	State   string // the state directory
	Options account.Options
}

// RunSignIn runs a test in a home without a sign-in.
func RunSignIn(t *testing.T, test func(h *SignInHome)) {
	t.Helper()
	h := &SignInHome{State: t.TempDir()}
	change := func(o *account.Options) {
		o.CookiesFile, o.StateDir, o.AuthEndpoint = "", h.State, "http://auth.test"
		o.Marketplaces = amazontest.Marketplaces
		h.Options = *o
	}
	RunWith(t, change, func(inner *Home) {
		h.Home = inner
		test(h)
	})
}

// File returns the path of amazon.json.
func (h *SignInHome) File() string { return filepath.Join(h.State, "amazon.json") }

// Begin begins a sign-in with a marketplace as the hint.
func (h *SignInHome) Begin(domain string) *account.SignIn {
	h.T.Helper()
	o := h.Options
	o.Domain = domain
	s, err := account.NewSignIn(o)
	if err != nil {
		h.T.Fatal(err)
	}
	return s
}

// Browse does what the user does in the browser, and returns the address it ends on.
func (h *SignInHome) Browse(s *account.SignIn) (landing string) {
	h.T.Helper()
	landing, err := h.Account.Consent(s.Address())
	if err != nil {
		h.T.Fatal(err)
	}
	return landing
}

// Finish pastes an address.
func (h *SignInHome) Finish(s *account.SignIn, pasted string) error {
	ctx, cancel := context.WithTimeout(h.T.Context(), Interval)
	defer cancel()
	_, err := s.Finish(ctx, h.Retry, pasted)
	return err
}

// SignIn begins and finishes a sign-in.
func (h *SignInHome) SignIn(domain string) {
	h.T.Helper()
	s := h.Begin(domain)
	defer s.Close()
	if err := h.Finish(s, h.Browse(s)); err != nil {
		h.T.Fatalf("signing in: %v", err)
	}
}

// SignOut signs out.
func (h *SignInHome) SignOut() error {
	ctx, cancel := context.WithTimeout(h.T.Context(), Interval)
	defer cancel()
	return account.SignOut(ctx, h.Retry, h.Options)
}

// Read returns the content of amazon.json.
func (h *SignInHome) Read() string {
	h.T.Helper()
	content, err := os.ReadFile(h.File())
	if err != nil {
		h.T.Fatal(err)
	}
	return string(content)
}

// Restart replaces the collector by a new one, with the options as they are now.
func (h *SignInHome) Restart() {
	h.T.Helper()
	h.Collector.Close()
	h.Collector = NewCollector(h.T, h.Options)
	h.T.Cleanup(h.Collector.Close)
}

// DuringRenewal runs do once Amazon has renewed the cookies and before the response is
// there. The renewal counts as two requests.
func (h *SignInHome) DuringRenewal(do func()) {
	h.Account.ScriptPath(amazontest.TokenPath, func(w http.ResponseWriter, r *http.Request) {
		h.Account.ScriptPath(amazontest.TokenPath, nil)
		response := httptest.NewRecorder()
		h.Account.ServeHTTP(response, r)
		do()
		maps.Copy(w.Header(), response.Header())
		w.WriteHeader(response.Code)
		if _, err := w.Write(response.Body.Bytes()); err != nil {
			h.T.Error(err)
		}
	})
}

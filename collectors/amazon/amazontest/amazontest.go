// Package amazontest is an Alexa host for tests and demonstrations, in the manner of
// net/http/httptest: a real HTTP handler that behaves as Amazon's does. It is also the
// sign-in page and the token host; their paths differ, so one server can be all of them.
//
// It is strict, so that a client that skips a step fails here and not at a user's: every
// request must carry every cookie, repeat the csrf cookie as a header once it was set, and
// ask GraphQL for the fields that it wants. Every field of a sign-in must be what the Alexa
// app sends; codes work once, and cookies expire. A test scripts whatever else can go
// wrong.
//
// The package has more than 1,500 lines because it is three of Amazon's hosts.
package amazontest

import (
	"net/http"
	"slices"
	"strings"
)

// ServeHTTP implements http.Handler.
func (a *Account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	h := a.next(r.URL.Path)
	a.mu.Unlock()
	if h != nil {
		h(w, r)
		return
	}
	page, known := map[string]struct {
		methods []string
		open    bool // requires no sign-in
		serve   http.HandlerFunc
	}{
		GraphQLPath:    {[]string{http.MethodPost}, false, a.serveGraphQL},
		PhoenixPath:    {[]string{http.MethodPost}, false, a.servePhoenix},
		EntitiesPath:   {[]string{http.MethodGet}, false, a.serveEntities},
		WelcomePath:    {[]string{http.MethodGet}, false, a.serveWelcome},
		SignInPath:     {[]string{http.MethodGet, http.MethodPost}, true, a.serveSignIn},
		LandingPath:    {[]string{http.MethodGet}, true, http.NotFound}, // as Amazon's is for browsers
		RegisterPath:   {[]string{http.MethodPost}, true, a.serveRegister},
		TokenPath:      {[]string{http.MethodPost}, true, a.serveToken},
		ExchangePath:   {[]string{http.MethodPost}, true, a.serveExchange},
		DeregisterPath: {[]string{http.MethodPost}, true, a.serveDeregister},
	}[r.URL.Path]
	switch {
	case !known:
		http.NotFound(w, r)
		return
	case !slices.Contains(page.methods, r.Method):
		w.Header().Set("Allow", strings.Join(page.methods, ", "))
		http.Error(w, "", http.StatusMethodNotAllowed)
		return
	}
	if !page.open {
		if code := a.authorizeRequest(w, r); code != http.StatusOK {
			http.Error(w, "", code)
			return
		}
		if r.Method == http.MethodPost && !isType(r, "application/json") {
			http.Error(w, "", http.StatusUnsupportedMediaType)
			return
		}
		a.mu.Lock()
		answer := a.throttle.answer(r)
		a.mu.Unlock()
		if answer != nil {
			answer(w, r)
			return
		}
	}
	page.serve(w, r)
}

// authorizeRequest checks the cookies of a request and sets the csrf cookie if it is missing.
func (a *Account) authorizeRequest(w http.ResponseWriter, r *http.Request) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.revoked || !strings.Contains(r.Header.Get("User-Agent"), "AmazonAlexa/") {
		return http.StatusUnauthorized
	}
	if !carries(r, a.cookies) && !a.signedIn(r) {
		return http.StatusUnauthorized
	}
	cookie, err := r.Cookie("csrf")
	switch {
	case err != nil:
		http.SetCookie(w, &http.Cookie{Name: "csrf", Value: a.csrf, Path: "/", Secure: true})
	case cookie.Value != a.csrf, r.Header.Get("csrf") != a.csrf:
		return http.StatusForbidden
	}
	return http.StatusOK
}

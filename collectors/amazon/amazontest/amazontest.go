// Package amazontest is an Alexa host for tests and demonstrations, in the
// manner of net/http/httptest: a real HTTP handler that behaves as Amazon's does.
// It also is the sign-in page and the token host: the paths differ, so that one
// server can stand for all of them.
//
// It is strict, so that a client that skips a step fails here rather than at a
// user's: every request must carry every cookie, must repeat the csrf cookie as a
// header once it was set, and must ask GraphQL for the fields that it wants. Of
// the sign-in, every field is held against what the Alexa app sends; codes are for
// once, and cookies end.
// What it never does by itself (hang, break off, refuse) a test scripts.
package amazontest

import (
	"net/http"
	"slices"
	"strings"
)

// ServeHTTP answers one request.
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
		open    bool // nobody needs to be signed in
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
		if code := a.admit(w, r); code != http.StatusOK {
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

// admit checks who asks, and sets the csrf cookie where it is missing.
func (a *Account) admit(w http.ResponseWriter, r *http.Request) int {
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

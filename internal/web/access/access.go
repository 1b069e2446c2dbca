// Package access decides who may use the page in the browser: it refuses what no visitor
// of the page sends, and holds the sessions of those who have signed in.
package access

import (
	"context"
	"net/http"

	"hueair2mqtt/configs"
	"hueair2mqtt/internal/httpguard"
)

// Access is the access to one page. It is safe for concurrent use.
type Access struct {
	guard    *guard
	sessions *sessions
	attempts *attempts
}

// New returns the access to a page until ctx is done. If ingress is true, only Home
// Assistant's Ingress may pass on requests. printCode is called with a one-time code
// for signing in, now and after each use of a code; if it is nil, no code is accepted.
func New(ctx context.Context, web configs.Web, ingress bool, printCode func(code string)) *Access {
	sessions := newSessions(ctx, web.Password, printCode)
	return &Access{newGuard(web, ingress, sessions.open()), sessions, newAttempts()}
}

// Open reports whether the page needs no sign-in. Only this machine or Home Assistant
// can reach such a page.
func (a *Access) Open() bool { return a.sessions.open() }

// ByPassword reports whether visitors sign in with a password, and not with a code.
func (a *Access) ByPassword() bool { return a.sessions.password != "" }

// Visit is one request by a visitor.
type Visit struct {
	Base    string // prefix of all paths, as the browser needs it
	Client  httpguard.Client
	Cookie  string          // "" if the request has none
	Session context.Context // done when the session ends; nil if the visitor is not signed in
}

// SignedIn reports whether the visitor is signed in.
func (v Visit) SignedIn() bool { return v.Session != nil }

// Visit identifies the visitor who sent a request.
func (a *Access) Visit(r *http.Request) Visit {
	cookie := cookieOf(r)
	return Visit{a.guard.base(r), httpguard.Proxies(a.guard.web.Proxies).Client(r), cookie, a.sessions.session(cookie)}
}

// Result is the result of an attempt to sign in.
type Result int

const (
	// SignedIn is an attempt with the password or the code.
	SignedIn Result = iota
	// Wrong is an attempt with another secret.
	Wrong
	// TooMany is an attempt that was not looked at. The next one is allowed after
	// RetryAfter.
	TooMany
)

// RetryAfter is the pause between attempts when there were too many.
const RetryAfter = attemptEvery

// SignIn starts a session if the secret is the password or the one-time code. It sets the
// visitor's cookie.
func (a *Access) SignIn(w http.ResponseWriter, r *http.Request, v Visit, secret string) Result {
	result := SignedIn
	if !a.sessions.useCode(secret) {
		result = a.checkPassword(v, secret)
	}
	if result == SignedIn {
		setCookie(w, r, v.Base, a.sessions.start(v.Cookie))
	}
	return result
}

func (a *Access) checkPassword(v Visit, secret string) Result {
	if !a.ByPassword() {
		return Wrong
	}
	known := ""
	if a.sessions.isKnown(v.Cookie) {
		known = v.Cookie
	}
	if !a.attempts.allow(v.Client, known) {
		return TooMany
	}
	if !equal(secret, a.sessions.password.Reveal()) {
		return Wrong
	}
	return SignedIn
}

// SignOut ends the visitor's session.
func (a *Access) SignOut(w http.ResponseWriter, r *http.Request, v Visit) {
	setCookie(w, r, v.Base, a.sessions.end(v.Cookie))
}

// Wrap puts the checks of requests before a handler. It removes the base path, which a
// reverse proxy may or may not have removed.
func (a *Access) Wrap(next http.Handler) http.Handler { return a.guard.wrap(next) }

package web

import (
	"context"
	"net/http"

	"hueair2mqtt/internal/httpguard"
)

// visit is one request by a visitor.
type visit struct {
	base    string // prefix of all paths, as the browser needs it
	client  httpguard.Client
	cookie  string          // "" if the request has none
	session context.Context // nil if the visitor is not signed in
}

func (v visit) signedIn() bool { return v.session != nil }

// visitors identifies the visitors of requests.
type visitors struct {
	guard    *guard
	sessions *sessions
}

func (v *visitors) visit(r *http.Request) visit {
	cookie := cookieOf(r)
	return visit{v.guard.base(r), v.guard.proxies.Client(r), cookie, v.sessions.session(cookie)}
}

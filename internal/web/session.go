package web

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"time"

	"hueair2mqtt/configs"
)

const (
	cookieName = "hueair2mqtt"
	// cookieLife is longer than a session, so that a browser that has signed in before
	// is recognized. 400 days are the maximum of browsers.
	cookieLife = 400 * 24 * time.Hour
	// sessionLife is how long somebody stays signed in.
	sessionLife = 7 * 24 * time.Hour
	// maxSessions bounds those who are; the one that ends first makes room.
	maxSessions = 64
)

// access knows who may use the page. Where neither password nor code is asked for,
// everybody may who can reach it, which is this machine alone.
//
// A visitor's cookie is nothing but a random id. Its session, if there is one, is
// kept in memory under the id's hash.
type access struct {
	life     context.Context // of the page
	password configs.Secret
	tell     func(code string) // nil: there are no codes
	key      []byte            // of the tokens
	attempts *attempts

	mu       sync.Mutex
	code     string
	sessions map[[sha256.Size]byte]*session
}

// session is a visitor who is signed in. Its context is done when that ends.
type session struct {
	context.Context
	end   context.CancelFunc
	until time.Time
}

func newAccess(life context.Context, password configs.Secret, tell func(code string)) *access {
	a := &access{
		life: life, password: password, tell: tell, key: make([]byte, 32),
		attempts: newAttempts(),
		sessions: make(map[[sha256.Size]byte]*session),
	}
	rand.Read(a.key) // never fails
	a.newCode()
	return a
}

func (a *access) newCode() {
	if a.tell != nil {
		a.code = rand.Text()
		a.tell(a.code)
	}
}

// open says that everybody may use the page who can reach it.
func (a *access) open() bool { return a.password == "" && a.tell == nil }

// visitor is the id of whoever sent a request; one who has none yet is given one.
// The id alone opens nothing.
func (a *access) visitor(w http.ResponseWriter, r *http.Request, base string) string {
	if c, err := r.Cookie(cookieName); err == nil && len(c.Value) >= 26 && len(c.Value) <= 64 {
		return c.Value
	}
	id := rand.Text()
	setCookie(w, r, base, id)
	return id
}

func setCookie(w http.ResponseWriter, r *http.Request, base, id string) {
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: id, Path: base + "/", MaxAge: int(cookieLife.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
		// A proxy that lies about this harms only its own users' sign-in.
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	})
}

// session returns the session of a visitor, or nil. Where everybody may use the page
// it is the page's life.
func (a *access) session(id string) context.Context {
	if a.open() {
		return a.life
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.sessions[sha256.Sum256([]byte(id))]
	if !ok || !time.Now().Before(s.until) {
		return nil
	}
	return s
}

// useCode reports whether the secret is the one-time code, which it replaces. The
// code has 130 random bits, so that the attempts need no limit.
func (a *access) useCode(secret string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.code == "" || !same(secret, a.code) {
		return false
	}
	a.newCode()
	return true
}

func (a *access) isPassword(secret string) bool {
	return a.password != "" && same(secret, a.password.Reveal())
}

// signIn begins a session under an id that nobody has known before, in place of the
// visitor's former one.
func (a *access) signIn(former string) (id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.end(sha256.Sum256([]byte(former)))
	for len(a.sessions) >= maxSessions {
		var first [sha256.Size]byte
		var ends time.Time
		for key, s := range a.sessions {
			if ends.IsZero() || s.until.Before(ends) {
				first, ends = key, s.until
			}
		}
		a.end(first)
	}
	id = a.newKnownID()
	s := &session{until: time.Now().Add(sessionLife)}
	s.Context, s.end = context.WithDeadline(a.life, s.until)
	a.sessions[sha256.Sum256([]byte(id))] = s
	return id
}

// signOut ends a visitor's session. The id that it returns is for the visitor's
// cookie.
func (a *access) signOut(id string) (next string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.end(sha256.Sum256([]byte(id)))
	return a.newKnownID()
}

// end ends a session if there is one.
func (a *access) end(key [sha256.Size]byte) {
	if s, ok := a.sessions[key]; ok {
		s.end()
		delete(a.sessions, key)
	}
}

// A known id belongs to a browser that has signed in, and shows that by a signature.
// It outlives the session, opens nothing, and has its own limit of attempts.

func (a *access) newKnownID() string {
	random := rand.Text()
	return random + "." + a.sign("browser", random)
}

func (a *access) isKnown(id string) bool {
	random, signature, ok := strings.Cut(id, ".")
	return ok && same(signature, a.sign("browser", random))
}

// token is what a form of this visitor must hold: no other page can know it.
func (a *access) token(id string) string { return a.sign("form", id) }

func (a *access) sign(purpose, text string) string {
	mac := hmac.New(sha256.New, a.key)
	mac.Write([]byte(purpose + "\x00" + text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// same compares in a time that tells nothing of either, their lengths included.
func same(a, b string) bool {
	sumA, sumB := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(sumA[:], sumB[:]) == 1
}

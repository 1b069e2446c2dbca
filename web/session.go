package web

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"hueair2mqtt/configs"
)

const (
	cookieName = "hueair2mqtt"
	// sessionLife is how long somebody stays signed in.
	sessionLife = 7 * 24 * time.Hour
	// maxSessions bounds those who are; the one that ends first makes room.
	maxSessions = 64

	// Signing in may be tried 5 times at once, then every 10 seconds: a password of
	// 8 characters is not guessed like that.
	triesAtOnce = 5
	tryEvery    = 10 * time.Second
)

// access knows who may use the page. Where neither password nor code is asked for,
// everybody may who can reach it, which is this machine alone.
//
// A visitor's cookie is nothing but a random id. Its session, if there is one, is
// kept in memory under the id's hash.
type access struct {
	password configs.Secret
	tell     func(code string) // nil: there are no codes
	key      []byte            // of the tokens
	tries    *rate.Limiter

	mu       sync.Mutex
	code     string
	sessions map[[sha256.Size]byte]time.Time // until when
}

func newAccess(password configs.Secret, tell func(code string)) *access {
	a := &access{
		password: password, tell: tell, key: make([]byte, 32),
		tries:    rate.NewLimiter(rate.Every(tryEvery), triesAtOnce),
		sessions: make(map[[sha256.Size]byte]time.Time),
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
		Name: cookieName, Value: id, Path: base + "/", MaxAge: int(sessionLife.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
		// A proxy that lies about this harms only its own users' sign-in.
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	})
}

// admits says whether a visitor is signed in.
func (a *access) admits(id string) bool {
	if a.open() {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	until, ok := a.sessions[sha256.Sum256([]byte(id))]
	return ok && time.Now().Before(until)
}

// signIn lets somebody in who knows the password or the code, under an id that
// nobody has known before.
func (a *access) signIn(secret string) (id string, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	byPassword := a.password != "" && same(secret, a.password.Reveal())
	byCode := a.code != "" && same(secret, a.code)
	if !byPassword && !byCode {
		return "", false
	}
	if byCode {
		a.newCode()
	}
	now := time.Now()
	for len(a.sessions) >= maxSessions {
		var first [sha256.Size]byte
		var ends time.Time
		for key, until := range a.sessions {
			if ends.IsZero() || until.Before(ends) {
				first, ends = key, until
			}
		}
		delete(a.sessions, first)
	}
	id = rand.Text()
	a.sessions[sha256.Sum256([]byte(id))] = now.Add(sessionLife)
	return id, true
}

func (a *access) signOut(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.sessions, sha256.Sum256([]byte(id)))
}

// token is what a form of this visitor must hold: no other page can know it.
func (a *access) token(id string) string {
	mac := hmac.New(sha256.New, a.key)
	mac.Write([]byte(id))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// same compares in a time that tells nothing of either, their lengths included.
func same(a, b string) bool {
	sumA, sumB := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(sumA[:], sumB[:]) == 1
}

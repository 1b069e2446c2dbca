package access

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"hueair2mqtt/configs"
)

const (
	cookieName = "hueair2mqtt"
	// cookieLifetime is longer than a session, so that a browser that was signed in is
	// recognized. Browsers allow 400 days at most.
	cookieLifetime  = 400 * 24 * time.Hour
	sessionLifetime = 7 * 24 * time.Hour
	// maxSessions bounds the sessions. A new one replaces the oldest.
	maxSessions = 64
)

// sessions holds the secrets that sign a visitor in, and the sessions of the
// visitors. Sessions are lost when the program ends.
type sessions struct {
	ctx       context.Context
	password  configs.Secret
	printCode func(code string) // nil: there are no codes
	key       []byte            // signs cookies

	mu   sync.Mutex
	code string
	list []session // the oldest first
}

// session is a visitor who is signed in. Its context is done when the session ends.
type session struct {
	context.Context
	end    context.CancelFunc
	cookie string
}

func newSessions(ctx context.Context, password configs.Secret, printCode func(code string)) *sessions {
	s := &sessions{ctx: ctx, password: password, printCode: printCode, key: make([]byte, 32)}
	rand.Read(s.key) // never fails
	s.newCode()
	return s
}

func (s *sessions) newCode() {
	if s.printCode != nil {
		s.code = rand.Text()
		s.printCode(s.code)
	}
}

// open reports whether the page needs no sign-in. Only this machine or Home Assistant
// can reach such a page.
func (s *sessions) open() bool { return s.password == "" && s.printCode == nil }

// session returns the session of a cookie, or nil. On an open page every visitor has
// the same session, which ends with the page.
func (s *sessions) session(cookie string) context.Context {
	if s.open() {
		return s.ctx
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.index(cookie); i >= 0 && s.list[i].Err() == nil {
		return s.list[i]
	}
	return nil
}

// index returns the place of a session in the list, or -1.
func (s *sessions) index(cookie string) int {
	return slices.IndexFunc(s.list, func(each session) bool { return equal(each.cookie, cookie) })
}

// useCode reports whether the secret is the one-time code, and replaces the code if
// so. The code has 130 random bits, so attempts need no limit.
func (s *sessions) useCode(secret string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.code == "" || !equal(secret, s.code) {
		return false
	}
	s.newCode()
	return true
}

// start starts a session in place of the one that a cookie has, and returns its new
// cookie.
func (s *sessions) start(previous string) (cookie string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(s.index(previous))
	if len(s.list) == maxSessions {
		s.remove(0)
	}
	started := session{cookie: s.newCookie()}
	started.Context, started.end = context.WithTimeout(s.ctx, sessionLifetime)
	s.list = append(s.list, started)
	return started.cookie
}

// end ends the session of a cookie. It returns a cookie by which the browser is
// recognized at its next sign-in.
func (s *sessions) end(cookie string) (next string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(s.index(cookie))
	return s.newCookie()
}

func (s *sessions) remove(i int) {
	if i >= 0 {
		s.list[i].end()
		s.list = slices.Delete(s.list, i, i+1)
	}
}

// newCookie returns a random cookie with a signature. It grants nothing by itself.
func (s *sessions) newCookie() string {
	random := rand.Text()
	return random + "." + s.sign(random)
}

// isKnown reports whether a cookie was given to a browser that has signed in since
// the program was started. Its session may have ended.
func (s *sessions) isKnown(cookie string) bool {
	random, signature, ok := strings.Cut(cookie, ".")
	return ok && equal(signature, s.sign(random))
}

func (s *sessions) sign(text string) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// equal compares in a time that does not depend on the texts or their lengths.
func equal(a, b string) bool {
	sumA, sumB := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(sumA[:], sumB[:]) == 1
}

// cookieOf returns the value of a request's cookie, or "".
func cookieOf(r *http.Request) string {
	if c, err := r.Cookie(cookieName); err == nil {
		return c.Value
	}
	return ""
}

func setCookie(w http.ResponseWriter, r *http.Request, base, value string) {
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: value, Path: base + "/", MaxAge: int(cookieLifetime.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
		// Anyone can forge this header, but only for their own cookie.
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	})
}

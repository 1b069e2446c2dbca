package amazontest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// device is one registration.
type device struct {
	serial       string
	refreshToken string
	accessTokens map[string]time.Time // and when they expire
	jars         []jar
}

// jar is a set of cookies for one marketplace.
type jar struct {
	domain  string
	cookies map[string]string
	expires time.Time
}

const (
	// accessTokenLife is how long an access token lasts.
	accessTokenLife = time.Hour

	// atCookieLife is how long the at-* cookies last, and with them the session.
	// The others last a year longer.
	atCookieLife = 24 * time.Hour
	longLife     = 365 * 24 * time.Hour

	// codeLife is how long an authorization code is valid.
	codeLife = 5 * time.Minute
)

// grant is what an authorization code is valid for.
type grant struct {
	clientID  string
	challenge string
	expires   time.Time
	used      bool
}

// matches reports whether a verifier is that of the challenge (RFC 7636, 4.6).
func (g *grant) matches(verifier string) bool {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:]) == g.challenge
}

func secret() string {
	b := make([]byte, 12)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// Holder is the name of the account's holder in a registration.
const Holder = "Test Holder"

// signIns are the devices of the account and how they sign in.
type signIns struct {
	mu                  *sync.Mutex // of the account
	home                string      // marketplace
	region              string
	codeLife            time.Duration
	cookieLife          time.Duration
	cookieLifeAnnounced bool
	clock               time.Duration      // how far Amazon's clock is from the test's
	grants              map[string]*grant  // by code
	devices             map[string]*device // by refresh token
	handedOut           []string           // secrets of signing in
}

// handOut records secrets that have left the host. The caller holds the lock.
func (s *signIns) handOut(secrets ...string) { s.handedOut = append(s.handedOut, secrets...) }

// SetHome sets the account's home: its marketplace, and the region in a registration
// ("NA", "EU", "FE").
func (s *signIns) SetHome(domain, region string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.home, s.region = domain, region
}

// SetCookieLife sets how long the at-* cookies of sign-ins last from now on, and whether
// responses say when they expire.
func (s *signIns) SetCookieLife(life time.Duration, announced bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cookieLife, s.cookieLifeAnnounced = life, announced
}

// SetClock sets how far the clock of the token host is ahead of the test's.
func (s *signIns) SetClock(ahead time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = ahead
}

// SetCodeLife sets how long an authorization code is valid.
func (s *signIns) SetCodeLife(life time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codeLife = life
}

// KillCookies ends the cookies of all sign-ins before they expire.
func (s *signIns) KillCookies() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.devices {
		d.jars = nil
	}
}

// RevokeTokens ends all sign-ins, as a changed password does. New ones work.
func (s *signIns) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.devices)
}

// Devices returns the serial numbers of the registered devices, sorted.
func (s *signIns) Devices() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var serials []string
	for _, d := range s.devices {
		serials = append(serials, d.serial)
	}
	slices.Sort(serials)
	return serials
}

// newJar makes cookies of a marketplace for a device. The caller holds the lock.
func (s *signIns) newJar(d *device, domain string) jar {
	suffix := "main"
	if domain != "amazon.com" {
		suffix = "acb" + domain[strings.LastIndexByte(domain, '.')+1:]
	}
	j := jar{domain: domain, expires: time.Now().Add(s.cookieLife), cookies: map[string]string{
		"at-" + suffix:      "Atza|" + secret(),
		"sess-at-" + suffix: secret() + "=",
		"session-id":        "262-" + secret(),
		"session-id-time":   "2082787201l-" + secret(),
		"session-token":     secret() + "/" + secret() + "==",
		"ubid-" + suffix:    "261-" + secret(),
		"x-" + suffix:       secret() + "@" + secret(),
	}}
	d.jars = slices.DeleteFunc(d.jars, func(j jar) bool { return !j.expires.After(time.Now()) })
	d.jars = append(d.jars, j)
	s.handOut(slices.Sorted(maps.Values(j.cookies))...)
	return j
}

func (s *signIns) newAccessToken(d *device) string {
	token := "Atna|" + secret() + secret()
	d.accessTokens[token] = time.Now().Add(accessTokenLife)
	s.handOut(token)
	return token
}

// cookieList returns a jar as the token host writes it. Some values carry quotes.
func (s *signIns) cookieList(j jar, without string) []any {
	cookies := []any{}
	for _, name := range slices.Sorted(maps.Keys(j.cookies)) {
		if name == without {
			continue
		}
		value, expires := j.cookies[name], j.expires.Add(s.clock)
		if strings.HasPrefix(name, "at-") || strings.HasPrefix(name, "x-") {
			value = `"` + value + `"`
		}
		if !strings.HasPrefix(name, "at-") {
			expires = expires.Add(longLife)
		}
		// Amazon writes the two flags as text.
		c := map[string]any{"Name": name, "Value": value, "Path": "/", "Secure": "true", "HttpOnly": strconv.FormatBool(strings.HasPrefix(name, "at-"))}
		if s.cookieLifeAnnounced {
			c["Expires"] = expires.UTC().Format("2 Jan 2006 15:04:05 GMT")
		}
		cookies = append(cookies, c)
	}
	return cookies
}

// date sets the date of a response to the host's time.
func (s *signIns) date(w http.ResponseWriter) {
	w.Header().Set("Date", time.Now().Add(s.clock).UTC().Format(http.TimeFormat))
}

// signedIn reports whether a request carries all cookies of a sign-in. Those of another
// marketplace only allow asking for the home, and not even that in the region FE (Home
// Assistant core issue 158524).
func (s *signIns) signedIn(r *http.Request) bool {
	now := time.Now()
	for _, d := range s.devices {
		for _, j := range d.jars {
			good := j.domain == s.home || (r.URL.Path == WelcomePath && s.region != "FE")
			if good && isFor(r, "alexa."+j.domain) && j.expires.After(now) && carries(r, j.cookies) {
				return true
			}
		}
	}
	return false
}

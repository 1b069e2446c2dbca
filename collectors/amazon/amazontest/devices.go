package amazontest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
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

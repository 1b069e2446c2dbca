package account

import (
	"time"

	"hueair2mqtt/collectors/amazon/wire"
)

// ParseCookies is parseCookies.
func ParseCookies(content []byte, domain string) (map[string]string, error) {
	return parseCookies(content, domain)
}

// ParseTokenCookies is parseTokenCookies, with the names and ends of the cookies.
func ParseTokenCookies(body []byte, domain string) (map[string]time.Time, error) {
	cookies, err := parseTokenCookies(tokenAnswer{body: body}, domain)
	ends := map[string]time.Time{}
	for _, c := range cookies {
		ends[c.Name] = c.Expires
	}
	return ends, err
}

// LandingCode is landingCode.
func LandingCode(text, clientID string, marketplaces, hosts []string) (string, error) {
	code, err := landingCode(text, clientID, marketplaces, hosts)
	return string(code), err
}

// Secrets are values of the types that hold secrets, with each of these inside.
func Secrets(value string) []any {
	c := credentials{RefreshToken: wire.Secret(value), Cookies: []cookie{{Name: "at-main", Value: wire.Secret(value)}}}
	return []any{wire.Secret(value), c, &c, c.Cookies}
}

package account

import (
	"hueair2mqtt/collectors/amazon/account/tokenhost"
	"hueair2mqtt/collectors/amazon/wire"
)

// ParseCookies is parseCookies.
func ParseCookies(content []byte, domain string) (map[string]string, error) {
	return parseCookies(content, domain)
}

// LandingCode is landingCode.
func LandingCode(text, clientID string, marketplaces, hosts []string) (string, error) {
	code, err := landingCode(text, clientID, marketplaces, hosts)
	return string(code), err
}

// Secrets are values of the types that hold secrets, with each of these inside.
func Secrets(value string) []any {
	c := credentials{RefreshToken: wire.Secret(value), Cookies: []tokenhost.Cookie{{Name: "at-main", Value: wire.Secret(value)}}}
	return []any{wire.Secret(value), c, &c, c.Cookies}
}

package tokenhost

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/wire"
)

// Cookie is one of Amazon's. Expires is zero if Amazon did not send it.
type Cookie struct {
	Name    string      `json:"name"`
	Value   wire.Secret `json:"value"`
	Expires time.Time   `json:"expires,omitzero"`
}

// CheckCookie rejects what can't be sent in a Cookie header. The error names the
// cookie, never its value.
func CheckCookie(name, value string) error {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) || strings.ContainsRune("=;,\"", r)
	}) {
		return fmt.Errorf("%q can't be the name of a cookie", collectors.CleanText(name))
	}
	for _, r := range value {
		switch {
		case unicode.IsControl(r):
			return fmt.Errorf("the value of cookie %s holds a line break or another control character", name)
		case r == ';':
			return fmt.Errorf("the value of cookie %s holds a semicolon: is it more than one cookie?", name)
		}
	}
	return nil
}

// Unquote strips the quotes that some of Amazon's values carry (at-acbuk); the
// browser's developer tools show them, and not every exporter removes them.
func Unquote(value string) string {
	value = strings.TrimSpace(value)
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		return value[1 : len(value)-1]
	}
	return value
}

// parseCookies returns the cookies of a marketplace from a response, which has
// them by domain.
func parseCookies(body []byte, domain string, clockAhead time.Duration) ([]Cookie, error) {
	at, err := wire.Dig(body, "response", "tokens", "cookies")
	if err != nil {
		return nil, wire.Malformed("%v", err)
	}
	byDomain := map[string]json.RawMessage{}
	if err := json.Unmarshal(at, &byDomain); err != nil || wire.IsNull(at) {
		return nil, wire.Malformed("response.tokens.cookies: %s where an object belongs", wire.Shape(at))
	}
	var cookies []Cookie
	for _, host := range slices.Sorted(maps.Keys(byDomain)) {
		name := strings.TrimPrefix(strings.ToLower(host), ".")
		if name != domain && !strings.HasSuffix(name, "."+domain) {
			continue
		}
		some, err := parseCookieList(byDomain[host], clockAhead)
		if err != nil {
			return nil, wire.Malformed("cookies of %s: %v", collectors.CleanText(host), err)
		}
		cookies = append(cookies, some...)
	}
	if len(cookies) == 0 {
		return nil, wire.Malformed("it holds no cookie of %s", domain)
	}
	return cookies, nil
}

// parseCookieList reads cookies as the token host writes them, and when they expire by
// this machine's clock. One that can't be sent is an error: a session with some of its
// cookies is useless.
func parseCookieList(raw json.RawMessage, ahead time.Duration) ([]Cookie, error) {
	entries, err := wire.List(raw)
	if err != nil {
		return nil, err
	}
	var cookies []Cookie
	for i, entry := range entries {
		var fields struct{ Name, Value, Expires json.RawMessage }
		if err := wire.Object(entry, &fields); err != nil {
			return nil, fmt.Errorf("cookie %d: %w", i, err)
		}
		name, err := wire.Text(fields.Name)
		if err != nil {
			return nil, fmt.Errorf("cookie %d: Name: %w", i, err)
		}
		value, err := wire.Text(fields.Value)
		if err != nil {
			return nil, fmt.Errorf("cookie %d: Value: %w", i, err)
		}
		value = Unquote(value)
		if err := CheckCookie(name, value); err != nil {
			return nil, err
		}
		c := Cookie{Name: name, Value: wire.Secret(value)}
		if c.Expires = parseExpires(wire.FirstText(fields.Expires)); !c.Expires.IsZero() {
			c.Expires = c.Expires.Add(ahead)
		}
		// An empty or expired cookie deletes one.
		if value != "" && (c.Expires.IsZero() || c.Expires.After(time.Now())) {
			cookies = append(cookies, c)
		}
	}
	return cookies, nil
}

// expiresLayouts are how Amazon and RFC 6265 write when a cookie expires.
var expiresLayouts = []string{
	"2 Jan 2006 15:04:05 MST", time.RFC1123, time.RFC1123Z, "Mon, 02-Jan-2006 15:04:05 MST", "Mon, 2 Jan 2006 15:04:05 MST",
	time.RFC3339, time.RFC850, time.ANSIC,
}

// parseExpires reads a time. One that can't be read is zero: a cookie whose expiry is
// unknown is renewed when it is refused.
func parseExpires(s string) time.Time {
	s = strings.TrimSpace(s)
	for _, layout := range expiresLayouts {
		if at, err := time.Parse(layout, s); err == nil {
			return at.UTC()
		}
	}
	if seconds, err := strconv.ParseFloat(s, 64); err == nil && seconds > 1e9 && seconds < 1e11 {
		return time.Unix(int64(seconds), 0).UTC()
	}
	return time.Time{}
}

package account

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/wire"
)

// parseTokenCookies returns the cookies of a marketplace from a response, which has
// them by domain.
func parseTokenCookies(a tokenAnswer, domain string) ([]cookie, error) {
	at, err := wire.Dig(a.body, "response", "tokens", "cookies")
	if err != nil {
		return nil, wire.Malformed("%v", err)
	}
	byDomain := map[string]json.RawMessage{}
	if err := json.Unmarshal(at, &byDomain); err != nil || wire.IsNull(at) {
		return nil, wire.Malformed("response.tokens.cookies: %s where an object belongs", wire.Shape(at))
	}
	var cookies []cookie
	for _, host := range slices.Sorted(maps.Keys(byDomain)) {
		name := strings.TrimPrefix(strings.ToLower(host), ".")
		if name != domain && !strings.HasSuffix(name, "."+domain) {
			continue
		}
		some, err := parseCookieList(byDomain[host], a.ahead)
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
func parseCookieList(raw json.RawMessage, ahead time.Duration) ([]cookie, error) {
	entries, err := wire.List(raw)
	if err != nil {
		return nil, err
	}
	var cookies []cookie
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
		value = unquote(value)
		if err := checkCookie(name, value); err != nil {
			return nil, err
		}
		c := cookie{Name: name, Value: wire.Secret(value)}
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

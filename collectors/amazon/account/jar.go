package account

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"hueair2mqtt/collectors"
)

const (
	// maxCookies and maxCookieValue bound what responses may add, as every request
	// carries it (RFC 6265, 6.1: 4096 bytes a cookie).
	maxCookies     = 200
	maxCookieValue = 4096

	// csrfCookie is the cookie whose value every request repeats as a header, to
	// show that it was not sent by a foreign page.
	csrfCookie = "csrf"
)

// jar holds the cookies that requests carry, by name. net/http/cookiejar does not fit:
// the cookies have no domain, and their names and values need not follow RFC 6265.
type jar map[string]string

// authorize adds the cookies and the csrf header to the headers of a request.
func (j jar) authorize(header http.Header) {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(j)) {
		pairs = append(pairs, name+"="+j[name])
	}
	header.Set("Cookie", strings.Join(pairs, "; "))
	if csrf := j[csrfCookie]; csrf != "" {
		header.Set(csrfCookie, csrf)
	}
}

// learn takes the cookies that a response sets.
func (j jar) learn(resp *http.Response) {
	for _, cookie := range resp.Cookies() {
		_, known := j[cookie.Name]
		switch {
		case cookie.MaxAge < 0, cookie.Value == "", !cookie.Expires.IsZero() && cookie.Expires.Before(time.Now()):
			delete(j, cookie.Name)
		case len(cookie.Value) > maxCookieValue, !known && len(j) >= maxCookies,
			checkCookie(cookie.Name, cookie.Value) != nil:
		default:
			j[cookie.Name] = cookie.Value
		}
	}
}

// checkCookie rejects what can't be sent in a Cookie header. The error names the
// cookie, never its value.
func checkCookie(name, value string) error {
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

// unquote strips the quotes that some of Amazon's values carry (at-acbuk); the
// browser's developer tools show them, and not every exporter removes them.
func unquote(value string) string {
	value = strings.TrimSpace(value)
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		return value[1 : len(value)-1]
	}
	return value
}

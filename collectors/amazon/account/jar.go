package account

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"hueair2mqtt/collectors/amazon/account/tokenhost"
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
			tokenhost.CheckCookie(cookie.Name, cookie.Value) != nil:
		default:
			j[cookie.Name] = cookie.Value
		}
	}
}

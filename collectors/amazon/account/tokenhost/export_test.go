package tokenhost

import "time"

// ParseCookies is parseCookies, with the names and ends of the cookies.
func ParseCookies(body []byte, domain string) (map[string]time.Time, error) {
	cookies, err := parseCookies(body, domain, 0)
	ends := map[string]time.Time{}
	for _, c := range cookies {
		ends[c.Name] = c.Expires
	}
	return ends, err
}

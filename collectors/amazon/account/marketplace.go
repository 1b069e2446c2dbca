package account

import (
	"regexp"
	"slices"
	"strings"
)

const (
	// signInDomain is where every account signs in and registers, whatever its country.
	// At the other marketplaces the app's handle has been answered with 404 since August
	// 2025 (aioamazondevices issues 935 and 1011).
	signInDomain = "amazon.com"

	japanDomain     = "amazon.co.jp"
	australiaDomain = "amazon.com.au"
)

var (
	// domainPattern is that of Amazon's marketplaces: amazon.com, amazon.co.uk,
	// amazon.com.au.
	domainPattern = regexp.MustCompile(`^amazon\.[a-z]{2,3}(\.[a-z]{2})?$`)

	// hostPattern finds the marketplace that a host belongs to.
	hostPattern = regexp.MustCompile(`(?:^|\.)(amazon\.[a-z]{2,3}(?:\.[a-z]{2})?)$`)
)

// isRetailHost reports whether a host is the retail host of one of the marketplaces.
// Browsers leave "www." out of what they show.
func isRetailHost(host string, marketplaces []string) bool {
	domain := strings.TrimPrefix(strings.ToLower(host), "www.")
	return domainPattern.MatchString(domain) && (len(marketplaces) == 0 || slices.Contains(marketplaces, domain))
}

// marketplaceOf returns the marketplace of a host, or "" if it is not one of the
// marketplaces.
func marketplaceOf(host string, marketplaces []string) string {
	match := hostPattern.FindStringSubmatch(strings.ToLower(strings.TrimSpace(host)))
	if match == nil || (len(marketplaces) > 0 && !slices.Contains(marketplaces, match[1])) {
		return ""
	}
	return match[1]
}

package amazontest

import (
	"net"
	"net/http"
	"strings"
)

// tokenHost is the same for all marketplaces.
const tokenHost = "api.amazon.com"

// isFor reports whether a request was sent to one of Amazon's hosts, or to an address
// that stands for all of them.
func isFor(r *http.Request, host string) bool {
	asked := r.Host
	if name, _, err := net.SplitHostPort(asked); err == nil {
		asked = name
	}
	return asked == host || !strings.Contains(asked, "amazon.")
}

// Package httpguard serves HTTP to untrusted clients. It checks Host
// headers, identifies clients, and bounds what each of them can hold. The page in the
// browser and the metrics use it.
package httpguard

import (
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Hosts are the names that requests to a server may have in their Host header.
//
// A foreign site can point a DNS name of its own at this machine (DNS rebinding). The
// browser then treats both as one origin and lets the site read the responses, but it
// sends that name in the Host header. IP addresses and localhost can't be rebound, so
// they are always allowed.
type Hosts []string

// Allowed reports whether a Host header is allowed. It may have a port.
func (h Hosts) Allowed(hostport string) bool {
	host := hostport
	if name, _, err := net.SplitHostPort(hostport); err == nil {
		host = name
	} else if inner, ok := strings.CutPrefix(hostport, "["); ok {
		host = strings.TrimSuffix(inner, "]")
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return host == "localhost" || host != "" && slices.Contains(h, host)
}

// Package httpguard keeps strangers from misusing or holding an HTTP server: it
// checks Host headers, identifies clients, and bounds connections. The page in the
// browser and the metrics share it.
package httpguard

import (
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Hosts are the names by which a server may be called.
//
// A foreign web page can point a DNS name of its own at this machine (DNS rebinding).
// The browser then treats both as one origin and lets the page read the answers, but
// it sends that name in the Host header. An IP address or localhost can't be
// rebound, so these are always allowed.
type Hosts []string

// Allowed reports whether a request with this Host header, with or without a port,
// may be answered.
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

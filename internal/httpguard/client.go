package httpguard

import (
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Client identifies the sender of requests for limits: an IPv4 address, or the /64
// of an IPv6 address, since every host of such a network can take any address in
// it. All senders without an IP address share the zero Client.
type Client struct{ prefix netip.Prefix }

// ClientOf returns the client that has an address.
func ClientOf(address netip.Addr) Client {
	address = address.Unmap().WithZone("")
	bits := address.BitLen()
	if address.Is6() {
		bits = 64
	}
	prefix, err := address.Prefix(bits)
	if err != nil {
		return Client{} // of the zero address
	}
	return Client{prefix}
}

// Local reports whether the client is on this machine or in a private network.
func (c Client) Local() bool {
	address := c.prefix.Addr()
	return address.IsLoopback() || c.prefix.Contains(netip.IPv6Loopback()) || address.IsPrivate() || address.IsLinkLocalUnicast()
}

func (c Client) String() string {
	switch {
	case !c.prefix.IsValid():
		return "unknown"
	case c.prefix.IsSingleIP():
		return c.prefix.Addr().String()
	}
	return c.prefix.String()
}

// Proxies are the networks of the reverse proxies whose X-Forwarded-For header is
// believed. From everyone else the header is ignored, since a client can write
// anything into it.
type Proxies []netip.Prefix

// Trusts reports whether the address belongs to a trusted proxy.
func (p Proxies) Trusts(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(address) })
}

// Client returns the client that sent a request. Behind trusted proxies this is the
// last address in X-Forwarded-For that is not a trusted proxy itself: a client can
// only add entries in front of the one that the proxy appends.
func (p Proxies) Client(r *http.Request) Client {
	address := remoteAddr(r.RemoteAddr)
	forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(forwarded) - 1; i >= 0 && p.Trusts(address); i-- {
		next := remoteAddr(strings.TrimSpace(forwarded[i]))
		if !next.IsValid() {
			break
		}
		address = next
	}
	return ClientOf(address)
}

// remoteAddr parses an address that may have a port. It returns the zero Addr for
// anything else.
func remoteAddr(text string) netip.Addr {
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	address, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return address
}

// forwardingHeaders are those that reverse proxies add, beside X-Forwarded-*.
var forwardingHeaders = []string{
	"Cf-Connecting-Ip", "Forwarded", "True-Client-Ip", "Via", "X-Client-Ip", "X-Original-Forwarded-For", "X-Real-Ip", "X-Scheme",
}

func isForwarding(header string) bool {
	return strings.HasPrefix(header, "X-Forwarded-") || slices.Contains(forwardingHeaders, header)
}

// IsForwarded reports whether a request shows that a reverse proxy passed it on. Not
// every proxy leaves a trace: nginx adds no header by default, but speaks HTTP/1.0,
// which browsers don't.
func IsForwarded(r *http.Request) bool {
	for header := range r.Header {
		if isForwarding(header) {
			return true
		}
	}
	return !r.ProtoAtLeast(1, 1)
}

// RemoveForwarding removes the headers by which IsForwarded recognizes a request.
func RemoveForwarding(h http.Header) {
	maps.DeleteFunc(h, func(header string, _ []string) bool { return isForwarding(header) })
}

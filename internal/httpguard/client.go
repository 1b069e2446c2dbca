package httpguard

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Client identifies the sender of requests for limits: an IPv4 address, or the /64 of
// an IPv6 address, since a host can take any address in such a network. All senders
// without an IP address share the zero Client.
type Client struct{ prefix netip.Prefix }

// ClientOf returns the client with an address.
func ClientOf(address netip.Addr) Client {
	address = address.Unmap().WithZone("")
	bits := address.BitLen()
	if address.Is6() {
		bits = 64
	}
	prefix, err := address.Prefix(bits)
	if err != nil {
		return Client{} // the address is zero
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

// Proxies are the networks of the trusted reverse proxies. X-Forwarded-For is ignored
// from everyone else, since a client can write anything into it.
type Proxies []netip.Prefix

// Trusts reports whether the address belongs to a trusted proxy.
func (p Proxies) Trusts(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(address) })
}

// Client returns the client that sent a request. Behind trusted proxies it is the last
// address in X-Forwarded-For that is not a trusted proxy: a client can only add
// entries before the one that the proxy appends.
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

// remoteAddr parses an address with or without a port. It returns the zero Addr if the
// text is neither.
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

// forwardingHeaders are the headers that reverse proxies add, except for X-Forwarded-*.
var forwardingHeaders = []string{
	"Cf-Connecting-Ip", "Forwarded", "True-Client-Ip", "Via", "X-Client-Ip", "X-Original-Forwarded-For", "X-Real-Ip", "X-Scheme",
}

// IsForwarded reports whether a request has signs of a reverse proxy. Not every proxy
// leaves one. By default nginx adds no header but uses HTTP/1.0, which browsers don't.
func IsForwarded(r *http.Request) bool {
	for header := range r.Header {
		if strings.HasPrefix(header, "X-Forwarded-") || slices.Contains(forwardingHeaders, header) {
			return true
		}
	}
	return !r.ProtoAtLeast(1, 1)
}

package hue

import (
	"net/netip"
)

// nearby reports whether host, an address with or without a port, may be that of a
// bridge which was found rather than configured: a literal private (RFC 1918,
// RFC 4193), link-local or loopback address. Whoever can announce a bridge could
// otherwise direct the program to any server of the Internet.
func nearby(host string) bool {
	address, ok := literalAddress(host)
	return ok && (address.IsPrivate() || address.IsLinkLocalUnicast() || address.IsLoopback())
}

// literalAddress returns the address of a host that is not a name.
func literalAddress(host string) (netip.Addr, bool) {
	u, err := parseHost(host)
	if err != nil {
		return netip.Addr{}, false
	}
	address, err := netip.ParseAddr(u.Hostname())
	return address.Unmap(), err == nil
}

package pairing

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// errHost does not quote the host, which may contain a key or a password.
var errHost = errors.New(`is not an address: give the Hue bridge's address, host:port, or an http or https URL with nothing after the host, such as "192.168.1.2"`)

// ParseHost parses an address, host:port, or an http or https URL, and returns its scheme and
// host. The scheme is http if host has none.
func ParseHost(host string) (*url.URL, error) {
	host = strings.TrimSpace(host)
	if address, err := netip.ParseAddr(host); err == nil && address.Is6() {
		host = "[" + strings.ReplaceAll(host, "%", "%25") + "]"
	}
	if !strings.Contains(host, "://") {
		host = "http://" + host
	}
	u, err := url.Parse(host)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Hostname() == "" ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(u.Host, ":") {
		return nil, errHost
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, errHost
		}
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// SameHost reports whether two addresses are equal apart from their schemes.
func SameHost(a, b string) bool {
	ua, errA := ParseHost(a)
	ub, errB := ParseHost(b)
	return errA == nil && errB == nil && strings.EqualFold(ua.Hostname(), ub.Hostname()) && ua.Port() == ub.Port()
}

// IsLiteral reports whether host is an IP address, with or without a port, rather
// than a name.
func IsLiteral(host string) bool {
	_, ok := literalAddress(host)
	return ok
}

func literalAddress(host string) (netip.Addr, bool) {
	u, err := ParseHost(host)
	if err != nil {
		return netip.Addr{}, false
	}
	address, err := netip.ParseAddr(u.Hostname())
	return address.Unmap(), err == nil
}

// isLocal reports whether host is a literal private (RFC 1918, RFC 4193), link-local
// or loopback address. An announced bridge must have one: anybody can announce a
// bridge, and could otherwise direct the program to any server on the Internet.
func isLocal(host string) bool {
	address, ok := literalAddress(host)
	return ok && (address.IsPrivate() || address.IsLinkLocalUnicast() || address.IsLoopback())
}

// joinHost formats an address and port as a host that ParseHost accepts.
func joinHost(address string, port int) string {
	if port == 0 || port == 443 {
		if strings.Contains(address, ":") {
			return "[" + address + "]"
		}
		return address
	}
	return net.JoinHostPort(address, strconv.Itoa(port))
}

// hexID matches a normalized bridge id.
var hexID = regexp.MustCompile(`^[0-9a-f]{16}$`)

// NormalID returns a bridge id in lower case, the form in which ids are compared and
// stored, or "" if it is not one. A Bridge Pro reports its id in capitals.
func NormalID(id string) string {
	id = strings.ToLower(strings.TrimSpace(id))
	if !hexID.MatchString(id) {
		return ""
	}
	return id
}

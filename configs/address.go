package configs

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// urlRule describes the URLs that a key accepts.
type urlRule struct {
	// schemes are the accepted ones, first "" if an address needs none.
	schemes     []string
	path, query bool   // whether a path and a query are accepted
	remedy      string // what to write instead
	credentials string // where user name and password go, if not into the URL
}

// parse returns the URL, or nil after it has reported what is wrong. The fault
// does not repeat the address: with a part missing, a password may be in the place
// of the host or port.
func (r urlRule) parse(f *faults, path, address string) *url.URL {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		scheme, rest = "", address
	}
	scheme = strings.ToLower(scheme)
	u, err := url.Parse("//" + bracketed(rest))
	switch {
	case !slices.Contains(r.schemes, scheme) && scheme == "":
		f.invalid(path, "has no scheme", r.remedy)
	case !slices.Contains(r.schemes, scheme):
		f.invalid(path, "does not start with one of "+strings.TrimPrefix(strings.Join(r.schemes, "://, ")+"://", "://, "), r.remedy)
	case strings.Contains(rest, "@"):
		f.invalid(path, "contains a user name or password", r.credentials)
	case err != nil || !isHost(u.Hostname()):
		f.invalid(path, "has no valid host", r.remedy)
	case !hasValidPort(u):
		f.invalid(path, "has no port from 1 to 65535 after the colon", r.remedy)
	case !r.path && strings.Trim(u.Path, "/") != "":
		f.invalid(path, "has a path after the host and port", r.remedy)
	case !r.query && (u.RawQuery != "" || u.ForceQuery), u.Fragment != "":
		f.invalid(path, "has a query or fragment after the host and port", r.remedy)
	default:
		u.Scheme = scheme
		if !r.path {
			u.Path = ""
		}
		return u
	}
	return nil
}

// hostPort checks an address of the form host:port with a port from 1 to
// 65535. With listen, the host may be empty.
func hostPort(f *faults, path, address string, listen bool, remedy string) {
	host, port, err := net.SplitHostPort(address)
	number, numberErr := strconv.Atoi(port)
	if err != nil || numberErr != nil || number < 1 || number > 65535 || !isHost(host) && !(listen && host == "") {
		f.invalid(path, "is not host:port", remedy)
	}
}

// hostNames checks the host names by which a server may be addressed, and lowers
// their case.
func hostNames(f *faults, path string, names []string) {
	for i, name := range names {
		names[i] = strings.ToLower(strings.TrimSuffix(name, "."))
		if !isHost(name) {
			f.invalid(element(path, i), quoted(name)+" is not a host name", "write it as the browser shows it, without http:// and port")
		}
	}
}

// bracketed puts brackets around an IPv6 address without a port.
func bracketed(host string) string {
	if address, err := netip.ParseAddr(host); err == nil && address.Is6() {
		return "[" + strings.ReplaceAll(host, "%", "%25") + "]"
	}
	return host
}

// hostName matches names in DNS, mDNS and hosts files. The underscore is not in
// RFC 1123, but common at home.
var hostName = regexp.MustCompile(`^[\pL\pN_]([\pL\pN_-]*[\pL\pN_])?(\.[\pL\pN_]([\pL\pN_-]*[\pL\pN_])?)*\.?$`)

var onlyDigits = regexp.MustCompile(`^[0-9.]+$`)

func isHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return len(host) <= 253 && hostName.MatchString(host) && !onlyDigits.MatchString(host)
}

// hasValidPort reports whether the URL has a valid port or none.
func hasValidPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	number, err := strconv.Atoi(u.Port())
	return err == nil && number >= 1 && number <= 65535
}

package hue

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// parseHost reads an address, host:port, or a URL with http or https, and
// returns scheme and host. Its errors quote nothing of what they refuse, since
// that may hold a key or a password.
func parseHost(host string) (*url.URL, error) {
	host = strings.TrimSpace(host)
	if host == "" {
		return nil, errors.New(`is empty: give the Hue bridge's address, such as "192.168.1.2"`)
	}
	if address, err := netip.ParseAddr(host); err == nil && address.Is6() {
		host = "[" + strings.ReplaceAll(host, "%", "%25") + "]"
	}
	if !strings.Contains(host, "://") {
		host = "http://" + host
	}
	u, err := url.Parse(host)
	if err != nil {
		return nil, errors.New(`is neither an address nor a URL: give the Hue bridge's address, such as "192.168.1.2"`)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("must start with http:// or https://, or be an address alone")
	case u.User != nil:
		return nil, errors.New("must not hold a user name or password: a Hue bridge takes neither")
	case u.Hostname() == "":
		return nil, errors.New(`names no host: give the Hue bridge's address, such as "192.168.1.2"`)
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("must end after the address: the path of the API is added by itself")
	case strings.HasSuffix(u.Host, ":"):
		return nil, errors.New("ends in a colon: give a port after it, or leave it out")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return nil, errors.New("has a port that is not between 1 and 65535")
		}
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

package configs

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// Web configures the page in the browser.
type Web struct {
	// Listen is empty, or address:port. The address is one of this machine,
	// "localhost", or empty for all addresses.
	Listen       string `koanf:"listen" usage:"address:port of the page in the browser; empty: no page"`
	PasswordFile string `koanf:"password_file" usage:"file that contains the page's password and nothing else"`
	// Password is read from PasswordFile; it has no key. It is set if Listen can
	// be reached from other machines or through a reverse proxy.
	Password Secret `koanf:"-"`
	// BasePath is empty, or a path that begins with a slash and ends without one.
	BasePath string `koanf:"base_path" usage:"path of the page behind a reverse proxy, such as /hueair2mqtt"`
	// TrustIngress takes the path from the header X-Ingress-Path. It does not
	// authenticate anybody.
	TrustIngress bool `koanf:"trust_ingress" usage:"take the page's path from Home Assistant's X-Ingress-Path"`
	// Hosts are names in lower case, without port.
	Hosts []string `koanf:"hosts"`
	// TrustedProxies are addresses and networks of reverse proxies.
	TrustedProxies []string `koanf:"trusted_proxies"`
	// Proxies is the parsed form of TrustedProxies; it has no key.
	Proxies []netip.Prefix `koanf:"-"`
}

// minWebPassword is the min length of the page's password, in bytes.
const minWebPassword = 8

// basePath matches paths whose characters need no escaping anywhere.
var basePath = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$`)

// IsBasePath reports whether a page can be served below the path.
func IsBasePath(path string) bool { return len(path) <= 256 && basePath.MatchString(path) }

func (w *Web) validate(f *faults) {
	if w.PasswordFile != "" {
		w.Password = readPassword(f, "web.password_file", w.PasswordFile)
		if n := len(w.Password); n > 0 && n < minWebPassword {
			f.invalid("web.password_file", fmt.Sprintf("%s contains a password of only %d characters", quoted(w.PasswordFile), n),
				fmt.Sprintf("write one of at least %d", minWebPassword))
		}
	}
	if w.BasePath = strings.TrimRight(w.BasePath, "/"); !IsBasePath(w.BasePath) {
		f.invalid("web.base_path", quoted(w.BasePath)+" is not a valid path", "write one such as /hueair2mqtt")
	}
	hostNames(f, "web.hosts", w.Hosts)
	for i, written := range w.TrustedProxies {
		at := element("web.trusted_proxies", i)
		network, err := parseNetwork(written)
		switch {
		case err != nil:
			f.invalid(at, quoted(written)+" is not an address or network", "write one such as 127.0.0.1 or 172.30.32.0/23")
		case network.Bits() == 0:
			f.invalid(at, quoted(written)+" trusts every address, so that anybody could forge theirs", "write the proxy's address only")
		default:
			w.Proxies = append(w.Proxies, network)
		}
	}
	if w.Listen == "" {
		return
	}
	host, port, err := net.SplitHostPort(w.Listen)
	_, portErr := strconv.ParseUint(port, 10, 16)
	_, addressErr := netip.ParseAddr(host)
	if err != nil || portErr != nil || host != "" && host != "localhost" && addressErr != nil {
		f.invalid("web.listen", quoted(w.Listen)+" is not address:port",
			"write one such as 127.0.0.1:8467, or 0.0.0.0:8467 for all addresses of this machine")
		return
	}
	if exposed := w.exposed(); exposed != "" && w.PasswordFile == "" {
		f.invalid("web.password_file", "is empty, but "+exposed, "name a file that contains only a password, or set web.listen to 127.0.0.1:"+port+
			" and remove web.hosts, web.base_path, web.trusted_proxies and web.trust_ingress")
	}
}

// exposed explains how other machines can reach the page. It returns "" if they
// cannot, as far as the configuration shows: a reverse proxy connects from this
// machine, so every setting that only a proxy needs counts.
func (w *Web) exposed() string {
	host, _, err := net.SplitHostPort(w.Listen)
	address, addressErr := netip.ParseAddr(host)
	if err != nil || host != "localhost" && (addressErr != nil || !address.Unmap().IsLoopback()) {
		return "other machines can reach the page at web.listen, " + w.Listen
	}
	for _, proxy := range []struct {
		key string
		set bool
	}{
		{"web.hosts", len(w.Hosts) > 0}, {"web.base_path", w.BasePath != ""},
		{"web.trusted_proxies", len(w.TrustedProxies) > 0}, {"web.trust_ingress", w.TrustIngress},
	} {
		if proxy.set {
			return "others can reach the page through a reverse proxy, as " + proxy.key + " is set"
		}
	}
	return ""
}

// parseNetwork parses an address or a network such as 192.168.1.0/24.
func parseNetwork(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	return network.Masked(), err
}

package configs

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// minWebPassword is the least length of the page's password, in bytes.
const minWebPassword = 8

// basePath is a path as a reverse proxy has it, of characters that need no
// escaping anywhere.
var basePath = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$`)

// IsBasePath says whether a page can be served below this path.
func IsBasePath(path string) bool { return len(path) <= 256 && basePath.MatchString(path) }

func (w *Web) validate(f *faults) {
	if w.PasswordFile != "" {
		w.Password = readPassword(f, "web.password_file", w.PasswordFile)
		if n := len(w.Password); n > 0 && n < minWebPassword {
			f.invalid("web.password_file", fmt.Sprintf("%s holds a password of only %d characters", quoted(w.PasswordFile), n),
				fmt.Sprintf("write one of at least %d", minWebPassword))
		}
	}
	if w.BasePath = strings.TrimRight(w.BasePath, "/"); !IsBasePath(w.BasePath) {
		f.invalid("web.base_path", quoted(w.BasePath)+" is no path that a page can have", "write one such as /hueair2mqtt")
	}
	hostNames(f, "web.hosts", w.Hosts)
	for i, written := range w.TrustedProxies {
		network, ok := parseNetwork(written)
		if !ok {
			f.invalid(element("web.trusted_proxies", i), quoted(written)+" is no address or network", "write one such as 127.0.0.1 or 172.30.32.0/23")
			continue
		}
		if network.Bits() == 0 {
			f.invalid(element("web.trusted_proxies", i), quoted(written)+" is every address, so that everybody could forge theirs", "write the proxy's address alone")
			continue
		}
		w.Proxies = append(w.Proxies, network)
	}
	if w.Listen == "" {
		return
	}
	host, port, err := net.SplitHostPort(w.Listen)
	number, numberErr := strconv.Atoi(port)
	_, addressErr := netip.ParseAddr(host)
	if err != nil || numberErr != nil || number < 0 || number > 65535 || host != "" && host != "localhost" && addressErr != nil {
		f.invalid("web.listen", quoted(w.Listen)+" is not address:port",
			"write one such as 127.0.0.1:8467, or 0.0.0.0:8467 for all addresses of this machine")
		return
	}
	if reach := w.reach(); reach != "" && w.PasswordFile == "" && f.sound("web.password_file") {
		f.invalid("web.password_file", "is empty, though "+reach, "name a file that holds a password alone, or set web.listen to 127.0.0.1:"+port+
			" and remove web.hosts, web.base_path, web.trusted_proxies and web.trust_ingress")
	}
}

// reach says in words who can reach the page from beyond this machine, as far as the
// settings show. It is empty if nobody can.
//
// A reverse proxy connects from this machine. The page can't see who is behind it,
// so each setting that only a proxy needs counts.
func (w *Web) reach() string {
	const through = "others can reach the page through a reverse proxy, as %s is set"
	switch {
	case !w.onlyHere():
		return fmt.Sprintf("other machines can reach the page at web.listen, %s", w.Listen)
	case len(w.Hosts) > 0:
		return fmt.Sprintf(through, "web.hosts")
	case w.BasePath != "":
		return fmt.Sprintf(through, "web.base_path")
	case len(w.TrustedProxies) > 0:
		return fmt.Sprintf(through, "web.trusted_proxies")
	case w.TrustIngress:
		return fmt.Sprintf(through, "web.trust_ingress")
	}
	return ""
}

// parseNetwork reads an address or a network such as 192.168.1.0/24.
func parseNetwork(text string) (netip.Prefix, bool) {
	if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()), true
	}
	network, err := netip.ParsePrefix(text)
	return network.Masked(), err == nil
}

// hostNames checks the names by which a server may be called, and brings them into
// lower case.
func hostNames(f *faults, path string, names []string) {
	for i, name := range names {
		names[i] = strings.ToLower(strings.TrimSuffix(name, "."))
		if !isHost(name) {
			f.invalid(element(path, i), quoted(name)+" is no name of a machine", "write it as the browser shows it, without http:// and port")
		}
	}
}

// onlyHere says that no other machine can reach the page.
func (w *Web) onlyHere() bool {
	host, _, err := net.SplitHostPort(w.Listen)
	if err != nil {
		return false
	}
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.Unmap().IsLoopback()
}

package configs

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The faults of addresses don't repeat them: where somebody forgot a part, what
// looks like a host or port is a name or password.

// brokerPorts are the schemes of a broker's address with the ports they stand
// for (IANA's for MQTT; the web's for WebSocket).
var brokerPorts = map[string]string{
	"tcp": "1883", "mqtt": "1883",
	"ssl": "8883", "tls": "8883", "mqtts": "8883",
	"ws": "80", "wss": "443",
}

// broker brings the broker's address into the form of a URL with a port, and
// tells whether the connection is encrypted.
func broker(f *faults, address string) (normal string, encrypted bool) {
	const path, remedy = "mqtt.broker", "write a URL such as tcp://192.168.1.10:1883, or ssl://broker.example.org:8883 for TLS"
	if address == "" {
		f.invalid(path, "is empty", remedy)
		return "", false
	}
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		scheme, rest = "tcp", address
	}
	scheme = strings.ToLower(scheme)
	if _, known := brokerPorts[scheme]; !known {
		f.invalid(path, "has a scheme that is none of tcp, mqtt, ssl, tls, mqtts, ws, wss", remedy)
		return "", false
	}
	web := scheme == "ws" || scheme == "wss"
	u, err := url.Parse(scheme + "://" + bracketed(rest))
	switch {
	case strings.Contains(rest, "@"):
		f.invalid(path, "holds a user name or password", "write them as mqtt.username and mqtt.password_file")
	case err != nil || !isHost(u.Hostname()):
		f.invalid(path, "names no host", remedy)
	case !isPort(u):
		f.invalid(path, "has no port from 1 to 65535 behind the colon", remedy)
	case !web && (strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery), u.Fragment != "":
		f.invalid(path, "goes on behind the port", remedy)
	default:
		if !web {
			u.Path = ""
		}
		if u.Port() == "" {
			u.Host += ":" + brokerPorts[scheme]
		}
		return u.String(), scheme == "ssl" || scheme == "tls" || scheme == "mqtts" || scheme == "wss"
	}
	return "", false
}

// hueHost checks the address of a Hue bridge. identity is the same for two ways
// to write the address of one.
func hueHost(f *faults, path, host string) (normal, identity string) {
	const remedy = "write an address, host:port, or a URL with http or https, such as 192.168.1.2"
	scheme, rest, ok := strings.Cut(host, "://")
	if !ok {
		scheme, rest = "", host
	}
	scheme = strings.ToLower(scheme)
	rest = bracketed(strings.TrimSuffix(rest, "/"))
	u, err := url.Parse("http://" + rest)
	switch {
	case scheme != "" && scheme != "http" && scheme != "https":
		f.invalid(path, "has a scheme other than http and https", remedy)
	case strings.Contains(rest, "@"):
		f.invalid(path, "holds a user name or password", "write the address alone; the Hue bridge's key goes into username")
	case err != nil || !isHost(u.Hostname()):
		f.invalid(path, "is no address", remedy)
	case !isPort(u):
		f.invalid(path, "has no port from 1 to 65535 behind the colon", remedy)
	case u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		f.invalid(path, "goes on behind the address", "leave out what follows it; the path is known")
	default:
		port := u.Port()
		if port == "80" || port == "443" {
			port = ""
		}
		identity = strings.ToLower(net.JoinHostPort(u.Hostname(), port))
		if scheme != "" {
			return scheme + "://" + u.Host, identity
		}
		return u.Host, identity
	}
	return "", ""
}

// endpoint checks a URL that stands for one of Amazon's hosts.
func endpoint(f *faults, path, address string) string {
	if address == "" {
		return ""
	}
	const remedy = "write a URL such as http://127.0.0.1:8080, or leave it empty for Amazon itself"
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https":
		f.invalid(path, "is not a URL with http or https", remedy)
	case u.User != nil:
		f.invalid(path, "holds a user name or password", remedy)
	case !isHost(u.Hostname()):
		f.invalid(path, "names no host", remedy)
	case !isPort(u):
		f.invalid(path, "has no port from 1 to 65535 behind the colon", remedy)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		f.invalid(path, "has a query or fragment", remedy)
	default:
		return strings.TrimRight(u.String(), "/")
	}
	return ""
}

// mailServer checks host:port.
func mailServer(f *faults, path, address string) {
	host, port, err := net.SplitHostPort(address)
	number, numberErr := strconv.Atoi(port)
	if err != nil || numberErr != nil || !isHost(host) || number < 1 || number > 65535 {
		f.invalid(path, "is not host:port", "write one such as smtp.example.org:587")
	}
}

// listenAddress checks host:port of a listener of this machine, where the host may
// be left out.
func listenAddress(f *faults, path, address string) {
	host, port, err := net.SplitHostPort(address)
	number, numberErr := strconv.Atoi(port)
	if err != nil || numberErr != nil || host != "" && !isHost(host) || number < 1 || number > 65535 {
		f.invalid(path, "is not host:port", "write one such as 127.0.0.1:9469, or :9469 for every address of this machine")
	}
}

// bracketed puts brackets around an IPv6 address that stands alone.
func bracketed(host string) string {
	if address, err := netip.ParseAddr(host); err == nil && address.Is6() {
		return "[" + strings.ReplaceAll(host, "%", "%25") + "]"
	}
	return host
}

// hostName is what a name in DNS, mDNS or a hosts file may look like; the
// underscore is not in RFC 1123 but in many homes.
var hostName = regexp.MustCompile(`^[\pL\pN_]([\pL\pN_-]*[\pL\pN_])?(\.[\pL\pN_]([\pL\pN_-]*[\pL\pN_])?)*\.?$`)

var onlyDigits = regexp.MustCompile(`^[0-9.]+$`)

func isHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return len(host) <= 253 && hostName.MatchString(host) && !onlyDigits.MatchString(host)
}

// isPort says that the URL has no port, or a possible one.
func isPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	number, err := strconv.Atoi(u.Port())
	return err == nil && number >= 1 && number <= 65535
}

// Marketplaces are Amazon's shops, under whose names accounts and Alexa are.
var Marketplaces = []string{
	"amazon.com", "amazon.ca", "amazon.com.mx", "amazon.com.br",
	"amazon.co.uk", "amazon.ie", "amazon.de", "amazon.fr", "amazon.it", "amazon.es", "amazon.nl",
	"amazon.com.be", "amazon.se", "amazon.pl", "amazon.com.tr", "amazon.ae", "amazon.sa", "amazon.eg",
	"amazon.co.za", "amazon.in", "amazon.co.jp", "amazon.com.au", "amazon.sg",
}

// FindMarketplace finds the shop in what was written, which may be an address
// copied from a browser.
func FindMarketplace(written string) (domain string, ok bool) {
	host := strings.ToLower(strings.TrimSpace(written))
	if _, rest, ok := strings.Cut(host, "://"); ok {
		host = rest
	}
	host, _, _ = strings.Cut(host, "/")
	host = strings.TrimPrefix(strings.TrimPrefix(host, "www."), "alexa.")
	return host, slices.Contains(Marketplaces, host)
}

func marketplace(f *faults, path, written string) string {
	domain, ok := FindMarketplace(written)
	if !ok {
		f.invalid(path, fmt.Sprintf("%s is not a marketplace of Alexa", quoted(written)), "write one of "+strings.Join(Marketplaces, ", "))
		return ""
	}
	return domain
}

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
	for i, name := range w.Hosts {
		w.Hosts[i] = strings.ToLower(strings.TrimSuffix(name, "."))
		if !isHost(name) {
			f.invalid(element("web.hosts", i), quoted(name)+" is no name of a machine", "write it as the browser shows it, without http:// and port")
		}
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
	if !w.onlyHere() && w.PasswordFile == "" && f.sound("web.password_file") {
		f.invalid("web.password_file", fmt.Sprintf("is empty, though other machines can reach the page at web.listen, %s", w.Listen),
			"name a file that holds a password alone, or set web.listen to 127.0.0.1:"+port)
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

package access

import (
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"

	"hueair2mqtt/configs"
	"hueair2mqtt/internal/httpguard"
)

// MaxBody bounds the body of a request, in bytes. The longest is an address of Amazon's
// sign-in, which has about 1,500.
const MaxBody = 64 << 10

// guard refuses the requests that no visitor of the page sends.
type guard struct {
	web     configs.Web
	hosts   httpguard.Hosts
	ingress bool
	open    bool // the page needs no sign-in
}

func newGuard(web configs.Web, ingress, open bool) *guard {
	g := &guard{web: web, ingress: ingress, open: open, hosts: slices.Clone(web.Hosts)}
	if name, err := os.Hostname(); err == nil && name != "" {
		// No one can register a name in these domains, so no foreign site can have one.
		name, _, _ = strings.Cut(strings.ToLower(name), ".")
		for _, domain := range []string{"", ".local", ".lan", ".home", ".internal", ".home.arpa"} {
			g.hosts = append(g.hosts, name+domain)
		}
	}
	return g
}

// policy is the Content-Security-Policy. It allows what this server sends, and
// nothing inline.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors "

// wrap puts the guard before a handler. It removes the base path, which a reverse
// proxy may or may not have removed.
func (g *guard) wrap(next http.Handler) http.Handler {
	sameOrigin := http.NewCrossOriginProtection()
	sameOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "Another site sent this form. If you use a reverse proxy, have it pass on the Host header.", http.StatusForbidden)
	}))
	next = sameOrigin.Handler(http.MaxBytesHandler(next, MaxBody))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.setHeader(w.Header())
		if g.refuse(w, r) {
			return
		}
		if path, ok := strings.CutPrefix(r.URL.Path, g.web.BasePath+"/"); ok && g.web.BasePath != "" {
			r = r.Clone(r.Context())
			r.URL.Path, r.URL.RawPath = "/"+path, ""
		}
		next.ServeHTTP(w, r)
	})
}

func (g *guard) setHeader(header http.Header) {
	// Home Assistant shows the page in a frame.
	ancestors := "'self'"
	if !g.web.TrustIngress {
		ancestors = "'none'"
		header.Set("Cross-Origin-Opener-Policy", "same-origin") // browsers warn about it in frames
	}
	header.Set("Content-Security-Policy", policy+ancestors)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "same-origin") // with no-referrer, browsers send "Origin: null"
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
}

// refuse responds to a request that came by a wrong way, and reports whether it did.
func (g *guard) refuse(w http.ResponseWriter, r *http.Request) bool {
	switch {
	case g.ingress:
		return refuseOutsideIngress(w, r)
	case !g.hosts.Allowed(r.Host):
		http.Error(w, "This page has another name than the one in the address bar. Use this machine's IP address, or add the name to web.hosts in the configuration.",
			http.StatusMisdirectedRequest)
		return true
	case g.open && httpguard.IsForwarded(r):
		// Without a sign-in the page is for this machine alone.
		http.Error(w, "This page has no password, so it can't be used through a reverse proxy. Set web.password_file in the configuration.", http.StatusForbidden)
		return true
	}
	return false
}

// base returns the prefix of all paths as the browser needs it.
func (g *guard) base(r *http.Request) string {
	if path := strings.TrimSuffix(r.Header.Get("X-Ingress-Path"), "/"); g.web.TrustIngress && path != "" && configs.IsBasePath(path) {
		return path
	}
	return g.web.BasePath
}

// supervisorAddress is the address of Home Assistant's Supervisor in the network of
// the apps. No other app can take it:
// developers.home-assistant.io/docs/apps/presentation#ingress.
var supervisorAddress = netip.MustParseAddr("172.30.32.2")

// refuseOutsideIngress responds to a request that did not come through Home
// Assistant's Ingress, and reports whether it did.
//
// Home Assistant sets X-Ingress-Path, and the Supervisor sets X-Remote-User-Id after
// removing what the browser sent. The Supervisor's own requests have neither.
func refuseOutsideIngress(w http.ResponseWriter, r *http.Request) bool {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || from.Addr().Unmap() != supervisorAddress {
		http.Error(w, "Open this page in Home Assistant.", http.StatusForbidden)
		return true
	}
	if path := r.Header.Get("X-Ingress-Path"); path == "" || !configs.IsBasePath(path) || r.Header.Get("X-Remote-User-Id") == "" {
		http.Error(w, "Home Assistant did not say who you are. Open this page again from Home Assistant's sidebar.", http.StatusUnauthorized)
		return true
	}
	return false
}

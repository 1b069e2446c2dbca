package web

import (
	"net/http"
	"strings"

	"hueair2mqtt/configs"
	"hueair2mqtt/internal/httpguard"
)

// maxBody bounds the body of a request, in bytes. The longest is an address of
// Amazon's, which has about 1,500.
const maxBody = 64 << 10

// guard keeps away what no visitor of the page sends.
type guard struct {
	web     configs.Web
	hosts   httpguard.Hosts
	proxies httpguard.Proxies
	origins *http.CrossOriginProtection
	open    bool // there is no sign-in
}

func newGuard(web configs.Web, hostname string, open bool) *guard {
	g := &guard{web: web, proxies: web.Proxies, origins: http.NewCrossOriginProtection(), open: open}
	// Nobody can own a name with one of these ends, so that nobody's page can be
	// called by one.
	hostname, _, _ = strings.Cut(strings.ToLower(hostname), ".")
	if hostname != "" {
		for _, end := range []string{"", ".local", ".lan", ".home", ".internal", ".home.arpa"} {
			g.hosts = append(g.hosts, hostname+end)
		}
	}
	g.hosts = append(g.hosts, web.Hosts...)
	return g
}

// policy is the Content-Security-Policy: nothing but what this server sends, and
// nothing inline.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors "

// wrap puts the guard before a handler, which sees paths without the prefix.
func (g *guard) wrap(next http.Handler) http.Handler {
	guarded := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		// Home Assistant shows the page in a frame of its own page.
		ancestors := "'none'"
		if g.web.TrustIngress {
			ancestors = "'self'"
		}
		header.Set("Content-Security-Policy", policy+ancestors)
		header.Set("X-Content-Type-Options", "nosniff")
		// With "no-referrer" a form would not tell its origin, which is looked at.
		header.Set("Referrer-Policy", "same-origin")
		if !g.web.TrustIngress { // it is of no use in a frame, and browsers complain
			header.Set("Cross-Origin-Opener-Policy", "same-origin")
		}
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		if !g.hosts.Allowed(r.Host) {
			http.Error(w, "This page is not known by the name in the address bar. Call it by this machine's address, or add the name to web.hosts in the configuration.",
				http.StatusMisdirectedRequest)
			return
		}
		// Without a sign-in the page is for this machine alone. A proxy would open it to
		// whoever can reach the proxy.
		if g.open && httpguard.IsForwarded(r) {
			http.Error(w, "This page has no password, so it can't be used through a reverse proxy. Set web.password_file in the configuration.", http.StatusForbidden)
			return
		}
		if err := g.origins.Check(r); err != nil {
			http.Error(w, "This was sent by another page than this one. Behind a reverse proxy: have it pass on the Host header.", http.StatusForbidden)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody) // where Bound is not used
		next.ServeHTTP(w, r)
	})
	// A reverse proxy may take the prefix off or leave it.
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if below, ok := strings.CutPrefix(r.URL.Path, g.web.BasePath+"/"); ok && g.web.BasePath != "" {
			r = r.Clone(r.Context())
			r.URL.Path, r.URL.RawPath = "/"+below, ""
		}
		guarded.ServeHTTP(w, r)
	})
}

// base is the prefix of all paths, as the browser needs them.
func (g *guard) base(r *http.Request) string {
	if given := strings.TrimSuffix(r.Header.Get("X-Ingress-Path"), "/"); g.web.TrustIngress && given != "" && configs.IsBasePath(given) {
		return given
	}
	return g.web.BasePath
}

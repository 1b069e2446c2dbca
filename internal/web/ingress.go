package web

import (
	"net/http"
	"net/netip"

	"hueair2mqtt/configs"
	"hueair2mqtt/internal/httpguard"
)

// ingressAddress is the Supervisor's in the network of the apps, which no other app
// can take: developers.home-assistant.io/docs/apps/presentation#ingress.
var ingressAddress = netip.MustParseAddr("172.30.32.2")

// ingressOnly passes on the requests that come through Home Assistant's Ingress, as if
// they came from this machine. Home Assistant has authenticated their senders, and
// knows the names that the page is called by.
//
// Home Assistant adds X-Ingress-Path, and the Supervisor X-Remote-User-Id; it removes
// what a browser sends under that name. The Supervisor itself sends neither, when it
// looks whether the app is well.
func ingressOnly(page http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || from.Addr().Unmap() != ingressAddress {
			http.Error(w, "Open this page in Home Assistant: it is for Ingress alone.", http.StatusForbidden)
			return
		}
		if path := r.Header.Get("X-Ingress-Path"); path == "" || !configs.IsBasePath(path) || r.Header.Get("X-Remote-User-Id") == "" {
			http.Error(w, "Home Assistant did not say who you are. Open this page anew in Home Assistant's sidebar.", http.StatusUnauthorized)
			return
		}
		// By the host and the origin as the browser knows them; the page itself can't
		// compare them any more.
		if err := origins.Check(r); err != nil {
			http.Error(w, "This was sent by another page than this one.", http.StatusForbidden)
			return
		}
		inner := r.Clone(r.Context())
		inner.Host = "localhost"
		inner.Header.Del("Origin")
		inner.Header.Del("Sec-Fetch-Site")
		httpguard.RemoveForwarding(inner.Header)
		page.ServeHTTP(w, inner)
	})
}

package web

import (
	"net/http"
	"net/netip"

	"hueair2mqtt/configs"
)

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

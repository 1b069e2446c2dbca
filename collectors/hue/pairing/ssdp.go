package pairing

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"

	"golang.org/x/net/ipv4"
)

// ssdpGroup is the multicast group of SSDP (UPnP Device Architecture 1.0, 1.2).
var ssdpGroup = &net.UDPAddr{IP: net.IPv4(239, 255, 255, 250), Port: 1900}

// ssdpSearch asks for root devices. The first Hue bridge announces itself only by SSDP.
const ssdpSearch = "M-SEARCH * HTTP/1.1\r\n" +
	"HOST: 239.255.255.250:1900\r\n" +
	"MAN: \"ssdp:discover\"\r\n" +
	"MX: 1\r\n" +
	"ST: upnp:rootdevice\r\n" +
	"\r\n"

// findBySSDP searches all networks by SSDP until ctx is done.
func findBySSDP(ctx context.Context, found func(Found)) error {
	via, err := multicastInterfaces()
	if err != nil {
		return err
	}
	return ssdp(ctx, ssdpGroup, via, found)
}

// ssdp searches a group. A bridge answers several times; it is reported once for each
// address, since anybody can answer with its id.
func ssdp(ctx context.Context, group net.Addr, via []*ipv4.ControlMessage, found func(Found)) error {
	known := make(map[Found]bool)
	query := func() ([]byte, error) { return []byte(ssdpSearch), nil }
	return multicast(ctx, group, via, query, func(response []byte, from netip.Addr) {
		f, ok := parseSSDP(response, from)
		if ok && !known[f] && len(known) < maxFound {
			known[f] = true
			found(f)
		}
	})
}

// parseSSDP parses a response. It uses only the port of the URL in it, because a bridge
// answers for itself.
func parseSSDP(response []byte, from netip.Addr) (Found, bool) {
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(response)), nil)
	if err != nil || resp.StatusCode != http.StatusOK {
		return Found{}, false
	}
	id := NormalID(resp.Header.Get("hue-bridgeid"))
	if id == "" {
		return Found{}, false
	}
	port := 0
	if u, err := url.Parse(resp.Header.Get("Location")); err == nil && u.Port() != "80" {
		port, _ = strconv.Atoi(u.Port()) // 0 for the default one
	}
	return Found{ID: id, Host: joinHost(from.String(), port)}, true
}

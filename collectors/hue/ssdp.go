package hue

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

// ssdpGroup is where SSDP is asked (UPnP Device Architecture 1.0, 1.2).
var ssdpGroup = &net.UDPAddr{IP: net.IPv4(239, 255, 255, 250), Port: 1900}

// ssdpSearch asks for root devices. The first Hue bridge announces itself by SSDP
// alone.
const ssdpSearch = "M-SEARCH * HTTP/1.1\r\n" +
	"HOST: 239.255.255.250:1900\r\n" +
	"MAN: \"ssdp:discover\"\r\n" +
	"MX: 1\r\n" +
	"ST: upnp:rootdevice\r\n" +
	"\r\n"

// searchNetwork asks all interfaces that can multicast for Hue bridges by SSDP,
// until ctx ends.
func searchNetwork(ctx context.Context, found func(Found)) error {
	ways, err := multicastWays()
	if err != nil {
		return err
	}
	return search(ctx, ssdpGroup, ways, found)
}

// search asks a group by SSDP. A bridge answers several times, and is found once at
// each address: anybody can answer with its id.
func search(ctx context.Context, group net.Addr, ways []*ipv4.ControlMessage, found func(Found)) error {
	known := make(map[Found]bool)
	question := func() ([]byte, error) { return []byte(ssdpSearch), nil }
	return query(ctx, group, ways, question, func(answer []byte, from netip.Addr) {
		f, ok := ssdpAnswer(answer, from)
		if ok && !known[f] && len(known) < maxFound {
			known[f] = true
			found(f)
		}
	})
}

// ssdpAnswer reads an answer. Of the address in it only the port counts: a bridge
// answers for itself.
func ssdpAnswer(answer []byte, from netip.Addr) (Found, bool) {
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(answer)), nil)
	if err != nil || resp.StatusCode != http.StatusOK {
		return Found{}, false
	}
	id := normalID(resp.Header.Get("hue-bridgeid"))
	if id == "" {
		return Found{}, false
	}
	port := 0
	if u, err := url.Parse(resp.Header.Get("Location")); err == nil && u.Port() != "80" {
		port, _ = strconv.Atoi(u.Port()) // 0 for the default one
	}
	return Found{ID: id, Host: joinHost(from.String(), port)}, true
}

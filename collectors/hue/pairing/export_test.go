package pairing

import (
	"context"
	"net"

	"golang.org/x/net/ipv4"
)

// SignifyRoots are the built-in certificates, as PEM.
var SignifyRoots = signifyRoots

// BrowseMDNS queries one address instead of the networks.
func BrowseMDNS(ctx context.Context, group net.Addr, found func(Found)) error {
	return mdns(ctx, group, []*ipv4.ControlMessage{nil}, found)
}

// SearchSSDP queries one address instead of the networks.
func SearchSSDP(ctx context.Context, group net.Addr, found func(Found)) error {
	return ssdp(ctx, group, []*ipv4.ControlMessage{nil}, found)
}

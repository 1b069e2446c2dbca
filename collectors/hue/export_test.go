package hue

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"

	"golang.org/x/net/ipv4"

	"hueair2mqtt/collectors"
)

// SetTransport has answers of CLIP v1 made without a connection.
func (c *Collector) SetTransport(t http.RoundTripper) {
	c.scheme, c.state, c.link = "http", linkGood, &link{base: c.endpoint, transport: t}
}

// SetTransport2 has answers of CLIP v2 made without a connection.
func (c *Collector) SetTransport2(t http.RoundTripper) {
	c.scheme, c.state, c.link = "https", linkGood, &link{base: "https://192.168.1.2", v2: true, transport: t}
}

// ReadEvents returns the data of all events of a stream, and how many were too
// long.
func ReadEvents(in io.Reader) (data []string, long int, err error) {
	events := newSSEReader(in)
	for {
		one, err := events.next()
		switch {
		case errors.Is(err, errLongEvent):
			long++
		case err != nil:
			return data, long, err
		default:
			data = append(data, string(one.data))
		}
	}
}

// Take has the text of an event worked into what is known.
func (c *Collector) Take(text string) (updates []collectors.Update, resync bool) {
	p := piece{position: 1}
	p.broken = unmarshal([]byte(text), &p.containers) != nil
	moves(p.containers)
	c.take(p)
	updates, resync = c.toldUpdates, c.reads.state == readWanted
	c.toldUpdates, c.reads.state = nil, readCurrent
	return updates, resync
}

// Browse asks one address instead of the networks.
func Browse(ctx context.Context, group net.Addr, found func(Found)) error {
	return browse(ctx, group, []*ipv4.ControlMessage{nil}, found)
}

// Search asks one address by SSDP instead of the networks.
func Search(ctx context.Context, group net.Addr, found func(Found)) error {
	return search(ctx, group, []*ipv4.ControlMessage{nil}, found)
}

// SetRoots replaces the authorities that the system and the program trust.
func (c *Collector) SetRoots(system, signify *x509.CertPool) {
	c.trusted = authorities{system, signify}
}

// SignifyRoots are the certificates that the program carries, as PEM.
var SignifyRoots = signifyRoots

// Bounds of an answer.
const (
	MaxBody    = maxBody
	MaxEntry   = maxEntry
	MaxEntries = maxEntries
	MaxFaults  = maxFaults
)

// Known makes the devices of what is known without asking.
func (c *Collector) Known() []collectors.Device { return c.house.all(c, &faults{}) }

// ServiceID is the id of a device's resource of this type.
func (c *Collector) ServiceID(device, kind string) string {
	for rid, id := range c.house.ids {
		for _, r := range c.house.byOwner[rid] {
			if id == device && r.kind == kind {
				return r.id
			}
		}
	}
	return ""
}

package hue

import (
	"crypto/x509"
	"errors"
	"io"
	"net/http"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue/pairing"
)

// SetTransport has answers of CLIP v1 made without a connection.
func (c *Collector) SetTransport(t http.RoundTripper) {
	c.setTransport("http", t)
}

// SetTransport2 has answers of CLIP v2 made without a connection.
func (c *Collector) SetTransport2(t http.RoundTripper) {
	c.setTransport("https", t)
}

func (c *Collector) setTransport(scheme string, t http.RoundTripper) {
	c.conn.target.Scheme = scheme
	client := c.conn.target.Client(scheme).WithKey()
	client.Transport = t
	c.conn.client, c.conn.hasV2, c.conn.state = client, scheme == "https", connGood
	c.use(client)
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

// Take applies the text of an SSE event.
func (c *Collector) Take(text string) (updates []collectors.Update, resync bool) {
	e := parseEvent([]byte(text), nil)
	countActions(e.clip)
	c.clip2.home.apply(e, afterRead)
	updates, resync = c.clip2.home.updates, c.clip2.home.reads.state == readWanted
	c.clip2.home.updates, c.clip2.home.reads.state = nil, readCurrent
	return updates, resync
}

// SetRoots replaces the authorities that the system and the program trust.
func (c *Collector) SetRoots(system, signify *x509.CertPool) {
	c.conn.target.Trusted = pairing.Authorities{System: system, Signify: signify}
}

// Bounds of an answer.
const (
	MaxBody    = maxBody
	MaxEntry   = maxEntry
	MaxEntries = maxEntries
	MaxFaults  = maxFaults
)

// Known returns the devices without a request.
func (c *Collector) Known() []collectors.Device { return c.clip2.home.resources.all(&faults{}) }

// ServiceID is the id of a device's resource of this type.
func (c *Collector) ServiceID(device, kind string) string {
	for rid, id := range c.clip2.home.resources.ids {
		for _, r := range c.clip2.home.resources.byOwner[rid] {
			if id == device && r.kind == kind {
				return r.id
			}
		}
	}
	return ""
}

// Package hue reads the sensors of one Philips Hue bridge over its local API. It reads a
// bridge with CLIP v2 completely at a poll, and follows its event stream in between. It
// reads an older bridge with CLIP v1 at each poll. A device has the same id in both.
//
// A v1 bridge is asked by huego with one request per poll: /api/<key>/sensors returns
// every sensor. huego ignores status codes, takes an empty answer for an empty home,
// panics on some error lists, and loses all sensors because of a malformed one. It also
// sends through http.DefaultClient. The RoundTripper that New installs there limits,
// classifies and repairs an answer before huego sees it (see exchange).
//
// The package has more than 1,500 lines because it contains two APIs, the event stream, and
// a file for each kind of resource.
//
// The key is part of every URL of v1 and a header field of v2. Errors of this package
// contain no URL, and the key is removed from any text that came from the network.
package hue

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue/pairing"
)

// Options are the options of New.
type Options struct {
	// Host is an address, host:port, or an http or https URL. Without a scheme, https is
	// used if the bridge has it. It may be empty for a paired bridge if ID is set.
	Host string
	// ID is the bridge's id, 16 hexadecimal digits in any case. It may be empty. With
	// https the bridge's certificate must be for it.
	ID string
	// Username is the key that pairing returned, a secret. If empty, the one stored in
	// StateDir is used.
	Username string
	// Setting is where the configuration names this bridge, such as "hue.bridges[0]", for
	// messages that name what the user must change.
	Setting string
	// StateDir is the directory with the pairings; empty for none.
	StateDir string
	// Timeout bounds one request, from dialing to the last byte; 0 means 10 s.
	Timeout time.Duration
	// Areas maps the MAC of a device ("00:17:88:01:02:03:04:05", in any case) to a room.
	// It takes precedence over the rooms of the Hue app.
	Areas map[string]string
	// Lights adds lights and plugs.
	Lights bool
	// ButtonEvents selects the names of button events; empty means HueEvents.
	ButtonEvents ButtonEvents
	// DialContext makes the connections; nil means net.Dialer's.
	DialContext pairing.DialFunc
	// Find searches for a bridge that is no longer at its address. If nil, or without the
	// bridge's id, the address is final.
	Find pairing.FindFunc
}

// WithPaired adds the paired Hue bridges to the configured ones, except for those that
// are configured. Apart from the bridge itself, their options are those of the template.
func WithPaired(configured []Options, template Options) ([]Options, error) {
	state, err := pairing.Load(template.StateDir)
	if err != nil {
		return nil, err
	}
	options := slices.Clone(configured)
	for i, p := range state.Bridges {
		isConfigured := slices.ContainsFunc(configured, func(o Options) bool {
			id := pairing.NormalID(o.ID)
			return id == p.ID || id == "" && pairing.SameHost(o.Host, p.Host)
		})
		if isConfigured {
			continue
		}
		o := template
		o.Host, o.ID, o.Username = "", p.ID, ""
		o.Setting = cmp.Or(o.Setting, fmt.Sprintf("%s bridges[%d]", pairing.StateFile, i))
		options = append(options, o)
	}
	return options, nil
}

// Collector reads one Hue bridge. It implements collectors.Streamer; a bridge without
// CLIP v2 reports nothing between polls.
type Collector struct {
	options deviceOptions
	conn    connection
	clip2   clip2
}

// New returns the collector of one Hue bridge. Its error does not quote Host, because
// people paste whole URLs, with the key. It may also be about the stored pairings.
//
// The first call installs a RoundTripper in http.DefaultClient, so it must not be
// concurrent with other uses of that client.
func New(o Options) (*Collector, error) {
	c := &Collector{options: deviceOptions{areas: make(map[string]string, len(o.Areas)), lights: o.Lights, buttonEvents: o.ButtonEvents}}
	c.clip2.home.o = &c.options
	for mac, area := range o.Areas {
		c.options.areas[strings.ToLower(strings.TrimSpace(mac))] = area
	}
	var err error
	if c.conn, err = newConnection(o); err != nil {
		return nil, err
	}
	installDispatcher()
	return c, nil
}

// newConnection returns the connection that the options and the stored pairings describe.
func newConnection(o Options) (connection, error) {
	c := connection{
		setting:  o.Setting,
		stateDir: o.StateDir,
		ownKey:   o.Username != "",
		search:   search{find: o.Find},
		target: pairing.Target{
			Setting: o.Setting + ".host", IDSetting: o.Setting + ".id", Timeout: cmp.Or(max(o.Timeout, 0), pairing.DefaultTimeout), Dial: o.DialContext,
			ID: pairing.NormalID(o.ID), Key: o.Username, Named: strings.TrimSpace(o.Host) != "",
		},
	}
	state, err := pairing.Load(o.StateDir)
	if err != nil {
		return c, err
	}
	stored, found := state.Find(c.target.ID, o.Host)
	if !c.target.Named && found {
		c.endpoint = c.target.ID
		o.Host = stored.Host
		// A search finds addresses only, so a name came from the user.
		c.target.Named = !pairing.IsLiteral(o.Host)
	}
	u, err := pairing.ParseHost(o.Host)
	if err != nil {
		return c, fmt.Errorf("%s %w", c.target.Setting, err)
	}
	c.endpoint = cmp.Or(c.endpoint, u.String())
	c.target.Host = u.Host
	if strings.Contains(o.Host, "://") {
		c.target.Scheme = u.Scheme
	}
	if found {
		c.usePairing(stored)
	}
	if c.target.Scheme == "" && state.IsEncrypted(c.target.Host) {
		c.target.Scheme = "https"
	}
	return c, nil
}

// Source returns "hue".
func (c *Collector) Source() string { return Source }

// Endpoint returns the configured address as a URL without a path, such as
// "http://192.168.1.2", or the id of a bridge that is only paired.
func (c *Collector) Endpoint() string { return c.conn.endpoint }

// Close closes the event stream. It must not be called while Collect or Next runs.
func (c *Collector) Close() { c.clip2.close() }

// Collect reads everything from the bridge, in one request. While the event stream is
// live, it instead returns what that has reported, after asking only whether the bridge
// still accepts the key; it then reads everything every 10 minutes, and after Refresh.
// Snapshot.Faults has the entries of the answer that were malformed. The first call, and
// the first after a failure, also asks which API the bridge has.
func (c *Collector) Collect(ctx context.Context, retry *collectors.Retrier) (collectors.Snapshot, error) {
	if err := c.conn.prepare(); err != nil {
		return collectors.Snapshot{}, fmt.Errorf("%s: %w", c.conn.endpoint, err)
	}
	snapshot, err := c.collect(ctx, retry)
	if err != nil && ctx.Err() == nil {
		if err = c.conn.otherBridge(ctx, err); c.conn.relocate(ctx, err) {
			snapshot, err = c.collect(ctx, retry)
		}
	}
	c.conn.state = connStateAfter(err)
	if err != nil {
		c.Refresh()
		return collectors.Snapshot{}, err
	}
	c.conn.search.failures = 0
	snapshot.Faults = append(snapshot.Faults, c.conn.save()...)
	return snapshot, nil
}

func (c *Collector) collect(ctx context.Context, retry *collectors.Retrier) (snapshot collectors.Snapshot, err error) {
	err = retry.Do(ctx, c.conn.endpoint, func(ctx context.Context) (err error) {
		snapshot, err = c.poll(ctx)
		return c.conn.withRemedy(err)
	})
	return snapshot, err
}

// poll asks the bridge once.
func (c *Collector) poll(ctx context.Context) (collectors.Snapshot, error) {
	if err := c.conn.connect(ctx); err != nil {
		return collectors.Snapshot{}, err
	}
	c.use(c.conn.client)
	if c.conn.hasV2 {
		snapshot, err := c.clip2.poll(ctx)
		if err == nil {
			c.conn.v2 = v2Proven
		}
		if statusOf(err) != http.StatusNotFound {
			return snapshot, err
		}
		if err := c.conn.notFound(time.Now()); err != nil {
			return collectors.Snapshot{}, err
		}
	}
	return readSensors(ctx, c.conn.client, c.conn.target.Key, &c.options)
}

// use makes this the client of everything. A new client needs a new event stream.
func (c *Collector) use(client *pairing.Client) {
	if c.clip2.client == client {
		return
	}
	c.clip2.close()
	c.clip2.client, c.clip2.timeout = client, c.conn.target.Timeout
	c.options.clean = client.Clean
}

// Next returns the next update; see collectors.Streamer. A bridge without CLIP v2, or that no
// poll has reached, has none.
func (c *Collector) Next(ctx context.Context) (collectors.Update, error) {
	if c.conn.client == nil || !c.conn.hasV2 || c.clip2.home.resources == nil {
		<-ctx.Done()
		return collectors.Update{}, ctx.Err()
	}
	return c.clip2.next(ctx)
}

// Refresh makes the next Collect read everything; see collectors.Refresher.
func (c *Collector) Refresh() { c.clip2.home.reads.force() }

// Advise returns what to do about a failure of Collect; see collectors.Adviser.
func (c *Collector) Advise(err error) string { return c.conn.advise(err) }

// Removal returns how to remove the bridge; see collectors.Removable.
func (c *Collector) Removal() string { return c.conn.removal() }

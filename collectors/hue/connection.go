package hue

import (
	"context"
	"errors"
	"strconv"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue/pairing"
)

const (
	// firstSoftwareWithV2 is the first software of a bridge with CLIP v2, by Signify's
	// announcement.
	firstSoftwareWithV2 = 1948086000

	// askAgainAfter is how long a bridge without CLIP v2 is assumed to have none. An update
	// may add it.
	askAgainAfter = time.Hour

	// bootTime is longer than a bridge lacks CLIP v2 while it boots.
	bootTime = 3 * time.Minute
)

// connState is how much is known about the connection to a bridge.
type connState int

const (
	connUnknown connState = iota // no poll yet, or the last one failed: ask the bridge who it is
	connGood                     // the last poll succeeded
	connRefused                  // the last poll was refused because of the key
)

// connStateAfter returns the state after a poll.
func connStateAfter(err error) connState {
	switch {
	case err == nil:
		return connGood
	case collectors.ClassOf(err) == collectors.Authentication:
		return connRefused
	}
	return connUnknown
}

// v2State is what is known about CLIP v2 of a bridge whose software should have it.
type v2State int

const (
	v2Untried v2State = iota
	v2Proven          // it has answered
	v2Missing         // it was not found: the bridge boots, or is an emulator
	v2Absent          // it was not found for bootTime: an emulator
)

// connection is how a bridge is asked.
type connection struct {
	client *pairing.Client // nil before the first poll
	hasV2  bool            // ask by CLIP v2
	since  time.Time
	state  connState

	v2           v2State
	missingSince time.Time // in v2Missing
}

// isCurrent reports whether the connection can be used without asking the bridge who it
// is. scheme is that of the target.
func (c *connection) isCurrent(scheme string) bool {
	return c.client != nil && c.state != connUnknown && (c.hasV2 || scheme == "http" || time.Since(c.since) < askAgainAfter)
}

// notFound handles an answer of CLIP v2 that it does not exist, and returns the error of
// the poll; nil means that the bridge must be asked by CLIP v1.
func (c *connection) notFound(now time.Time) error {
	switch c.v2 {
	case v2Proven:
		return &collectors.TransientError{Kind: "booting", Err: errors.New("the Hue bridge does not find CLIP v2 (404), as while it boots")}
	case v2Untried:
		c.v2, c.missingSince = v2Missing, now
	case v2Missing:
		if now.Sub(c.missingSince) >= bootTime {
			c.v2 = v2Absent
		}
	}
	return nil
}

// connect establishes which API the bridge has, if that is not known.
func (c *Collector) connect(ctx context.Context) error {
	if c.conn.isCurrent(c.target.Scheme) {
		return nil
	}
	if c.target.Scheme == "http" {
		c.adopt(c.target.Client("http"), false)
		return nil
	}
	client, got, err := c.target.Reach(ctx)
	if err != nil {
		return err
	}
	if !client.IsEncrypted() {
		c.adopt(client, false)
		return nil
	}
	if c.target.Scheme == "" && c.target.ID == "" {
		c.unsaved = pairing.StoreEncrypted(c.stateDir, c.target.Host)
	}
	// From here on it must stay this bridge, and stay with https.
	c.target.ID, c.target.Scheme = pairing.NormalID(got.BridgeID), "https"
	version, err := strconv.ParseInt(got.SwVersion, 10, 64)
	c.adopt(c.target.Client("https").WithKey(), err == nil && version >= firstSoftwareWithV2 || c.conn.v2 == v2Proven)
	return nil
}

// adopt makes this the client, unless it is equivalent to the present one. A new client
// needs a new event stream.
func (c *Collector) adopt(client *pairing.Client, hasV2 bool) {
	c.conn.state, c.conn.since = connGood, time.Now()
	if old := c.conn.client; old != nil && old.Base == client.Base && c.conn.hasV2 == hasV2 {
		return
	}
	c.clip2.close()
	c.use(client, hasV2)
}

// use sets the client.
func (c *Collector) use(client *pairing.Client, hasV2 bool) {
	c.conn.client, c.conn.hasV2 = client, hasV2
	c.options.clean = client.Clean
	c.clip2.client, c.clip2.timeout = client, c.target.Timeout
}

// statusOf returns the HTTP status of a failure, or 0 if it has none or is one of
// authentication.
func statusOf(err error) int {
	if transient, ok := errors.AsType[*collectors.TransientError](err); ok {
		return transient.StatusCode
	}
	if permanent, ok := errors.AsType[*collectors.PermanentError](err); ok {
		return permanent.StatusCode
	}
	return 0
}

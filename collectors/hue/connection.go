package hue

import (
	"context"
	"errors"
	"strconv"
	"strings"
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

	// missedPolls is how many consecutive polls must fail before a bridge is searched for
	// elsewhere: one may coincide with a restart.
	missedPolls = 2
	// searchEvery is the min interval between searches. The vendor's service turns away
	// those that ask often.
	searchEvery = 5 * time.Minute
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

// v2State is the state of CLIP v2 on a bridge whose software should have it.
type v2State int

const (
	v2Untried v2State = iota
	v2Proven          // it has answered
	v2Missing         // it was not found: the bridge boots, or is an emulator
	v2Absent          // it was not found for bootTime: an emulator
)

// search decides when to search for a bridge at another address.
type search struct {
	find     pairing.FindFunc // nil: never
	failures int              // consecutive polls that did not reach the bridge
	last     time.Time        // of the last search
}

// isDue counts a failed poll, and reports whether to search now.
func (s *search) isDue(failure error, now time.Time) bool {
	if collectors.ClassOf(failure) == collectors.Authentication || answered(failure) {
		s.failures = 0
		return false
	}
	s.failures++
	return s.find != nil && s.failures >= missedPolls && (s.last.IsZero() || now.Sub(s.last) >= searchEvery)
}

// connection is how one Hue bridge is reached: its address, identity and key, where they come
// from, and which API it has.
type connection struct {
	target     pairing.Target
	setting    string // where the configuration names the bridge
	endpoint   string // as configured; the id if the bridge is only paired
	stateDir   string
	ownKey     bool   // the key is configured, not stored
	paired     bool   // stateDir has a pairing
	storedHost string // of the pairing
	unsaved    error  // why the use of https could not be stored; reported once

	client *pairing.Client // nil before the first poll
	hasV2  bool            // ask by CLIP v2
	since  time.Time
	state  connState

	v2           v2State
	missingSince time.Time // in v2Missing

	search search
}

// usePairing applies a stored pairing. A bridge that was paired over https is never asked
// without it.
func (c *connection) usePairing(p pairing.Pairing) {
	c.paired = true
	c.target.ID = p.ID
	c.storedHost = strings.TrimPrefix(p.Host, "http://")
	if !c.ownKey {
		c.target.Key = p.Username
	}
	if c.target.Scheme == "" {
		c.target.Scheme = "https"
		if p.IsPlain() {
			c.target.Scheme = "http"
		}
	}
	if c.target.Scheme == "https" {
		c.target.Fingerprint = p.Fingerprint
	}
}

// prepare applies a pairing that was stored since, and returns an error if there is no
// usable key.
func (c *connection) prepare() error {
	if c.target.Key == "" || c.state == connRefused || c.paired && c.state == connUnknown {
		if err := c.reload(); err != nil {
			return err
		}
	}
	return c.checkKey()
}

func (c *connection) reload() error {
	state, err := pairing.Load(c.stateDir)
	if err != nil {
		return &collectors.PermanentError{Kind: "state", Err: err}
	}
	p, found := state.Find(c.target.ID, c.target.Host)
	if found && (!c.ownKey && p.Username != c.target.Key || p.Fingerprint != c.target.Fingerprint) {
		c.usePairing(p)
		c.client = nil // it has the old key
	}
	return nil
}

// checkKey returns an error if there is no key, or one that must not become part of a
// URL.
func (c *connection) checkKey() error {
	switch {
	case c.target.Key == "":
		return c.withRemedy(&collectors.AuthenticationError{Code: "no key", Err: errors.New("there is no key for the Hue bridge")})
	case !pairing.ValidKey(c.target.Key):
		return c.withRemedy(&collectors.AuthenticationError{Code: "unusable key", Err: errors.New("the key for the Hue bridge contains characters that no key has")})
	}
	return nil
}

// isCurrent reports whether the connection can be used without asking the bridge who it is.
func (c *connection) isCurrent() bool {
	return c.client != nil && c.state != connUnknown && (c.hasV2 || c.target.Scheme == "http" || time.Since(c.since) < askAgainAfter)
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
			c.adopt(c.client, false)
		}
	case v2Absent:
		c.adopt(c.client, false)
	}
	return nil
}

// connect establishes which API the bridge has, if that is not known.
func (c *connection) connect(ctx context.Context) error {
	if c.isCurrent() {
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
	c.adopt(c.target.Client("https").WithKey(), err == nil && version >= firstSoftwareWithV2 || c.v2 == v2Proven)
	return nil
}

// adopt makes this the client, unless it is equivalent to the present one.
func (c *connection) adopt(client *pairing.Client, hasV2 bool) {
	c.state, c.since = connGood, time.Now()
	if c.client == nil || c.client.Base != client.Base || c.hasV2 != hasV2 {
		c.client, c.hasV2 = client, hasV2
	}
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

// answered reports whether the bridge itself reported the failure: it is there, and busy.
func answered(err error) bool {
	return collectors.ClassOf(err) == collectors.Transient && statusOf(err) != 0
}

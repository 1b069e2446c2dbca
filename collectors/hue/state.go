package hue

import (
	"errors"
	"time"

	"hueair2mqtt/collectors"
)

// linkState is how far the link to the bridge can be relied on.
type linkState int

const (
	linkUnsure  linkState = iota // no poll yet, or the last one failed: ask which API the bridge has
	linkGood                     // the last poll was answered
	linkRefused                  // the last poll was refused for its key
)

// linkAfter is the state of the link after a poll.
func linkAfter(err error) linkState {
	switch {
	case err == nil:
		return linkGood
	case collectors.ClassOf(err) == collectors.Authentication:
		return linkRefused
	}
	return linkUnsure
}

// v2State is what is known of CLIP v2 of a bridge whose software claims to have it.
type v2State int

const (
	v2Untried v2State = iota
	v2Proven          // it has answered
	v2Missing         // it was not found: the bridge boots, or is an emulator
	v2Absent          // it was not found for bootTime: an emulator
)

// bootTime is longer than a bridge lacks CLIP v2 while it boots.
const bootTime = 3 * time.Minute

// v2NotFound takes note of an answer of CLIP v2 that it does not exist, and returns
// the error of the poll; nil means that CLIP v1 is to be asked instead.
func (c *Collector) v2NotFound(now time.Time) error {
	switch c.v2 {
	case v2Proven:
		return &collectors.TransientError{Kind: "booting", Err: errors.New("the Hue bridge does not know CLIP v2 just now (404), as while it boots")}
	case v2Untried:
		c.v2, c.missingSince = v2Missing, now
	case v2Missing:
		if now.Sub(c.missingSince) >= bootTime {
			c.v2 = v2Absent
		}
	}
	if c.v2 == v2Absent {
		c.adopt(&link{base: c.link.base, transport: c.link.transport, madeAt: now})
	}
	return nil
}

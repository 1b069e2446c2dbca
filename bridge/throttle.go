package bridge

import (
	"time"

	"hueair2mqtt/collectors"
)

const (
	// minPause and maxPause bound the pause of a throttled source. Amazon's throttling
	// lasts minutes to hours, and each request prolongs it.
	minPause = 15 * time.Minute
	maxPause = 4 * time.Hour

	// maxServerPause is the longest pause that a server can ask for.
	maxServerPause = 24 * time.Hour
)

// backoff is the pause of a throttled source across polls. It doubles with each
// throttled poll and starts over after a success. The zero backoff has no pause.
type backoff struct {
	length time.Duration // of the last pause; 0 after a success
}

// after returns the pause after a poll that ended with err, or 0 if the next poll is due
// as usual. Other failures than throttling have no pause and do not change the next one.
func (b *backoff) after(err error) time.Duration {
	throttled := collectors.AsThrottled(err)
	switch {
	case err == nil:
		b.length = 0
		return 0
	case throttled == nil:
		return 0
	case b.length == 0:
		b.length = minPause
	default:
		b.length = min(2*b.length, maxPause)
	}
	return max(b.length, min(throttled.RetryAfter, maxServerPause))
}

// throttling is the pause of an endpoint as users see it. The zero throttling is none.
type throttling struct {
	since  time.Time // the first throttled poll
	until  time.Time // the next poll; zero if the last poll failed for another reason
	reason string
	remedy string
}

// active reports whether the endpoint is paused.
func (t throttling) active() bool { return !t.until.IsZero() }

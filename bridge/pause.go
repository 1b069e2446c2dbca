package bridge

import (
	"time"

	"hueair2mqtt/collectors"
)

const (
	// firstPause and maxPause bound the pause of a throttled source. Amazon's
	// throttling lasts minutes to hours, and each request prolongs it.
	firstPause = 15 * time.Minute
	maxPause   = 4 * time.Hour

	// maxServerPause is the longest pause that a server can ask for.
	maxServerPause = 24 * time.Hour
)

// pause leaves a throttled source alone across polls: longer with each throttled
// poll, until one succeeds. The zero pause is that of a source that answers.
type pause struct {
	length time.Duration // of the last one; 0 after a success
}

// after returns how long the source is left alone after a poll that ended with err.
// Zero leaves the next poll to the interval. Any other failure than throttling has
// no pause, but does not end the growth either.
func (p *pause) after(err error) time.Duration {
	throttled := collectors.AsThrottled(err)
	switch {
	case err == nil:
		p.length = 0
		return 0
	case throttled == nil:
		return 0
	case p.length == 0:
		p.length = firstPause
	default:
		p.length = min(2*p.length, maxPause)
	}
	return max(p.length, min(throttled.RetryAfter, maxServerPause))
}

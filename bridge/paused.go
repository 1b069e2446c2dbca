package bridge

import (
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/collectors"
)

// pausedSource is what the owner publishes about the pause of a throttled endpoint.
// The zero value is an endpoint without one.
type pausedSource struct {
	since  time.Time // the first throttled poll
	until  time.Time // the next poll; zero if the last poll failed for another reason
	reason string
	remedy string
}

// now reports whether the endpoint is left alone at the moment.
func (p pausedSource) now() bool { return !p.until.IsZero() }

// takePause notes whether a poll was throttled, and logs and publishes it.
func (w *owner) takePause(e polled) {
	end := w.endpoints[e.poller]
	before := end.paused
	switch {
	case e.paused:
		if before.since.IsZero() {
			end.paused.since = e.at.UTC()
		}
		end.paused.until, end.paused.reason = e.next.UTC(), oneLine(e.err.Error())
		if adviser, ok := e.poller.task.Collector.(collectors.Adviser); ok {
			end.paused.remedy = oneLine(adviser.Advise(e.err))
		}
		e.poller.log.Warn("the source asks for fewer requests, so it is left alone for a while",
			zap.String("kind", collectors.KindThrottled), zap.Time("until", end.paused.until),
			zap.String("remedy", end.paused.remedy), zap.Error(e.err))
	case e.err == nil:
		end.paused = pausedSource{}
		if !before.since.IsZero() {
			e.poller.log.Info("the source answers again after throttling", zap.Time("since", before.since))
		}
	default:
		end.paused.until = time.Time{}
	}
	if end.paused != before {
		w.publishProblem(e.poller.source())
	}
}

// pauseOf returns the pause of a source that ends last; the zero value means that
// none of its endpoints pauses.
func (w *owner) pauseOf(source string) (last pausedSource) {
	for _, p := range w.pollers {
		if end := w.endpoints[p]; p.source() == source && end.paused.until.After(last.until) {
			last = end.paused
		}
	}
	return last
}

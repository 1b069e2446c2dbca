package bridge

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/collectors"
)

// endpoint is the state of one Hue bridge or one account.
type endpoint struct {
	*poller
	stop context.CancelFunc // nil before the poller runs

	added       time.Time
	lastPoll    time.Time // zero before the first poll
	lastSuccess time.Time // zero before the first success
	nextPoll    time.Time
	err         error // of the last poll
	failures    int   // failed polls in a row
	throttling  throttling
	faults      map[string]bool // of the last poll
	moved       int             // its devices that have moved to other endpoints
	replaced    bool            // it seems to be replaced, which was logged
	removed     bool            // it is no longer polled
}

// polled reports whether there was a poll.
func (e *endpoint) polled() bool { return !e.lastPoll.IsZero() }

// record records the outcome of a poll and logs it. throttlingChanged reports whether
// that began, prolonged or ended a pause.
func (e *endpoint) record(r pollResult) (throttlingChanged bool) {
	e.lastPoll, e.nextPoll, e.err = r.start, r.next, r.err
	if r.err == nil {
		e.lastSuccess, e.failures = r.start, 0
	} else {
		e.failures++
	}
	before := e.throttling
	e.recordThrottling(r)
	e.log.Debug("polled", zap.Int("devices", len(r.snapshot.Devices)), zap.Duration("took", r.took), zap.Bool("good", r.err == nil))
	return e.throttling != before
}

func (e *endpoint) recordThrottling(r pollResult) {
	t := &e.throttling
	switch {
	case r.paused:
		if t.since.IsZero() {
			t.since = r.start.UTC()
		}
		t.until, t.reason = r.next.UTC(), errorText(r.err)
		if adviser, ok := e.task.Collector.(collectors.Adviser); ok {
			t.remedy = oneLine(adviser.Advise(r.err))
		}
		e.log.Warn("the source asks for fewer requests and is not polled for a while",
			zap.String("kind", collectors.KindThrottled), zap.Time("until", t.until), zap.String("remedy", t.remedy), zap.Error(r.err))
	case r.err == nil:
		if !t.since.IsZero() {
			e.log.Info("the source answers again after throttling", zap.Time("since", t.since))
		}
		*t = throttling{}
	default:
		t.until = time.Time{}
	}
}

// maxLogged is the maximum number of entries of a list that are logged.
const maxLogged = 10

// logFaults logs the entries that could not be read, each once for as long as every
// poll has it.
func (e *endpoint) logFaults(faults []error) {
	known := e.faults
	e.faults = make(map[string]bool, len(faults))
	var texts []string
	for _, fault := range faults {
		text := fault.Error()
		if !known[text] && !e.faults[text] {
			texts = append(texts, text)
		}
		e.faults[text] = true
	}
	if more := len(texts) - maxLogged; more > 0 {
		texts = append(texts[:maxLogged], fmt.Sprintf("and %d more", more))
	}
	if len(texts) > 0 {
		e.log.Warn("some entries of the response could not be read", zap.Strings("faults", texts))
	}
}

// removal returns how the user removes the endpoint, in the imperative, or "" if that
// is not possible while the bridge runs.
func (e *endpoint) removal() string {
	if r, ok := e.task.Collector.(collectors.Removable); ok {
		return r.Removal()
	}
	return ""
}

// maxLine is the maximum length of a reason or remedy, in bytes.
const maxLine = 500

func oneLine(s string) string { return collectors.CleanLine(s, maxLine) }

// errorText returns the text of an error on one line.
func errorText(err error) string { return oneLine(err.Error()) }

package hue

import (
	"slices"
	"time"

	"hueair2mqtt/collectors"
)

const (
	// maxPublished is how many reports of a button are remembered, so that none is
	// published twice.
	maxPublished = 8

	// missedAfter is how long to wait for a report that only a full read had. The stream
	// may still deliver it, with the reports before it.
	missedAfter = 2 * time.Second

	// maxLate is the max age of a missed report: the effect of a press must not come long
	// after it.
	maxLate = 15 * time.Minute
)

// buttonReports records the reports of all buttons and dials, so that each is published
// once.
type buttonReports struct {
	of  map[string]*reportHistory // by resource id
	due time.Time                 // when the first missed report is due; zero if there is none
}

// reportHistory is the history of the reports of one button or dial.
type reportHistory struct {
	newest    time.Time     // no report before it counts; zero if there was none
	published []occurrence  // the latest, and the one in the first read
	missed    *missedReport // nil if there is none
}

// missedReport is a report that a full read had and the stream has not delivered.
type missedReport struct {
	occurrence
	attributes map[string]any
	due        time.Time // when to publish it
}

// isNew reports whether a report has not been published. A bridge repeats old ones when it
// restarts. A report without a time is always new.
func (h *reportHistory) isNew(what occurrence) bool {
	return what.at.IsZero() || !what.at.Before(h.newest) && !slices.Contains(h.published, what)
}

// record adds a report that was published or need not be.
func (h *reportHistory) record(what occurrence) {
	h.published = append(h.published[max(0, len(h.published)-maxPublished+1):], what)
	if what.at.After(h.newest) {
		h.newest = what.at
	}
	if h.missed != nil && !h.missed.at.After(h.newest) {
		h.missed = nil
	}
}

// history returns the history of a button or dial, which may be empty.
func (b *buttonReports) history(id string) *reportHistory {
	h := b.of[id]
	if h == nil {
		if b.of == nil {
			b.of = make(map[string]*reportHistory)
		}
		h = new(reportHistory)
		b.of[id] = h
	}
	return h
}

// buttonReport is a report in a partial update of a button or dial.
type buttonReport struct {
	occurrence
	attributes map[string]any
	of         *resource
	isNew      bool
}

// find returns the report in a partial update; ok is false if there is none.
func (b *buttonReports) find(rs *resources, head header, part []byte) (r buttonReport, ok bool) {
	of := rs.services[head.ID]
	if of == nil {
		return buttonReport{}, false
	}
	update, isEmitter := newValue(head.Type).(emitter)
	if !isEmitter || decode(part, update) != nil {
		return buttonReport{}, false // resources.update handles the error
	}
	if update.reported().never {
		return buttonReport{of: of}, true
	}
	what, attributes, ok := update.event()
	if !ok {
		return buttonReport{}, false
	}
	return buttonReport{what, attributes, of, rs.ids[of.owner] != "" && b.history(of.id).isNew(what)}, true
}

// publish records a report and returns its event.
func (b *buttonReports) publish(rs *resources, r buttonReport) collectors.Event {
	b.history(r.of.id).record(r.occurrence)
	key, types := eventTypes(r.of.value)
	if e, ok := r.of.value.(emitter); ok && !slices.Contains(types, r.kind) {
		e.allow(r.kind) // the bridge did not list it
	}
	e := collectors.Event{DeviceID: rs.ids[r.of.owner], Key: key, Type: r.kind, Attributes: r.attributes}
	return rs.o.buttonEvents.event(e, types)
}

// compare looks in a full read for reports that the stream has not delivered. The report in
// the first read of a button is not one. now is the time of the local clock.
func (b *buttonReports) compare(rs *resources, now time.Time) {
	answered := rs.answered // by the bridge's clock, like the reports
	if answered.IsZero() {
		answered = now
	}
	for id, r := range rs.services {
		if key, _ := eventTypes(r.value); key == "" {
			continue
		}
		_, known := b.of[id]
		h := b.history(id)
		what, attributes, ok := eventOf(r.value)
		switch {
		case !ok || what.at.IsZero():
		case !known:
			h.record(what)
		case what.at.Before(h.newest): // the bridge's clock was set back
			h.newest = what.at
		case h.isNew(what) && what.at.After(h.newest):
			if answered.Sub(what.at) > maxLate {
				h.record(what)
				continue
			}
			h.missed = &missedReport{what, attributes, now.Add(missedAfter)}
			b.due = earlier(b.due, h.missed.due)
		}
	}
}

// takeMissed removes and returns the missed reports that are due, the oldest first.
func (b *buttonReports) takeMissed(rs *resources, now time.Time) (due []buttonReport) {
	if b.due.IsZero() || now.Before(b.due) {
		return nil
	}
	b.due = time.Time{}
	for id, h := range b.of {
		if h.missed == nil {
			continue
		}
		if now.Before(h.missed.due) {
			b.due = earlier(b.due, h.missed.due)
			continue
		}
		if r := rs.services[id]; r != nil && rs.ids[r.owner] != "" {
			due = append(due, buttonReport{h.missed.occurrence, h.missed.attributes, r, true})
		}
		h.missed = nil
	}
	slices.SortFunc(due, func(a, b buttonReport) int { return a.at.Compare(b.at) })
	return due
}

// earlier returns the earlier of two times, of which a zero one is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

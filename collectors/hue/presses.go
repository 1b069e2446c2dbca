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

	// missedAfter is how long a report that only a full read had may still arrive on
	// the stream, which has the reports before it as well.
	missedAfter = 2 * time.Second

	// maxLate is the age at which a missed report is dropped: what a press starts must
	// not start long after it.
	maxLate = 15 * time.Minute
)

// presses are the known reports of one button or dial.
type presses struct {
	newest    time.Time    // no report before it counts; zero if there was none
	published []occurrence // the last ones, and the one that the first read had
	missed    *missed      // nil if there is none
}

// missed is a report that a full read had and the stream has not.
type missed struct {
	occurrence
	attributes map[string]any
	due        time.Time // when it is published
}

// counts reports whether a report is a new one. A bridge repeats old ones when it
// restarts. Without a time it always is.
func (p *presses) counts(what occurrence) bool {
	return what.at.IsZero() || !what.at.Before(p.newest) && !slices.Contains(p.published, what)
}

// note adds a report that was published or need not be.
func (p *presses) note(what occurrence) {
	p.published = append(p.published[max(0, len(p.published)-maxPublished+1):], what)
	if what.at.After(p.newest) {
		p.newest = what.at
	}
	if p.missed != nil && !p.missed.at.After(p.newest) {
		p.missed = nil
	}
}

// report is what a part of a button or dial reports.
type report struct {
	occurrence
	attributes map[string]any
	of         *resource
	counts     bool
}

// report returns the report in a part of a resource; ok is false if there is none.
func (c *Collector) report(head header, raw []byte) (r report, ok bool) {
	of := c.house.services[head.ID]
	if of == nil {
		return report{}, false
	}
	part, isEmitter := newValue(head.Type).(emitter)
	if !isEmitter || decode(raw, part) != nil {
		return report{}, false // update sees to it
	}
	if part.reported().never {
		return report{of: of}, true
	}
	what, attributes, ok := part.event()
	if !ok {
		return report{}, false
	}
	counts := c.house.ids[of.owner] != "" && c.pressesOf(of.id).counts(what)
	return report{what, attributes, of, counts}, true
}

func (c *Collector) pressesOf(id string) *presses {
	p := c.presses[id]
	if p == nil {
		p = new(presses)
		c.presses[id] = p
	}
	return p
}

// publishReport adds an event to a step.
func (c *Collector) publishReport(r report, s *step) {
	c.pressesOf(r.of.id).note(r.occurrence)
	key, types := eventTypes(r.of.value)
	c.house.learn(r.of, r.kind, types)
	s.devices[r.of.owner] = true
	e := collectors.Event{DeviceID: c.house.ids[r.of.owner], Key: key, Type: r.kind, Attributes: r.attributes}
	s.events = append(s.events, c.buttonEvents.event(e, types))
}

// compareReports looks in a full read, answered at a time of the bridge's clock,
// for reports that the stream has not brought. The first read of a button has none.
func (c *Collector) compareReports(h *house, answered time.Time) {
	for id, r := range h.services {
		if key, _ := eventTypes(r.value); key == "" {
			continue
		}
		p, known := c.presses[id]
		if !known {
			p = c.pressesOf(id)
		}
		what, attributes, ok := event(r.value)
		switch {
		case !ok || what.at.IsZero():
		case !known:
			p.note(what)
		case what.at.Before(p.newest): // the bridge's clock was set back
			p.newest = what.at
		case p.counts(what) && what.at.After(p.newest):
			if answered.Sub(what.at) > maxLate {
				p.note(what)
				continue
			}
			p.missed = &missed{what, attributes, time.Now().Add(missedAfter)}
			c.missedDue = earlier(c.missedDue, p.missed.due)
		}
	}
}

// publishMissed publishes the missed reports that are due, the oldest first, and
// reports whether there are any.
func (c *Collector) publishMissed(now time.Time) bool {
	if c.missedDue.IsZero() || now.Before(c.missedDue) {
		return false
	}
	c.missedDue = time.Time{}
	var due []report
	for id, p := range c.presses {
		if p.missed == nil {
			continue
		}
		if now.Before(p.missed.due) {
			c.missedDue = earlier(c.missedDue, p.missed.due)
			continue
		}
		if r := c.house.services[id]; r != nil && c.house.ids[r.owner] != "" {
			due = append(due, report{p.missed.occurrence, p.missed.attributes, r, true})
		}
		p.missed = nil
	}
	slices.SortFunc(due, func(a, b report) int { return a.at.Compare(b.at) })
	for _, r := range due {
		step := newStep()
		c.publishReport(r, step)
		c.tell(step)
	}
	return len(due) > 0
}

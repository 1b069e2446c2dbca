package hue

import (
	"maps"
	"slices"
	"time"

	"hueair2mqtt/collectors"
)

// home is what is known about everything that a v2 bridge controls, and what of it has not
// been returned yet.
type home struct {
	o         *deviceOptions
	resources *resources // nil before the first full read
	faults    faults     // of the last full read
	reads     fullReads
	reports   buttonReports
	updates   []collectors.Update // to be returned by Next
}

// age is when an event arrived, relative to the last full read.
type age int

const (
	afterRead  age = iota // it is newer, whatever the bridge's clock says
	duringRead            // it counts if its report is later than that of the read
	beforeRead            // it is part of the read: only the presses in it are new
)

// replace replaces the resources by those of a full read, and applies the events that may
// not be part of it, of which the first ones arrived before the read.
func (h *home) replace(rs *resources, found faults, events []streamEvent, before int) {
	now := time.Now()
	h.resources, h.faults = rs, found
	h.reads.done(now)
	h.forgetStates()
	for i, e := range events {
		if i < before {
			h.apply(e, beforeRead)
		} else {
			h.apply(e, duringRead)
		}
	}
	h.reports.compare(rs, now)
}

// forgetStates drops the states in updates, because a full read is newer, and keeps the
// events.
func (h *home) forgetStates() {
	updates := h.updates
	h.updates = nil
	for _, u := range updates {
		if len(u.Events) > 0 {
			h.updates = append(h.updates, collectors.Update{Events: u.Events})
		}
	}
}

// snapshot returns all devices.
func (h *home) snapshot() collectors.Snapshot {
	found := faults{errs: slices.Clone(h.faults.errs), more: h.faults.more}
	return collectors.Snapshot{Devices: h.resources.all(&found), Faults: found.list()}
}

// takeUpdate removes and returns the first update, or publishes missed reports that are due.
func (h *home) takeUpdate(now time.Time) (u collectors.Update, ok bool) {
	if len(h.updates) == 0 {
		for _, r := range h.reports.takeMissed(h.resources, now) {
			b := newUpdate()
			h.publish(b, r)
			h.finish(b)
		}
	}
	if len(h.updates) == 0 {
		return collectors.Update{}, false
	}
	u = h.updates[0]
	h.updates = h.updates[1:]
	return u, true
}

// apply applies an event to the resources, and adds what it changes to updates and reads.
func (h *home) apply(e streamEvent, age age) {
	now := time.Now()
	if age != beforeRead {
		switch e.kind {
		case eventOpened:
			h.reads.wantAfterGap(now)
		case eventReopened:
			h.reads.wantAfterGap(now.Add(settling))
		case eventMalformed:
			h.reads.wantSoon(now)
		case eventOverflow:
			h.reads.want(now)
		}
	}
	b, resync := newUpdate(), false
	for _, clip := range e.clip {
		if clip.Type != clipUpdate {
			resync = resync || h.resources.affects(clip)
			continue
		}
		for _, raw := range clip.Data {
			var head header
			if decode(raw, &head) != nil {
				resync = true
				continue
			}
			if !h.resources.isRead(head.Type) {
				continue
			}
			if b.changed[head.ID] {
				// Two changes of one resource must both be published.
				h.finish(b)
				b = newUpdate()
			}
			report, isReport := h.reports.find(h.resources, head, raw)
			if isReport && !report.isNew {
				continue
			}
			if age != beforeRead {
				devices, err := h.resources.update(head, raw, age == duringRead)
				resync = resync || err != nil
				for _, rid := range devices {
					b.devices[rid] = true
				}
			}
			if isReport {
				h.publish(b, report)
			}
			b.changed[head.ID] = !isReport
		}
	}
	h.finish(b)
	if resync && age != beforeRead {
		h.reads.wantSoon(now)
	}
}

// updateBuilder collects the content of one Update.
type updateBuilder struct {
	devices map[string]bool // resource ids of owners
	changed map[string]bool // resource ids of changed resources other than buttons
	events  []collectors.Event
}

func newUpdate() *updateBuilder {
	return &updateBuilder{devices: make(map[string]bool), changed: make(map[string]bool)}
}

// publish adds the event of a report.
func (h *home) publish(b *updateBuilder, r buttonReport) {
	b.events = append(b.events, h.reports.publish(h.resources, r))
	b.devices[r.of.owner] = true
}

// finish makes an Update, unless it would be empty.
func (h *home) finish(b *updateBuilder) {
	if len(b.devices) == 0 && len(b.events) == 0 {
		return
	}
	u := collectors.Update{Events: b.events}
	for _, rid := range slices.Sorted(maps.Keys(b.devices)) {
		u.Devices = append(u.Devices, h.resources.device(rid, &faults{})) // the next full read reports the faults
	}
	h.updates = append(h.updates, u)
}

package hue

import (
	"context"
	"maps"
	"slices"
	"time"

	"hueair2mqtt/collectors"
)

// age is when an event arrived, relative to the last full read.
type age int

const (
	afterRead  age = iota // it is newer, whatever the bridge's clock says
	duringRead            // it counts if its report is later than that of the read
	beforeRead            // it is part of the read: only the presses in it are new
)

// next returns the next update, as defined by collectors.Streamer. It opens the stream if
// necessary.
func (c *clip2) next(ctx context.Context) (collectors.Update, error) {
	if c.stream == nil {
		c.stream = openStream(c.client, c.timeout)
	}
	for {
		if len(c.updates) > 0 {
			u := c.updates[0]
			c.updates = c.updates[1:]
			return u, nil
		}
		now := time.Now()
		for _, r := range c.reports.takeMissed(c.resources, now) {
			b := newUpdate()
			c.publish(b, r)
			c.finish(b)
		}
		switch {
		case len(c.updates) > 0:
		case c.reads.begin(now) && c.stream.isLive():
			return collectors.Update{}, collectors.ErrResync
		case len(c.backlog) > 0:
			e := c.backlog[0]
			c.backlog = c.backlog[1:]
			c.apply(e, afterRead)
		default:
			if err := c.wait(ctx); err != nil {
				return collectors.Update{}, err
			}
		}
	}
}

// wait waits for events of the stream, or until something is due.
func (c *clip2) wait(ctx context.Context) error {
	var due <-chan time.Time
	if at := earlier(c.reads.due(), c.reports.due); !at.IsZero() {
		timer := time.NewTimer(time.Until(at))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-c.stream.inbox.filled:
		c.backlog = c.stream.inbox.take()
	case <-due:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// apply applies an event to the resources, and adds what it changes to updates and reads.
func (c *clip2) apply(e event, age age) {
	now := time.Now()
	if age != beforeRead {
		switch e.kind {
		case eventOpened:
			c.reads.wantAfterGap(now)
		case eventReopened:
			c.reads.wantAfterGap(now.Add(settling))
		case eventMalformed:
			c.reads.wantSoon(now)
		case eventOverflow:
			c.reads.want(now)
		}
	}
	b, resync := newUpdate(), false
	for _, clip := range e.clip {
		if clip.Type != clipUpdate {
			resync = resync || c.resources.affects(clip)
			continue
		}
		for _, raw := range clip.Data {
			var head header
			if decode(raw, &head) != nil {
				resync = true
				continue
			}
			if !c.resources.isRead(head.Type) {
				continue
			}
			if b.changed[head.ID] {
				// Two changes of one resource must both be published.
				c.finish(b)
				b = newUpdate()
			}
			report, isReport := c.reports.find(c.resources, head, raw)
			if isReport && !report.isNew {
				continue
			}
			if age != beforeRead {
				devices, err := c.resources.update(head, raw, age == duringRead)
				resync = resync || err != nil
				for _, rid := range devices {
					b.devices[rid] = true
				}
			}
			if isReport {
				c.publish(b, report)
			}
			b.changed[head.ID] = !isReport
		}
	}
	c.finish(b)
	if resync && age != beforeRead {
		c.reads.wantSoon(now)
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
func (c *clip2) publish(b *updateBuilder, r buttonReport) {
	b.events = append(b.events, c.reports.publish(c.resources, r))
	b.devices[r.of.owner] = true
}

// finish makes an Update, unless it would be empty.
func (c *clip2) finish(b *updateBuilder) {
	if len(b.devices) == 0 && len(b.events) == 0 {
		return
	}
	u := collectors.Update{Events: b.events}
	for _, rid := range slices.Sorted(maps.Keys(b.devices)) {
		u.Devices = append(u.Devices, c.resources.device(rid, &faults{})) // the next full read reports the faults
	}
	c.updates = append(c.updates, u)
}

package hue

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"hueair2mqtt/collectors"
)

// Types of containers; there is also "error".
const (
	eventUpdate = "update"
	eventAdd    = "add"
	eventDelete = "delete"
)

// Next returns what the bridge reports next, as collectors.Streamer has it. It
// opens the event stream if none is open. A bridge without CLIP v2, and one that no
// poll has reached yet, reports nothing.
func (c *Collector) Next(ctx context.Context) (collectors.Update, error) {
	if c.conn.client == nil || !c.conn.hasV2 || c.house == nil {
		<-ctx.Done()
		return collectors.Update{}, ctx.Err()
	}
	if c.stream == nil {
		c.stream = c.openStream()
	}
	for {
		if len(c.toldUpdates) > 0 {
			u := c.toldUpdates[0]
			c.toldUpdates = c.toldUpdates[1:]
			return u, nil
		}
		now := time.Now()
		if c.publishMissed(now) {
			continue
		}
		if c.reads.begin(now) && c.stream.isLive() {
			return collectors.Update{}, collectors.ErrResync
		}
		select {
		case p := <-c.stream.queue:
			c.receive(p)
			continue
		default:
		}
		// Only with the queue empty, so that it has space while the full read goes on.
		if lost := c.stream.lostAt(); lost > c.askedAt && lost > c.toldLost {
			c.toldLost = lost
			c.reads.force()
			return collectors.Update{}, collectors.ErrResync
		}
		if err := c.wait(ctx); err != nil {
			return collectors.Update{}, err
		}
	}
}

// wait waits for an event of the stream or for something that is due.
func (c *Collector) wait(ctx context.Context) error {
	var due <-chan time.Time
	if at := earlier(c.reads.due(), c.missedDue); !at.IsZero() {
		timer := time.NewTimer(time.Until(at))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case p := <-c.stream.queue:
		c.receive(p)
	case <-c.stream.wake:
	case <-due:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// earlier returns the earlier of two times, of which a zero one is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// receive takes a piece from the queue.
func (c *Collector) receive(p piece) {
	c.stream.queued.Add(-int64(p.bytes))
	c.take(p)
}

// receiveAll takes all pieces from the queue.
func (c *Collector) receiveAll() {
	for c.stream != nil {
		select {
		case p := <-c.stream.queue:
			c.receive(p)
		default:
			return
		}
	}
}

// take applies one piece to what is known. What comes of it is put into
// toldUpdates and reads.
//
// A piece that came before the last full read was asked for is part of that
// already: only the presses in it are new. A piece that came while the answer was
// under way counts where its report is the later one. A piece that came after the
// answer is newer, whatever the bridge's clock says.
func (c *Collector) take(p piece) {
	stale, onlyNewer := p.position <= c.askedAt, p.position <= c.readAt
	now := time.Now()
	if !stale {
		switch {
		case p.gap == reopened:
			c.reads.wantAfterGap(now)
		case p.gap == reopenedTry:
			c.reads.wantAfterGap(now.Add(settling))
		case p.broken:
			c.reads.wantSoon(now)
		}
	}
	var (
		step    = newStep()
		resyncs bool
	)
	for _, contained := range p.containers {
		if contained.Type != eventUpdate {
			resyncs = resyncs || c.house.concerns(contained)
			continue
		}
		for _, raw := range contained.Data {
			var head header
			if decode(raw, &head) != nil {
				resyncs = true
				continue
			}
			if !c.house.reads(head.Type) {
				continue
			}
			if step.touched[head.ID] {
				// Two changes of one thing must both be seen.
				c.tell(step)
				step = newStep()
			}
			report, isReport := c.report(head, raw)
			if isReport && !report.counts {
				continue
			}
			if !stale {
				changed, err := c.house.update(head, raw, onlyNewer)
				if err != nil {
					resyncs = true
				}
				for _, rid := range changed {
					step.devices[rid] = true
				}
			}
			if isReport {
				c.publishReport(report, step)
			}
			step.touched[head.ID] = !isReport
		}
	}
	c.tell(step)
	if resyncs && !stale {
		c.reads.wantSoon(now)
	}
}

// concerns reports whether resources that were added, deleted, or something
// unknown, are of a type that is read.
func (h *house) concerns(contained container) bool {
	if contained.Type != eventAdd && contained.Type != eventDelete {
		return true
	}
	return slices.ContainsFunc(contained.Data, func(raw json.RawMessage) bool {
		var head header
		return decode(raw, &head) != nil || h.reads(head.Type)
	})
}

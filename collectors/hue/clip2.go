package hue

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue/pairing"
)

const (
	resourcesPath = "/clip/v2/resource"

	// authPath reports whether a key is accepted by an empty answer with status 200 or 403
	// (Hue Entertainment API). An emulator may not have it.
	authPath = "/auth/v1"
)

// clip2 reads a bridge by CLIP v2. Apart from the goroutines of the stream, which only fill
// its inbox, everything here belongs to the caller of Collect and Next.
type clip2 struct {
	client  *pairing.Client
	timeout time.Duration
	home    home
	stream  *stream       // nil until next is called
	backlog []streamEvent // taken from the stream and not applied
}

// poll returns all devices: from a full read, or from what the stream has reported if that
// suffices and the bridge still accepts the key.
func (c *clip2) poll(ctx context.Context) (collectors.Snapshot, error) {
	if c.home.reads.suffices(time.Now()) && c.stream.isLive() && c.isKeyAccepted(ctx) {
		return c.snapshot(), nil
	}
	return c.readAll(ctx)
}

// isKeyAccepted reports whether the bridge answers and has not refused the key. That costs
// the bridge far less than a full read. Without an answer the stream is in doubt.
func (c *clip2) isKeyAccepted(ctx context.Context) bool {
	err := c.client.Get(ctx, "asking whether the key is accepted", authPath, func(*http.Response) error { return nil })
	switch {
	case err == nil, statusOf(err) != 0:
		return true
	case collectors.ClassOf(err) != collectors.Authentication:
		c.stream.doubt()
	}
	return false
}

// snapshot returns what is known, without a request.
func (c *clip2) snapshot() collectors.Snapshot {
	snapshot := c.home.snapshot()
	snapshot.Faults = append(snapshot.Faults, c.stream.faults()...)
	return snapshot
}

// readAll reads all resources. The events before the request are part of the answer, those
// that came meanwhile may be.
func (c *clip2) readAll(ctx context.Context) (collectors.Snapshot, error) {
	var found faults
	before := len(c.backlog)
	if c.stream != nil {
		before += c.stream.inbox.len()
	}
	rs, err := c.read(ctx, &found)
	if err != nil {
		return collectors.Snapshot{}, err
	}
	rs.arrange(&found)
	if c.stream != nil {
		c.backlog = append(c.backlog, c.stream.inbox.take()...)
	}
	c.home.replace(rs, found, c.backlog, before)
	c.backlog = nil
	return c.snapshot(), nil
}

// read reads all resources, in one request or, from an emulator, in one for each type.
func (c *clip2) read(ctx context.Context, found *faults) (*resources, error) {
	rs := newResources(c.home.o)
	n, err := c.readInto(ctx, rs, found, resourcesPath)
	switch {
	case err != nil:
		return nil, err
	case n == 0:
		return nil, emptyHome("no resources", found)
	case len(rs.devices()) == 0:
		return nil, emptyHome("not one device", found)
	case !rs.namesOnly():
		return rs, nil
	}
	for _, kind := range rs.types() {
		if _, err := c.readInto(ctx, rs, found, resourcesPath+"/"+kind); err != nil {
			return nil, err
		}
	}
	return rs, nil
}

// readInto sends one request and adds the resources in the answer. It returns how many there
// were, of any type.
func (c *clip2) readInto(ctx context.Context, rs *resources, found *faults, path string) (n int, err error) {
	err = c.client.Get(ctx, "asking for the resources", path, func(resp *http.Response) error {
		if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			rs.answered = at
		}
		n, err = readResources(c.client, resp, rs, found)
		return err
	})
	return n, err
}

// emptyHome is the error of an answer without devices, with the errors in it.
func emptyHome(what string, found *faults) error {
	err := emptyAnswer(what)
	if list := found.list(); len(list) > 0 {
		return &collectors.TransientError{Kind: "empty", Err: fmt.Errorf("%w; %w", errors.Unwrap(err), list[0])}
	}
	return err
}

// next returns the next update, as defined by collectors.Streamer. It opens the stream if
// necessary.
func (c *clip2) next(ctx context.Context) (collectors.Update, error) {
	if c.stream == nil {
		c.stream = openStream(c.client, c.timeout)
	}
	for {
		now := time.Now()
		if u, ok := c.home.takeUpdate(now); ok {
			return u, nil
		}
		switch {
		case c.home.reads.begin(now) && c.stream.isLive():
			return collectors.Update{}, collectors.ErrResync
		case len(c.backlog) > 0:
			e := c.backlog[0]
			c.backlog = c.backlog[1:]
			c.home.apply(e, afterRead)
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
	if at := earlier(c.home.reads.due(), c.home.reports.due); !at.IsZero() {
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

// close closes the stream.
func (c *clip2) close() {
	if c.stream != nil {
		c.stream.close()
		c.stream, c.backlog = nil, nil
	}
}

// Package amazon reads Amazon Smart Air Quality Monitors, and air quality monitors of
// other makers, through Alexa.
//
// Amazon publishes no interface for them. This package uses that of the Alexa app:
// GraphQL at alexa.<domain>/nexus/v1/graphql and, where that returns an error, the older
// /api/behaviors/entities and /api/phoenix/state. All are unofficial and change without
// notice, so every response is decoded entry by entry: an entry that can't be understood
// is left out and reported as a fault.
//
// A poll is one request for all monitors. Once an hour it also lists them.
package amazon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/collectors/amazon/wire"
)

// listingInterval is how often the monitors of the account are listed.
const listingInterval = time.Hour

// Options describe a collector.
type Options struct {
	// Account is the account to read.
	Account account.Options

	// Areas is the room of a monitor by its serial number, in any case.
	Areas map[string]string
}

// Collector reads the monitors of one account.
type Collector struct {
	account  *account.Account
	areas    map[string]string // by lower-case serial number
	monitors []*monitor        // of the last listing that was believed, sorted by device id
	listedAt time.Time         // when a listing was last tried
}

var (
	_ collectors.Collector = (*Collector)(nil)
	_ collectors.Adviser   = (*Collector)(nil)
)

// New returns a collector. It sends nothing. It returns an error if an option is invalid.
func New(o Options) (*Collector, error) {
	a, err := account.New(o.Account)
	if err != nil {
		return nil, err
	}
	areas := make(map[string]string, len(o.Areas))
	for serial, area := range o.Areas {
		areas[areaKey(serial)] = area
	}
	return &Collector{account: a, areas: areas}, nil
}

func areaKey(serial string) string { return strings.ToLower(strings.TrimSpace(serial)) }

// Source returns "amazon".
func (c *Collector) Source() string { return Source }

// Endpoint returns the Alexa host: "https://alexa.amazon.co.uk".
func (c *Collector) Endpoint() string { return c.account.Endpoint() }

// Close closes the connections that are kept for the next poll.
func (c *Collector) Close() { c.account.Close() }

// Collect reads all monitors of the account, after listing them if that was last done an
// hour ago. If there is a new sign-in meanwhile, it starts over: the new sign-in is not
// at home yet.
func (c *Collector) Collect(ctx context.Context, retry *collectors.Retrier) (collectors.Snapshot, error) {
	snapshot, err := c.collect(ctx, retry)
	if collectors.ClassOf(err) == collectors.Authentication && c.account.Replaced() {
		return c.collect(ctx, retry)
	}
	return snapshot, err
}

func (c *Collector) collect(ctx context.Context, retry *collectors.Retrier) (collectors.Snapshot, error) {
	found := &wire.Faults{Redact: c.account.Redact}
	changed, err := c.account.BeginPoll(ctx, found)
	if err != nil {
		return collectors.Snapshot{}, err
	}
	if changed {
		c.listedAt = time.Time{} // it may be another account
	}
	samples, err := c.poll(ctx, &poll{account: c.account, retry: retry, found: found})
	c.account.EndPoll(err, found)
	if err != nil {
		return collectors.Snapshot{}, err
	}
	snapshot := collectors.Snapshot{Devices: make([]collectors.Device, 0, len(c.monitors))}
	for _, m := range c.monitors {
		m.reportLeftOut(found)
		snapshot.Devices = append(snapshot.Devices, m.device(samples[m], c.areas[areaKey(m.serial)]))
	}
	snapshot.Faults = found.Errors()
	return snapshot, nil
}

func (c *Collector) poll(ctx context.Context, p *poll) (map[*monitor]*sample, error) {
	listing := len(c.monitors) == 0 || time.Since(c.listedAt) >= listingInterval
	if err := c.account.KeepSignedIn(ctx, p.retry, listing, p.found); err != nil {
		return nil, err
	}
	if listing {
		if err := c.list(ctx, p); err != nil {
			return nil, err
		}
	}
	if len(c.monitors) == 0 {
		return nil, nil
	}
	return c.read(ctx, p)
}

// list lists the monitors by GraphQL and, if that finds none or fails, among the
// entities. Once monitors are known it does not believe a response that is empty or an
// error: a home does not lose its monitors from one minute to the next, but Alexa
// forgets them for a while.
func (c *Collector) list(ctx context.Context, p *poll) error {
	c.listedAt = time.Now()
	monitors, err := p.listGraphQL(ctx)
	graphQLErr := err
	if (err != nil && account.Answered(err)) || (err == nil && len(monitors) == 0) {
		monitors, err = p.listEntities(ctx)
		if err != nil && graphQLErr != nil && collectors.AsThrottled(err) == nil {
			err = bothFailed(err, graphQLErr)
		}
	}
	switch known := len(c.monitors); {
	case err != nil && (ctx.Err() != nil || collectors.ClassOf(err) == collectors.Authentication || collectors.AsThrottled(err) != nil):
		return err
	case err != nil && known > 0:
		p.found.Add("listing the monitors failed, so the %d known ones are kept: %v", known, err)
		return nil
	case err != nil && graphQLErr == nil && account.Answered(err):
		// GraphQL did answer, with an empty list.
		p.found.Add("no air quality monitor was found, and asking for the entities failed: %v", err)
		return nil
	case err != nil:
		return err
	case len(monitors) == 0 && known > 0:
		p.found.Add("Alexa listed no air quality monitor, so the %d known ones are kept", known)
		return nil
	case len(monitors) == 0:
		p.found.Add("no air quality monitor was found: %s", c.noMonitorAdvice())
		return nil
	}
	if graphQLErr != nil {
		p.found.Add("the monitors were listed among the entities, as GraphQL failed: %v", graphQLErr)
	}
	c.monitors = merge(c.monitors, monitors, p.found)
	return nil
}

// read reads all monitors by GraphQL, and by /api/phoenix/state those that are missing
// from its response. A monitor that is missing from both has no sample.
func (c *Collector) read(ctx context.Context, p *poll) (map[*monitor]*sample, error) {
	samples, graphQLErr := p.readGraphQL(ctx, c.monitors)
	if graphQLErr != nil && !account.Answered(graphQLErr) {
		return nil, graphQLErr
	}
	var missing []*monitor
	for _, m := range c.monitors {
		if samples[m] == nil {
			missing = append(missing, m)
		}
	}
	if len(missing) == 0 {
		return samples, nil
	}
	rest, err := p.readPhoenix(ctx, missing)
	switch {
	case collectors.AsThrottled(err) != nil:
		return nil, err // even if GraphQL returned some: only an error leads to a pause
	case err != nil && graphQLErr != nil:
		return nil, bothFailed(err, graphQLErr)
	case errors.Is(err, errNoEntity):
		p.found.Add("%d monitors are missing from the response, and %v", len(missing), err)
		return samples, nil
	case err != nil && (ctx.Err() != nil || len(samples) == 0):
		return nil, err
	case err != nil:
		// GraphQL returned some, so the account is signed in and those are good.
		p.found.Add("%d monitors are missing from the response, and asking for them alone failed: %v", len(missing), err)
		return samples, nil
	case graphQLErr != nil:
		p.found.Add("the readings come from %s, as GraphQL failed: %v", phoenixPath, graphQLErr)
		return rest, nil
	}
	maps.Copy(samples, rest)
	return samples, nil
}

// bothFailed joins the causes of two failed ways to ask for the same thing.
func bothFailed(last, before error) error {
	return fmt.Errorf("%w; before that, %w", last, before)
}

// Advise implements collectors.Adviser.
func (c *Collector) Advise(err error) string {
	var transient *collectors.TransientError
	switch {
	case err == nil, collectors.KindOf(err) == collectors.NotUnderstood:
		return c.noMonitorAdvice()
	case collectors.KindOf(err) == "certificate":
		return "check that the clock is right, and that no proxy between this machine and Amazon presents a certificate of its own"
	case collectors.AsThrottled(err) != nil:
		return "wait: the bridge tries again by itself, after a longer pause each time; other Alexa integrations on the account " +
			"(Home Assistant, Homebridge, ioBroker) count too, so stop those that you can do without, and make amazon.interval longer"
	case errors.As(err, &transient) && transient.StatusCode != 0:
		return "wait a few minutes and try again; if it persists, make amazon.interval longer"
	case collectors.ClassOf(err) == collectors.Transient:
		return "check that this machine reaches the internet and resolves the name of " + c.Endpoint()
	}
	return "try again later; if it persists, Amazon has changed something: update hueair2mqtt"
}

// noMonitorAdvice advises what to do if no monitor is listed, and names the account.
// Alexa may leave out what another adult of the household has registered.
func (c *Collector) noMonitorAdvice() string {
	return fmt.Sprintf("check that the Alexa app shows the monitor when it is signed in to %s; "+
		"a monitor that another adult of the household registered may be missing, so sign in to that account instead", c.account.Describe())
}

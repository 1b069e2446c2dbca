package hue

import (
	"context"
	"errors"
	"time"

	"hueair2mqtt/collectors"
)

const (
	// missedPolls is how many polls in a row must fail before a bridge is looked for
	// elsewhere: one may fall into its restart.
	missedPolls = 2
	// searchEvery spares the network and the vendor's service, which turns away
	// those that ask often.
	searchEvery = 5 * time.Minute
	// searchTime bounds one search within a poll.
	searchTime = 5 * time.Second
)

// moved looks for the bridge after a failed poll, if its id is known and it is
// time. It reports whether the bridge was found at another address. If not, the
// old address stays.
func (c *Collector) moved(ctx context.Context, failure error) bool {
	if collectors.ClassOf(failure) == collectors.Authentication || answered(failure) {
		c.failures = 0
		return false
	}
	c.failures++
	if c.failures < missedPolls || c.id == "" || c.find == nil || !c.searched.IsZero() && time.Since(c.searched) < searchEvery {
		return false
	}
	c.searched = time.Now()
	limited, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	found, _ := c.find(limited) // what it can't do leaves the failure of the poll
	host, ok := c.recogniseOneOf(ctx, found)
	if !ok {
		return false
	}
	c.host, c.named, c.state = host, false, linkUnsure
	return true
}

// otherBridge returns what a refused key is really about where there is no https:
// another bridge may have got the address.
func (c *Collector) otherBridge(ctx context.Context, failure error) error {
	if collectors.ClassOf(failure) != collectors.Authentication || c.id == "" || c.link == nil || c.scheme == "https" {
		return failure
	}
	got, err := c.config(ctx, c.link)
	if err != nil {
		return failure
	}
	if err := c.recognise(got, c.link); collectors.KindOf(err) == "other bridge" {
		return err
	}
	return failure
}

// answered says whether a failure is a Hue bridge's own: it is there, and busy.
func answered(err error) bool {
	var transient *collectors.TransientError
	return errors.As(err, &transient) && transient.StatusCode != 0
}

// rememberHost stores the address at which a paired bridge now is.
func (c *Collector) rememberHost() error {
	if !c.paired || c.host == c.storedHost {
		return nil
	}
	all, err := loadPairings(c.stateDir)
	if err != nil {
		return err
	}
	p, found := findPairing(all, c.id, "")
	if !found {
		return nil
	}
	p.Host = c.host
	if c.scheme == "http" {
		p.Host = "http://" + c.host
	}
	if err := storePairing(c.stateDir, p); err != nil {
		return err
	}
	c.storedHost = c.host
	return nil
}

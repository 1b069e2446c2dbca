package hue

import (
	"context"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue/pairing"
)

// relocate searches for the bridge after a failed poll, if that is due and its id is
// known, and reports whether the bridge was found at another address.
func (c *connection) relocate(ctx context.Context, failure error) bool {
	now := time.Now()
	if !c.search.isDue(failure, now) || c.target.ID == "" {
		return false
	}
	c.search.last = now
	host, ok := c.target.Locate(ctx, c.search.find)
	if ok {
		c.target.Host, c.target.Named, c.state = host, false, connUnknown
	}
	return ok
}

// otherBridge returns the true reason for a refused key without https: another bridge may
// now have the address.
func (c *connection) otherBridge(ctx context.Context, failure error) error {
	if collectors.ClassOf(failure) != collectors.Authentication || c.target.ID == "" || c.client == nil || c.target.Scheme == "https" {
		return failure
	}
	if _, err := c.target.Ask(ctx, c.client); collectors.KindOf(err) == "other bridge" {
		return err
	}
	return failure
}

// save stores what a poll has revealed about the connection, and returns the errors.
func (c *connection) save() (errs []error) {
	if err := c.storeHost(); err != nil {
		errs = append(errs, err)
	}
	if c.unsaved != nil {
		errs = append(errs, c.unsaved)
		c.unsaved = nil
	}
	return errs
}

// storeHost stores the address at which a paired bridge is now.
func (c *connection) storeHost() error {
	if !c.paired || c.target.Host == c.storedHost {
		return nil
	}
	host := c.target.Host
	if c.target.Scheme == "http" {
		host = "http://" + host
	}
	if err := pairing.StoreHost(c.stateDir, c.target.ID, host); err != nil {
		return err
	}
	c.storedHost = c.target.Host
	return nil
}

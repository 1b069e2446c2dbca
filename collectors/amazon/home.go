package amazon

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"hueair2mqtt/collectors"
)

const (
	// welcomePath tells which Alexa host an account is at home with.
	welcomePath = "/api/welcome"

	// regionFarEast is the region whose accounts are all at home with one host,
	// farEastDomain.
	regionFarEast = "FE"
	farEastDomain = "amazon.co.jp"
)

// keepSignedIn renews the cookies if they are about to end, and moves a new
// sign-in to the account's home, which is asked for together with a listing. A
// renewal that fails for the time being costs nothing while the cookies live.
func (c *Collector) keepSignedIn(ctx context.Context, retry *collectors.Retrier, listing bool, found *faults) error {
	signIn := c.session.signedIn()
	if signIn == nil {
		return nil
	}
	if !signIn.AtHome && listing {
		if err := c.goHome(ctx, retry, found); err != nil {
			return err
		}
	}
	due, over := c.session.due(time.Now())
	if !due {
		return nil
	}
	err := c.session.renewNext(ctx, retry)
	switch {
	case err == nil:
		return nil
	case over, ctx.Err() != nil, collectors.ClassOf(err) == collectors.Authentication:
		return err
	case collectors.ClassOf(err) == collectors.Permanent: // the retry told the rest
		found.add("the cookies will end and could not be renewed yet: %v", err)
	}
	return nil
}

// goHome finds the marketplace where the account is at home, where alone its
// devices are, and gets cookies for it.
func (c *Collector) goHome(ctx context.Context, retry *collectors.Retrier, found *faults) error {
	signIn := c.session.signedIn()
	home := farEastDomain
	if signIn.Region != regionFarEast {
		var host string
		err := c.ask(ctx, retry, http.MethodGet, welcomePath, "asking for the account's home", nil, func(body []byte) error {
			var fields struct{ AlexaHostName json.RawMessage }
			if err := object(body, &fields); err != nil {
				return malformed("%v", err)
			}
			name, err := text(fields.AlexaHostName)
			if err != nil {
				return malformed("alexaHostName: %v", err)
			}
			host = name
			return nil
		})
		switch {
		case err != nil && collectors.ClassOf(err) == collectors.Permanent && ctx.Err() == nil:
			found.add("the account's home marketplace could not be asked for, so it is taken to be %s: %v", signIn.Domain, err)
			return nil
		case err != nil:
			return err
		}
		var known bool
		if home, known = c.marketplaceOf(host); !known {
			found.add("the account's home is %q, which is no marketplace of Alexa that this program knows, so it is taken to be %s", found.text(host), signIn.Domain)
			return nil
		}
		signIn = c.session.signedIn() // asking may have renewed it
		if signIn == nil {
			return nil
		}
	}
	return c.session.move(ctx, retry, home)
}

// marketplaceOf finds the marketplace that an Alexa host belongs to.
func (c *Collector) marketplaceOf(host string) (domain string, known bool) {
	match := marketplace.FindStringSubmatch(strings.ToLower(strings.TrimSpace(host)))
	if match == nil {
		return "", false
	}
	return match[1], len(c.marketplaces) == 0 || slices.Contains(c.marketplaces, match[1])
}

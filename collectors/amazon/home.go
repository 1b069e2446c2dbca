package amazon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"hueair2mqtt/collectors"
)

const (
	// welcomePath returns the Alexa host that an account is at home with.
	welcomePath = "/api/welcome"

	// regionFarEast is the region of Japan, Australia and New Zealand.
	regionFarEast   = "FE"
	japanDomain     = "amazon.co.jp"
	australiaDomain = "amazon.com.au"

	// kindMarketplace is the kind of error for an account that no marketplace knows.
	kindMarketplace = "marketplace"
)

// renewalPause is the time between two renewals if the first was throttled and the
// cookies still live.
const renewalPause = time.Hour

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
	if !due || (!over && time.Since(c.renewalThrottled) < renewalPause) {
		return nil
	}
	err := c.session.renewNext(ctx, retry)
	if collectors.AsThrottled(err) != nil {
		c.renewalThrottled = time.Now()
	}
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

// homeless records a search for a home that found none that accepts the account. The
// next one follows with the next sign-in, or after listingInterval.
type homeless struct {
	token secret    // of the sign-in that was searched for
	at    time.Time // when
	err   error
}

// goHome finds the marketplace where the account is at home, where alone its
// devices are, and gets cookies for it. It asks the likely ones in turn.
func (c *Collector) goHome(ctx context.Context, retry *collectors.Retrier, found *faults) error {
	signIn := c.session.signedIn()
	if h := c.homeless; h.err != nil && h.token == signIn.RefreshToken && time.Since(h.at) < listingInterval {
		return h.err
	}
	domains := c.likelyHomes(signIn)
	// The last of each kind. A token that one marketplace rejects may be good at another.
	var unknown, refused, rejected, absent error
	likeliest := "" // the first that did not refuse the account
	for _, domain := range domains {
		host, err := c.welcome(ctx, retry, domain)
		var (
			wrong *wrongMarketplaceError
			dns   *net.DNSError
		)
		switch {
		case err == nil:
			home, known := c.marketplaceOf(host)
			if known {
				return c.session.move(ctx, retry, place{domain: home, atHome: true})
			}
			unknown = fmt.Errorf("alexa.%s names %q, which is no marketplace of Alexa that this program knows", domain, found.text(host))
		case errors.As(err, &wrong):
			refused = err
			continue
		case errors.As(err, &dns) && dns.IsNotFound:
			absent = err
			continue
		case ctx.Err() != nil, collectors.ClassOf(err) == collectors.Transient:
			return err
		case collectors.ClassOf(err) == collectors.Authentication:
			rejected = err
			continue
		default:
			unknown = err
		}
		if likeliest == "" || domain == c.hint(signIn) {
			likeliest = domain
		}
	}
	switch {
	case unknown != nil:
		found.add("the account's home marketplace could not be found, so it is taken to be %s: %v", likeliest, unknown)
		return c.session.move(ctx, retry, place{domain: likeliest})
	case refused == nil && rejected != nil:
		return rejected
	case refused == nil:
		return absent
	}
	return noHome(fmt.Errorf("the account is at home at none of %s: %w", strings.Join(domains, ", "), refused))
}

// noHome is the error of an account whose home is unknown and that is refused with
// cookies renewed a moment before. The sign-in is good, so it raises no alert.
func noHome(err error) error {
	return &collectors.PermanentError{Kind: kindMarketplace, Err: &collectors.RemedyError{
		Remedy: fmt.Sprintf("run: %s --domain, followed by the account's marketplace, such as %s", loginCommand, australiaDomain), Err: err,
	}}
}

// hint is the marketplace that the user named when signing in, else the configured one.
func (c *Collector) hint(signIn *credentials) string {
	if signIn.Hint != "" {
		return signIn.Hint
	}
	return c.session.domain
}

// likelyHomes are the marketplaces whose welcome may know the account, in the order
// in which they are asked. The welcome of amazon.com names the home of accounts of
// America and Europe. It refuses those of the Far East, which only their own
// marketplace knows. Japan comes after Australia, since it accepts Australian accounts
// too and reports their devices as offline (Home Assistant core issue 178504). The
// region that a registration reports is not always right, so both are asked in any case.
func (c *Collector) likelyHomes(signIn *credentials) []string {
	domains := []string{signIn.Domain, c.hint(signIn), signInDomain, c.session.domain, australiaDomain, japanDomain}
	if signIn.Region == regionFarEast {
		domains = []string{c.hint(signIn), c.session.domain, australiaDomain, japanDomain, signInDomain}
	}
	var distinct []string
	for _, domain := range domains {
		if !slices.Contains(distinct, domain) {
			distinct = append(distinct, domain)
		}
	}
	return distinct
}

// wrongMarketplaceError is the refusal of a welcome that was asked with cookies renewed
// a moment before. It is no authentication error: the sign-in is good.
type wrongMarketplaceError struct {
	domain string
	reason string
}

func (e *wrongMarketplaceError) Error() string {
	return fmt.Sprintf("alexa.%s refused cookies that Amazon had just renewed: %s", e.domain, e.reason)
}

// welcome asks a marketplace for the Alexa host that the account is at home with. Its
// error is a *wrongMarketplaceError if the marketplace does not know the account.
func (c *Collector) welcome(ctx context.Context, retry *collectors.Retrier, domain string) (host string, err error) {
	renewed := c.session.marketplace() != domain
	if err := c.session.move(ctx, retry, place{domain: domain}); err != nil {
		return "", err
	}
	ask := func() error {
		_, err := c.askOnce(ctx, retry, http.MethodGet, welcomePath, "asking for the account's home", nil, func(body []byte) error {
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
		return err
	}
	err = ask()
	if collectors.ClassOf(err) == collectors.Authentication && !renewed {
		if err := c.session.renewNext(ctx, retry); err != nil {
			return "", err
		}
		err = ask()
	}
	if collectors.ClassOf(err) == collectors.Authentication {
		err = &wrongMarketplaceError{domain: domain, reason: err.Error()}
	}
	return host, err
}

// marketplaceOf finds the marketplace that an Alexa host belongs to.
func (c *Collector) marketplaceOf(host string) (domain string, known bool) {
	match := marketplace.FindStringSubmatch(strings.ToLower(strings.TrimSpace(host)))
	if match == nil {
		return "", false
	}
	return match[1], len(c.marketplaces) == 0 || slices.Contains(c.marketplaces, match[1])
}

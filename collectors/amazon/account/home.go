package account

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/wire"
)

const (
	// welcomePath returns the Alexa host of an account's home.
	welcomePath = "/api/welcome"

	// regionFarEast is the region of Japan, Australia and New Zealand.
	regionFarEast = "FE"

	// searchPause is the time between two searches for a home if the first found none.
	searchPause = time.Hour
)

// renewalPause is the time between two renewals if the first was throttled while the
// cookies are valid.
const renewalPause = time.Hour

// KeepSignedIn renews the cookies if they are about to expire. If seekHome is true it
// also moves a new sign-in to the account's home. A renewal that fails for the time
// being is no error while the cookies are valid.
func (a *Account) KeepSignedIn(ctx context.Context, retry *collectors.Retrier, seekHome bool, found *wire.Faults) error {
	if seekHome && !a.session.isAtHome() {
		if err := a.goHome(ctx, retry, found); err != nil {
			return err
		}
	}
	due, expired := a.session.due(time.Now())
	if !due || (!expired && time.Since(a.renewalThrottled) < renewalPause) {
		return nil
	}
	err := a.session.renewEarly(ctx, retry)
	if collectors.AsThrottled(err) != nil {
		a.renewalThrottled = time.Now()
	}
	switch {
	case err == nil:
		return nil
	case expired, ctx.Err() != nil, collectors.ClassOf(err) == collectors.Authentication:
		return err
	case collectors.ClassOf(err) == collectors.Permanent: // the retry has logged the rest
		found.Add("the cookies will expire and could not be renewed yet: %v", err)
	}
	return nil
}

// goHome finds the account's home, the only marketplace that has its devices, and gets
// cookies for it. It asks the likely ones in turn.
func (a *Account) goHome(ctx context.Context, retry *collectors.Retrier, found *wire.Faults) error {
	signIn := a.session.signIn
	if h := a.homeless; h.err != nil && h.token == signIn.RefreshToken && time.Since(h.at) < searchPause {
		return h.err
	}
	domains := a.likelyHomes(signIn)
	// The last of each kind. A token that one marketplace rejects may be good at another.
	var unknown, refused, rejected, absent error
	likeliest := "" // the first that did not refuse the account
	for _, domain := range domains {
		host, err := a.welcome(ctx, retry, domain)
		var (
			wrong *wrongMarketplaceError
			dns   *net.DNSError
		)
		switch {
		case err == nil:
			if home := marketplaceOf(host, a.marketplaces); home != "" {
				return a.session.move(ctx, retry, place{domain: home, atHome: true})
			}
			unknown = fmt.Errorf("alexa.%s names %q, which is not a known Alexa marketplace", domain, found.Text(host))
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
		if likeliest == "" || domain == a.hint(signIn) {
			likeliest = domain
		}
	}
	switch {
	case unknown != nil:
		found.Add("the account's home marketplace was not found, so %s is assumed: %v", likeliest, unknown)
		return a.session.move(ctx, retry, place{domain: likeliest})
	case refused == nil && rejected != nil:
		return rejected
	case refused == nil:
		return absent
	}
	return noHome(fmt.Errorf("none of %s is the home of the account: %w", strings.Join(domains, ", "), refused))
}

// hint returns the marketplace that the user named when signing in, else the configured
// one.
func (a *Account) hint(signIn *credentials) string {
	if signIn.Hint != "" {
		return signIn.Hint
	}
	return a.session.domain
}

// likelyHomes returns the marketplaces whose welcome may know the account, in the order to
// ask them. The welcome of amazon.com names the home of accounts of America and Europe. It
// refuses those of the Far East, which only their own marketplace knows. Japan comes after
// Australia, since it accepts Australian accounts too and reports their devices as offline
// (Home Assistant core issue 178504). The region of a registration is not always right, so
// both are asked in any case.
func (a *Account) likelyHomes(signIn *credentials) []string {
	domains := []string{signIn.Domain, a.hint(signIn), signInDomain, a.session.domain, australiaDomain, japanDomain}
	if signIn.Region == regionFarEast {
		domains = []string{a.hint(signIn), a.session.domain, australiaDomain, japanDomain, signInDomain}
	}
	var distinct []string
	for _, domain := range domains {
		if !slices.Contains(distinct, domain) {
			distinct = append(distinct, domain)
		}
	}
	return distinct
}

// wrongMarketplaceError is a refusal by a welcome of cookies renewed a moment before. It is
// no authentication error: the sign-in is good.
type wrongMarketplaceError struct {
	domain string
	reason string
}

func (e *wrongMarketplaceError) Error() string {
	return fmt.Sprintf("alexa.%s refused cookies that Amazon had just renewed: %s", e.domain, e.reason)
}

// welcome asks a marketplace for the Alexa host of the account's home. The error is a
// *wrongMarketplaceError if the marketplace does not know the account.
func (a *Account) welcome(ctx context.Context, retry *collectors.Retrier, domain string) (host string, err error) {
	renewed := a.session.marketplace() != domain
	if err := a.session.move(ctx, retry, place{domain: domain}); err != nil {
		return "", err
	}
	ask := func() error {
		return a.askOnce(ctx, retry, Question{Path: welcomePath, Purpose: "asking for the account's home"}, func(body []byte) (err error) {
			if host, err = wire.TextAt(body, "alexaHostName"); err != nil {
				return wire.Malformed("alexaHostName: %v", err)
			}
			return nil
		})
	}
	err = ask()
	if collectors.ClassOf(err) == collectors.Authentication && !renewed {
		if err := a.session.renewEarly(ctx, retry); err != nil {
			return "", err
		}
		err = ask()
	}
	if collectors.ClassOf(err) == collectors.Authentication {
		err = &wrongMarketplaceError{domain: domain, reason: err.Error()}
	}
	return host, err
}

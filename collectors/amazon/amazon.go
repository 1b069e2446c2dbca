// Package amazon reads Amazon Smart Air Quality Monitors through Alexa.
//
// Amazon publishes no interface for the monitor. This package uses the one of
// the Alexa app: GraphQL at alexa.<domain>/nexus/v1/graphql, and, where that
// answers an error, the older /api/behaviors/entities and /api/phoenix/state. All are unofficial and
// change without notice, so every answer is taken apart entry by entry: what
// can't be understood costs that entry and is told as a fault, never more.
//
// A poll is one request for all monitors. Which monitors there are is asked
// once an hour, as it hardly ever changes.
//
// The user signs in once, in their own browser (SignIn), as the Alexa app does;
// no password passes through this program. What that gets is kept in the state
// directory, and the cookies that requests need are renewed with it. Only a
// renewal that Amazon refuses needs the user again. Cookies that were copied out
// of a browser work too, until they end.
package amazon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
	"time"

	"hueair2mqtt/collectors"
)

// Source is the name of this kind of source.
const Source = "amazon"

// listingInterval is how often the account is asked which monitors it has.
const listingInterval = time.Hour

// Options say which account is read, and how.
type Options struct {
	// Domain is the marketplace of the account: "amazon.co.uk". Cookies of a browser
	// are for it. For a sign-in it is a hint where the account may be at home.
	Domain string

	// CookiesFile holds the cookies of a browser that is signed in to Domain: a
	// JSON map of name to value, the Netscape format (cookies.txt), or a
	// secrets.yaml with amazon_aqm.cookies. It is read again when it changes, so
	// that a mended sign-in is noticed without a restart.
	CookiesFile string

	// StateDir is where amazon.json is, the credentials of signing in. If that file
	// is there, CookiesFile is not looked at. It too is read again when it changes.
	// Empty means that there is none.
	StateDir string

	// Endpoint replaces https://alexa.<Domain>, for tests and proxies. It is a
	// URL and may have a path, which is put before the path of every request.
	Endpoint string

	// AuthEndpoint replaces https://api.amazon.com, likewise.
	AuthEndpoint string

	// Marketplaces are the domains that an account's home may be in. Empty means
	// every one that looks like Amazon's.
	Marketplaces []string

	// Timeout is how long one request may take, its answer included. Zero means
	// that only the context of the poll bounds it.
	Timeout time.Duration

	// Areas is the room of a monitor by its serial number, in any case.
	Areas map[string]string

	// DialContext opens the connections; nil means those of net.Dialer.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
}

// Collector reads the monitors of one account. It implements
// collectors.Collector.
type Collector struct {
	exchanger
	endpoint     string // for people; see Endpoint
	alexa        string // base URL that replaces the Alexa host of the marketplace
	marketplaces []string
	areas        map[string]string // by lower-case serial number
	session      *session
	gate         gate

	monitors []*monitor // the last listing that was believed, sorted by device id
	listedAt time.Time  // when a listing was last tried
	homeless homeless   // the last search for a home that found none

	renewalThrottled time.Time // when a renewal of the cookies was last throttled
}

var _ collectors.Collector = (*Collector)(nil)

// domainPattern is that of Amazon's marketplaces: amazon.com, amazon.co.uk,
// amazon.com.au.
var domainPattern = regexp.MustCompile(`^amazon\.[a-z]{2,3}(\.[a-z]{2})?$`)

// New makes a collector. It sends nothing; its error is an option that can't be.
func New(o Options) (*Collector, error) {
	domain := strings.ToLower(strings.TrimSpace(o.Domain))
	if !domainPattern.MatchString(domain) {
		return nil, fmt.Errorf("amazon domain %q: give the marketplace of the account, such as amazon.co.uk", o.Domain)
	}
	alexa, err := baseURL("amazon endpoint", o.Endpoint)
	if err != nil {
		return nil, err
	}
	auth, err := baseURL("amazon auth endpoint", o.AuthEndpoint)
	switch {
	case err != nil:
		return nil, err
	case o.Timeout < 0:
		return nil, fmt.Errorf("amazon timeout %s: must not be negative", o.Timeout)
	case auth == "":
		auth = defaultAuthEndpoint
	}
	areas := make(map[string]string, len(o.Areas))
	for serial, area := range o.Areas {
		areas[areaKey(serial)] = area
	}
	c := &Collector{
		exchanger:    exchanger{http: newHTTPClient(o.DialContext), timeout: o.Timeout},
		alexa:        alexa,
		marketplaces: o.Marketplaces,
		areas:        areas,
	}
	c.session = newSession(o, domain)
	c.redact = c.session.redact
	c.session.host = tokenHost{exchanger: c.exchanger, base: auth, hide: c.session.hide}
	c.endpoint = c.hostOf(c.session.savedDomain())
	return c, nil
}

// baseURL checks an address that replaces one of Amazon's hosts, and drops the
// slash at its end. The address is not repeated in errors: it might hold a
// password.
func baseURL(what, address string) (string, error) {
	if address == "" {
		return "", nil
	}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return "", errors.New(what + ": not a URL; give one such as http://127.0.0.1:8080")
	case (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "":
		return "", errors.New(what + ": give a URL with http or https and a host, such as http://127.0.0.1:8080")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", errors.New(what + ": give scheme, host, port and path only, without user, query or fragment")
	}
	return u.Scheme + "://" + u.Host + strings.TrimRight(u.EscapedPath(), "/"), nil
}

// base is what the path of a request to the Alexa host follows.
func (c *Collector) base() string {
	if c.alexa != "" {
		return c.alexa
	}
	return "https://alexa." + c.session.marketplace()
}

// hostOf is the Alexa host of a marketplace, or what replaces it, without a path.
func (c *Collector) hostOf(domain string) string {
	if u, err := url.Parse(c.alexa); err == nil && c.alexa != "" {
		return u.Scheme + "://" + u.Host
	}
	return "https://alexa." + domain
}

// Source is always "amazon".
func (c *Collector) Source() string { return Source }

// Endpoint is the Alexa host: "https://alexa.amazon.co.uk". It stays that of the
// start, even if somebody signs in to another marketplace meanwhile.
func (c *Collector) Endpoint() string { return c.endpoint }

// Close closes the connections that are kept for the next poll.
func (c *Collector) Close() { c.http.CloseIdleConnections() }

// Collect reads all monitors of the account, after listing them if that was
// last done an hour ago. If somebody signs in anew meanwhile, it starts over: the new
// sign-in is not at home yet.
func (c *Collector) Collect(ctx context.Context, retry *collectors.Retrier) (collectors.Snapshot, error) {
	c.gate.open()
	snapshot, err := c.collect(ctx, retry)
	if collectors.ClassOf(err) == collectors.Authentication && c.session.replaced() {
		return c.collect(ctx, retry)
	}
	return snapshot, err
}

func (c *Collector) collect(ctx context.Context, retry *collectors.Retrier) (collectors.Snapshot, error) {
	found := &faults{redact: c.session.redact}
	changed, err := c.session.load(ctx, found)
	if err != nil {
		return collectors.Snapshot{}, err
	}
	if changed {
		c.listedAt = time.Time{} // it may be another account's
	}
	listing := len(c.monitors) == 0 || time.Since(c.listedAt) >= listingInterval
	if err := c.keepSignedIn(ctx, retry, listing, found); err != nil {
		return collectors.Snapshot{}, c.failed(err)
	}
	if listing {
		if err := c.list(ctx, retry, found); err != nil {
			return collectors.Snapshot{}, c.failed(err)
		}
	}
	samples, err := c.read(ctx, retry, found)
	if err != nil {
		return collectors.Snapshot{}, c.failed(err)
	}
	c.session.tellUnsaved(found)
	for _, m := range c.monitors {
		m.reportLeftOut(found)
	}
	snapshot := collectors.Snapshot{Devices: make([]collectors.Device, 0, len(c.monitors))}
	for _, m := range c.monitors {
		snapshot.Devices = append(snapshot.Devices, m.device(samples[m], c.areas[areaKey(m.serial)]))
	}
	snapshot.Faults = found.errors()
	return snapshot, nil
}

// failed is told of every error that ends a poll. A refused session may have
// been spoilt by a cookie that an answer set, so the next poll begins with those
// of the file again.
func (c *Collector) failed(err error) error {
	if collectors.ClassOf(err) == collectors.Authentication {
		c.session.forget()
	}
	if signIn := c.session.signedIn(); signIn != nil && collectors.KindOf(err) == kindMarketplace && !errors.Is(err, c.homeless.err) {
		c.homeless = homeless{token: signIn.RefreshToken, at: time.Now(), err: err}
	}
	return err
}

// list asks which monitors there are, by GraphQL and, where that finds none or fails,
// among the entities. With monitors known already, an answer that is empty or an error
// is not believed: a house does not lose its monitors from one minute to the next, but
// Alexa forgets them for a while.
func (c *Collector) list(ctx context.Context, retry *collectors.Retrier, found *faults) error {
	c.listedAt = time.Now()
	monitors, err := c.listPresent(ctx, retry, found)
	presentErr := err
	if (err != nil && answered(err)) || (err == nil && len(monitors) == 0) {
		monitors, err = c.listEntities(ctx, retry, found)
		if err != nil && presentErr != nil && collectors.AsThrottled(err) == nil {
			err = bothFailed(err, presentErr)
		}
	}
	switch known := len(c.monitors); {
	case err != nil && (ctx.Err() != nil || collectors.ClassOf(err) == collectors.Authentication || collectors.AsThrottled(err) != nil):
		return err
	case err != nil && known > 0:
		found.add("listing the monitors failed, so the %d known ones are kept: %v", known, err)
		return nil
	case err != nil && presentErr == nil && answered(err):
		// The present way did answer, with an empty list.
		found.add("no air quality monitor was found, and asking for the entities failed: %v", err)
		return nil
	case err != nil:
		return err
	case len(monitors) == 0 && known > 0:
		found.add("Alexa listed no air quality monitor at all, which is not believed: the %d known ones are kept", known)
		return nil
	case len(monitors) == 0:
		found.add("no air quality monitor was found: %s", c.session.noMonitorAdvice())
		return nil
	}
	if presentErr != nil {
		found.add("the monitors were listed among the entities, as GraphQL failed: %v", presentErr)
	}
	c.monitors = merge(c.monitors, monitors, found)
	return nil
}

// read asks for the readings of all monitors: by GraphQL, and by
// /api/phoenix/state for those that GraphQL did not tell of. A monitor that
// neither knows has no sample.
func (c *Collector) read(ctx context.Context, retry *collectors.Retrier, found *faults) (map[*monitor]*sample, error) {
	if len(c.monitors) == 0 {
		return nil, nil
	}
	samples, graphErr := c.readGraphQL(ctx, retry, found)
	if graphErr != nil && !answered(graphErr) {
		return nil, graphErr
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
	rest, err := c.readPhoenix(ctx, retry, missing, found)
	switch {
	case collectors.AsThrottled(err) != nil:
		return nil, err // also where GraphQL told of some: only an error leads to a pause
	case err != nil && graphErr != nil:
		return nil, bothFailed(err, graphErr)
	case errors.Is(err, errNoEntity):
		found.add("%d monitors are missing from the answer, and %v", len(missing), err)
		return samples, nil
	case err != nil && (ctx.Err() != nil || len(samples) == 0):
		return nil, err
	case err != nil:
		// GraphQL told of some, so the account is signed in and those are good.
		found.add("%d monitors are missing from the answer, and asking for them alone failed: %v", len(missing), err)
		return samples, nil
	}
	if graphErr != nil {
		found.add("the readings come from %s, as GraphQL failed: %v", phoenixPath, graphErr)
		return rest, nil
	}
	for m, s := range rest {
		samples[m] = s
	}
	return samples, nil
}

// bothFailed keeps the causes of two failed ways to ask for the same thing.
func bothFailed(last, before error) error {
	return fmt.Errorf("%w; before that, %w", last, before)
}

func areaKey(serial string) string { return strings.ToLower(strings.TrimSpace(serial)) }

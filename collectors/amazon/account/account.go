// Package account is one Amazon account: signing in and out, the cookies that requests
// to Alexa carry and their renewal, the marketplace that is the account's home, and
// amazon.json, where the sign-in is kept.
//
// The user signs in once, in their own browser (SignIn), as the Alexa app does; no
// password passes through this program. The cookies are renewed with the refresh token
// that this yields. Only a renewal that Amazon refuses needs the user again. Cookies
// copied from a browser work too, until they expire.
//
// All of this is unofficial and changes without notice.
package account

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/account/tokenhost"
	"hueair2mqtt/collectors/amazon/wire"
)

// kindMarketplace is the kind of error for an account that no marketplace knows.
const kindMarketplace = "marketplace"

// Options describe an account and how to reach it.
type Options struct {
	// Domain is the marketplace of the account: "amazon.co.uk". Cookies of a browser
	// are for it. For a sign-in it is a hint where the account may be at home.
	Domain string

	// CookiesFile holds the cookies of a browser that is signed in to Domain: a
	// JSON map of name to value, the Netscape format (cookies.txt), or a
	// secrets.yaml with amazon_aqm.cookies. It is read again when it changes, so
	// that a repaired sign-in is noticed without a restart.
	CookiesFile string

	// StateDir holds amazon.json, the credentials of a sign-in. If that file exists,
	// CookiesFile is not used. It too is read again when it changes. Empty means that
	// there is none.
	StateDir string

	// Endpoint replaces https://alexa.<Domain>, for tests and proxies. It is a URL and
	// may have a path, which is put before the path of every request.
	Endpoint string

	// AuthEndpoint replaces https://api.amazon.com, likewise.
	AuthEndpoint string

	// Marketplaces are the domains that an account's home may be in. Empty means
	// every one that looks like Amazon's.
	Marketplaces []string

	// Timeout bounds one request including its response. Zero means that only the
	// context of the poll does.
	Timeout time.Duration

	// Transport dials as the account's own transport is to; nil means directly or by
	// the proxy of the environment.
	Transport *http.Transport
}

// Account sends requests to the Alexa host of one account. It is not safe for
// concurrent use, except for Describe.
type Account struct {
	alexa        string // base URL that replaces the Alexa host of the marketplace
	endpoint     string // see Endpoint
	marketplaces []string

	http    *wire.Exchanger
	session *session

	homeless         homeless  // the last search for a home that found none
	renewalThrottled time.Time // when a renewal of the cookies was last throttled
}

// homeless is a search for a home that found no marketplace that accepts the account.
type homeless struct {
	token wire.Secret // of the sign-in that was searched for
	at    time.Time   // when
	err   error
}

// noHome returns the error for an account whose home is unknown and that is refused with
// cookies renewed a moment before. The sign-in is good, so it raises no alert.
func noHome(err error) error {
	return &collectors.PermanentError{Kind: kindMarketplace, Err: &collectors.RemedyError{
		Remedy: fmt.Sprintf("run: %s --domain, followed by the account's marketplace, such as %s", loginCommand, australiaDomain), Err: err,
	}}
}

// New returns an account. It sends nothing. It returns an error if an option is invalid.
func New(o Options) (*Account, error) {
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
		auth = tokenhost.DefaultBase
	}
	s := &session{domain: domain, cookiesFile: o.CookiesFile}
	if o.StateDir != "" {
		s.store.file = filepath.Join(o.StateDir, StateFile)
	}
	a := &Account{
		alexa:        alexa,
		marketplaces: o.Marketplaces,
		http:         wire.NewExchanger(o.Transport, o.Timeout, s.redact),
		session:      s,
	}
	s.host = tokenhost.Host{HTTP: a.http, Base: auth, Hide: s.redactor.Hide, Redact: s.redact}
	a.endpoint = "https://alexa." + s.savedDomain()
	if u, err := url.Parse(alexa); err == nil && alexa != "" {
		a.endpoint = u.Scheme + "://" + u.Host
	}
	return a, nil
}

// baseURL checks an address that replaces one of Amazon's hosts and removes the slash
// at its end. Its errors do not quote the address, which might hold a password.
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

// Endpoint returns the Alexa host: "https://alexa.amazon.co.uk". It stays that of the
// start, even if somebody signs in to another marketplace later.
func (a *Account) Endpoint() string { return a.endpoint }

// Close closes the connections that are kept for the next poll.
func (a *Account) Close() { a.http.Close() }

// Redact removes the account's secrets from text that came from the network.
func (a *Account) Redact(text string) string { return a.session.redact(text) }

// Describe names the account for people. It is safe for concurrent use.
func (a *Account) Describe() string {
	switch signIn := a.session.published.Load(); {
	case signIn == nil:
		return fmt.Sprintf("the account at %s whose cookies are in %s", a.session.domain, a.session.cookiesFile)
	case signIn.Holder != "":
		return fmt.Sprintf("the account of %s at %s", signIn.Holder, signIn.Domain)
	default:
		return "the account at " + signIn.Domain
	}
}

// BeginPoll reads amazon.json or the cookies file if it changed, and reports whether the
// account may be another one since the last poll. Its error is an
// *collectors.AuthenticationError if there is no sign-in.
func (a *Account) BeginPoll(ctx context.Context, found *wire.Faults) (changed bool, err error) {
	s := a.session
	note, err := s.load(ctx)
	changed, s.fresh = s.fresh, false
	s.renewal = renewal{}
	if note != nil {
		found.Add("%v", note)
	}
	return changed, err
}

// Replaced reports whether a new sign-in was stored during this poll.
func (a *Account) Replaced() bool { return a.session.fresh }

// EndPoll takes the error that ends a poll; nil is a success.
func (a *Account) EndPoll(err error, found *wire.Faults) {
	if err == nil {
		a.session.reportUnsaved(found)
		return
	}
	if collectors.ClassOf(err) == collectors.Authentication {
		a.session.reset()
	}
	if signIn := a.session.signIn; signIn != nil && collectors.KindOf(err) == kindMarketplace && !errors.Is(err, a.homeless.err) {
		a.homeless = homeless{token: signIn.RefreshToken, at: time.Now(), err: err}
	}
}

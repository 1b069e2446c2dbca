package account

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/account/tokenhost"
	"hueair2mqtt/collectors/amazon/wire"
	"hueair2mqtt/internal/statefile"
)

// loginCommand is the command to sign in, and remedyLogin asks the user to run it.
const (
	loginCommand = "hueair2mqtt amazon login"
	remedyLogin  = "Run: " + loginCommand + ". No restart is needed."
)

// origin is where the cookies in force come from.
type origin int

const (
	noOrigin    origin = iota // there are none, or they must be read again
	fromBrowser               // the cookies file
	fromSignIn                // amazon.json
)

// renewal is what became of the renewal of the cookies in this poll.
type renewal struct {
	done   bool
	failed error
}

// session is the state of being signed in: the cookies that requests carry, what
// Alexa's responses added to them, and where they come from. With the credentials of a
// sign-in it can renew them; with a browser's cookies it can't.
type session struct {
	redactor    wire.Redactor
	store       tokenStore
	host        tokenhost.Host
	domain      string // as configured
	cookiesFile string

	origin    origin
	jar       jar
	signIn    *credentials                // of fromSignIn; not changed in place
	published atomic.Pointer[credentials] // signIn, for other goroutines
	content   string                      // of the file that the cookies came from
	fresh     bool                        // a file gave other cookies since the poll began, maybe another account's
	unsaved   error                       // why signIn is not in the file
	renewal   renewal
}

// redact removes the secrets of the session from text that came from the network.
func (s *session) redact(text string) string {
	values := make([]string, 0, len(s.jar))
	for _, value := range s.jar {
		values = append(values, value)
	}
	return s.redactor.Redact(text, values...)
}

// savedDomain returns the marketplace of the credentials in amazon.json, else the
// configured one. The first poll reports what is wrong with the file.
func (s *session) savedDomain() string {
	if saved, _, _ := s.store.load(); saved != nil {
		return saved.Domain
	}
	return s.domain
}

// load reads the files if they changed since the last time. Its error is an
// *collectors.AuthenticationError if there is no sign-in. note only needs to be reported.
func (s *session) load(ctx context.Context) (note, err error) {
	content, err := s.readTokens()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s.loadCookies()
	case err == nil && s.origin == fromSignIn && string(content) == s.content:
		if s.unsaved != nil {
			return nil, s.replace(ctx, s.signIn, s.signIn)
		}
		return nil, nil
	}
	var signIn *credentials
	if err == nil {
		signIn, err = decodeCredentials(content)
	}
	switch {
	case err == nil:
		s.adopt(signIn, string(content))
		s.fresh = true
		return nil, nil
	case s.origin == fromSignIn:
		// What is in memory still is good; only removing the file is meant to end it.
		return fmt.Errorf("%s can't be read, so the previous sign-in is used until the next start: %w", s.store.file, err), nil
	}
	return nil, s.notSignedIn(fmt.Errorf("%s: %w", s.store.file, err))
}

// readTokens reads amazon.json. The error is fs.ErrNotExist only if its directory
// exists: a disk that is away does not sign out the account.
func (s *session) readTokens() ([]byte, error) {
	content, err := s.store.read()
	err = statefile.WithoutPath(err)
	if errors.Is(err, fs.ErrNotExist) && s.origin == fromSignIn {
		if _, dirErr := os.Stat(filepath.Dir(s.store.file)); dirErr != nil {
			return nil, errors.New("its directory: " + statefile.WithoutPath(dirErr).Error()) // not fs.ErrNotExist
		}
	}
	return content, err
}

// adopt makes credentials current. content is the content of the file.
func (s *session) adopt(signIn *credentials, content string) {
	s.redactor.Hide(signIn.secrets()...)
	if signIn != s.signIn {
		s.jar = signIn.jar()
	}
	s.setSignIn(signIn)
	s.origin, s.content, s.unsaved = fromSignIn, content, nil
}

func (s *session) setSignIn(signIn *credentials) {
	s.signIn = signIn
	s.published.Store(signIn)
}

// loadCookies takes the cookies of a browser.
func (s *session) loadCookies() (note, err error) {
	if s.origin == fromSignIn { // signed out: amazon.json was removed
		s.setSignIn(nil)
		s.origin, s.unsaved = noOrigin, nil
	}
	if s.cookiesFile == "" {
		return nil, s.notSignedIn(errors.New("there is no sign-in"))
	}
	content, err := statefile.ReadCredentials(s.cookiesFile, filepath.Dir(s.store.file), maxStateFile)
	if err == nil && s.origin == fromBrowser && string(content) == s.content {
		return nil, nil
	}
	var cookies jar
	if err == nil {
		cookies, err = parseCookies(content, s.domain)
	}
	switch {
	case err == nil:
		s.fresh = s.fresh || string(content) != s.content
		s.jar, s.content, s.origin = cookies, string(content), fromBrowser
		return nil, nil
	case s.origin == fromBrowser:
		// The file may be half written, and Amazon still accepts the cookies in memory.
		return fmt.Errorf("cookies file %s can't be read, so the previous cookies are used until the next start: %w", s.cookiesFile, statefile.WithoutPath(err)), nil
	}
	return nil, &collectors.AuthenticationError{
		Code: "no cookies", Remedy: s.remedy(), Err: fmt.Errorf("cookies file %s: %w", s.cookiesFile, statefile.WithoutPath(err)),
	}
}

func (s *session) notSignedIn(err error) error {
	s.setSignIn(nil)
	s.origin, s.jar, s.unsaved = noOrigin, nil, nil
	return &collectors.AuthenticationError{Code: "not signed in", Remedy: remedyLogin, Err: err}
}

// remedy returns the remedy for a refusal.
func (s *session) remedy() string {
	if s.origin == fromSignIn || s.cookiesFile == "" {
		return remedyLogin
	}
	return fmt.Sprintf("Sign in to Amazon in a browser and export the cookies of %s again into %s. No restart is needed. "+
		"Or run: %s, after which the program renews its cookies by itself.", s.domain, s.cookiesFile, loginCommand)
}

// marketplace returns the domain that requests go to.
func (s *session) marketplace() string {
	if s.signIn != nil {
		return s.signIn.Domain
	}
	return s.domain
}

// isAtHome reports whether the cookies are known to be for the account's home. Those of
// a browser count as such.
func (s *session) isAtHome() bool { return s.signIn == nil || s.signIn.AtHome }

// reset makes the next poll begin with the cookies as the file has them: a cookie that
// a response set may have spoilt them.
func (s *session) reset() {
	if s.signIn != nil {
		s.jar = s.signIn.jar()
		return
	}
	s.origin = noOrigin
}

// due reports whether it is time to renew the cookies, and whether the first of them
// has expired.
func (s *session) due(now time.Time) (due, expired bool) {
	if s.signIn == nil {
		return false, false
	}
	at, end := s.signIn.renewAt(), s.signIn.expiry()
	return !at.IsZero() && !now.Before(at), !end.IsZero() && !now.Before(end)
}

// renewable reports whether a refused request may be sent again after a renewal. Only a
// sign-in can be renewed, and a poll does so once.
func (s *session) renewable() bool { return s.signIn != nil && !s.renewal.done }

// renew replaces the cookies. Once it has failed it fails for the rest of the poll.
func (s *session) renew(ctx context.Context, retry *collectors.Retrier) error {
	return s.renewFor(ctx, retry, place{})
}

// renewEarly renews cookies that no request has been refused with. Should even the new
// ones be refused, they may be renewed once more.
func (s *session) renewEarly(ctx context.Context, retry *collectors.Retrier) error {
	err := s.renew(ctx, retry)
	s.renewal.done = false
	return err
}

// place is a marketplace that cookies are for.
type place struct {
	domain string
	atHome bool // it is known to be the account's home
}

// move gets cookies for a place, unless the session has some, and records it.
func (s *session) move(ctx context.Context, retry *collectors.Retrier, to place) (err error) {
	before := s.signIn
	if before == nil {
		return s.notSignedIn(errSignedOut)
	}
	s.renewal = renewal{} // of another place
	switch {
	case before.Domain != to.domain:
		err = s.renewFor(ctx, retry, to)
		s.renewal.done = false
	case before.AtHome != to.atHome:
		next := *before
		next.AtHome = to.atHome
		err = s.replace(ctx, before, &next)
	}
	return err
}

// renewFor replaces the cookies with some for a place; the zero place is that of the
// cookies in force.
func (s *session) renewFor(ctx context.Context, retry *collectors.Retrier, to place) error {
	if s.renewal.failed == nil {
		err := s.renewNow(ctx, retry, to)
		s.renewal = renewal{done: err == nil, failed: err}
	}
	return s.renewal.failed
}

func (s *session) renewNow(ctx context.Context, retry *collectors.Retrier, to place) error {
	before := s.signIn
	// There may be a new sign-in, which also ends the previous sign-in. The next
	// poll reports whatever else is wrong with the file.
	if _, err := s.load(ctx); err != nil || s.signIn != before {
		return err
	}
	next := *before
	if to.domain != "" {
		next.Domain, next.AtHome = to.domain, to.atHome
	}
	cookies, err := s.host.Cookies(ctx, retry, before.RefreshToken, next.Domain)
	if refused, ok := errors.AsType[*collectors.AuthenticationError](err); ok {
		refused.Remedy = remedyLogin
	}
	if err != nil {
		return &renewalError{err}
	}
	next.Cookies, next.RenewedAt = cookies, time.Now().UTC().Truncate(time.Second)
	return s.replace(ctx, before, &next)
}

// replace writes new credentials to amazon.json and then puts them in force.
func (s *session) replace(ctx context.Context, before, next *credentials) error {
	s.redactor.Hide(next.secrets()...)
	stored, content, err := s.store.replace(ctx, before, next)
	switch {
	case errors.Is(err, errSignedOut):
		return s.notSignedIn(err)
	case err != nil:
		// Without a disk the session goes on in memory. The next start can renew what is
		// in the file.
		s.adopt(next, s.content)
		s.unsaved = err
	default:
		s.adopt(stored, string(content))
		s.fresh = s.fresh || stored != next
	}
	return nil
}

// reportUnsaved adds a fault if the credentials in force are not in amazon.json.
func (s *session) reportUnsaved(found *wire.Faults) {
	if s.unsaved != nil {
		found.Add("the renewed sign-in can't be written to %s and is kept in memory only; check that the disk has space and that the program may write there: %v",
			s.store.file, statefile.WithoutPath(s.unsaved))
	}
}

// renewalError is a renewal of the cookies that failed. It has the class of its cause.
type renewalError struct{ err error }

func (e *renewalError) Error() string { return "renewing the Amazon sign-in: " + e.err.Error() }
func (e *renewalError) Unwrap() error { return e.err }

package amazon

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"hueair2mqtt/collectors"
	"hueair2mqtt/internal/statefile"
)

const (
	// maxCookies and maxCookieValue bound what answers may add, as every request
	// carries it (RFC 6265, 6.1: 4096 bytes a cookie).
	maxCookies     = 200
	maxCookieValue = 4096

	// csrfCookie is the cookie whose value every request repeats as a header, to
	// show that it was not sent by a foreign page.
	csrfCookie = "csrf"

	// loginCommand is what the user runs to sign in.
	loginCommand = "hueair2mqtt amazon login"
)

// session is the state of being signed in: the cookies that requests carry, what
// Alexa's answers added to them, and where they come from. With the credentials
// of signing in (amazon.json) it can renew them; with a browser's cookies it
// can't. Requests may be made at the same time.
type session struct {
	redactor
	host        tokenHost
	domain      string // as configured
	cookiesFile string
	file        string // amazon.json; "" where there is no state directory

	// step is told of each step of a renewal, for the tests that end the process
	// there.
	step func(string)

	mu      sync.Mutex
	cookies map[string]string
	signIn  *credentials      // nil: cookies is what cookiesFile holds
	digest  [sha256.Size]byte // of the file that cookies came from
	loaded  bool
	fresh   bool  // a file gave other cookies since the last poll: maybe another account's
	unsaved error // why signIn is not on the disk

	// generation counts the changes of cookies. A request that was refused with
	// those of an earlier generation only has to be sent again.
	generation uint64
	polled     uint64 // the generation that the poll began with
	failed     error  // how this poll's renewal failed
	flight     *flight
}

// flight is a renewal that is under way, for which all wait that need it.
type flight struct {
	done chan struct{}
	err  error
}

func newSession(o Options, domain string) *session {
	s := &session{domain: domain, cookiesFile: o.CookiesFile, step: func(string) {}}
	if o.StateDir != "" {
		s.file = filepath.Join(o.StateDir, StateFile)
	}
	return s
}

// savedDomain is the marketplace that the credentials on the disk are for, else
// the configured one. What is wrong with them is for the first poll to tell.
func (s *session) savedDomain() string {
	if content, err := s.readCredentials(); err == nil {
		if signIn, err := decodeCredentials(content); err == nil {
			return signIn.Domain
		}
	}
	return s.domain
}

// load begins a poll: it takes what the files hold if that changed since the last
// time, and says whether it did. Its error is always one of authentication:
// nobody is signed in. What is only to be told goes to found.
func (s *session) load(ctx context.Context, found *faults) (changed bool, err error) {
	s.mu.Lock()
	note, err := s.loadLocked(ctx)
	changed, s.fresh = s.fresh, false
	s.polled, s.failed = s.generation, nil
	s.mu.Unlock()
	if note != nil { // found asks the session for what to redact
		found.add("%v", note)
	}
	return changed, err
}

// replaced reports whether a file gave other credentials during this poll.
func (s *session) replaced() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fresh
}

// loadLocked is load without the beginning of a poll. note is what only is to be
// told.
func (s *session) loadLocked(ctx context.Context) (note, err error) {
	content, err := s.readCredentials()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s.loadCookies()
	case err == nil && s.signIn != nil && sha256.Sum256(content) == s.digest:
		if s.unsaved != nil {
			s.saveAgain(ctx)
		}
		return nil, nil
	}
	var signIn *credentials
	if err == nil {
		signIn, err = decodeCredentials(content)
	}
	switch {
	case err == nil:
		s.adopt(signIn, content)
		s.fresh = true
		return nil, nil
	case s.signIn != nil:
		// What is in memory still is good; only a removal is meant to end it.
		return fmt.Errorf("%s can't be read, so the sign-in of before is used until the next start: %w", s.file, err), nil
	}
	return nil, s.notSignedIn(fmt.Errorf("%s: %w", s.file, err))
}

// readCredentials reads amazon.json. That there is none is fs.ErrNotExist, but
// only if its directory is there: a disk that is away signs nobody out.
func (s *session) readCredentials() ([]byte, error) {
	if s.file == "" {
		return nil, fs.ErrNotExist
	}
	content, err := statefile.Read(s.file, maxStateFile)
	err = withoutPath(err)
	if errors.Is(err, fs.ErrNotExist) && s.signIn != nil {
		if _, dirErr := os.Stat(filepath.Dir(s.file)); dirErr != nil {
			return nil, fmt.Errorf("its directory: %v", withoutPath(dirErr))
		}
	}
	return content, err
}

// adopt makes credentials the ones in force. content is what the file holds.
func (s *session) adopt(signIn *credentials, content []byte) {
	s.hide(signIn.secrets()...)
	s.signIn, s.cookies = signIn, signIn.values()
	s.digest, s.loaded, s.unsaved = sha256.Sum256(content), true, nil
	s.generation++
}

// loadCookies takes the cookies of a browser.
func (s *session) loadCookies() (note, err error) {
	if s.signIn != nil { // signed out: amazon.json is gone
		s.signIn, s.loaded, s.unsaved = nil, false, nil
	}
	if s.cookiesFile == "" {
		return nil, s.notSignedIn(errors.New("nobody has signed in"))
	}
	content, err := s.readCookies()
	if err != nil {
		return s.withoutCookiesFile(err)
	}
	digest := sha256.Sum256(content)
	if s.loaded && digest == s.digest {
		return nil, nil
	}
	cookies, err := parseCookies(content, s.domain)
	if err != nil {
		return s.withoutCookiesFile(err)
	}
	s.fresh = s.fresh || digest != s.digest
	s.cookies, s.digest, s.loaded = cookies, digest, true
	s.generation++
	return nil, nil
}

// readCookies reads the cookies' file. Its errors tell what is wrong with the file,
// without its path.
func (s *session) readCookies() ([]byte, error) {
	content, err := statefile.ReadCredentials(s.cookiesFile, filepath.Dir(s.file), maxStateFile)
	return content, withoutPath(err)
}

// withoutCookiesFile is what a file that can't be used means. While Amazon takes
// the cookies in memory, that is only worth a note: the file may be half written.
func (s *session) withoutCookiesFile(err error) (note, failure error) {
	if s.loaded {
		return fmt.Errorf("cookies file %s can't be read, so its cookies of before are used until the next start: %w", s.cookiesFile, err), nil
	}
	return nil, s.noCookies(err)
}

func (s *session) noCookies(err error) error {
	s.loaded = false
	return &collectors.AuthenticationError{
		Code: "no cookies", Remedy: s.remedyLocked(), Err: fmt.Errorf("cookies file %s: %w", s.cookiesFile, err),
	}
}

func (s *session) notSignedIn(err error) error {
	s.signIn, s.cookies, s.loaded, s.unsaved = nil, nil, false, nil
	return &collectors.AuthenticationError{Code: "not signed in", Remedy: remedyLogin, Err: err}
}

// remedyLogin tells the user how to sign in again.
const remedyLogin = "Run: " + loginCommand + ". No restart is needed."

// remedy tells the user what to do about a refusal.
func (s *session) remedy() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.remedyLocked()
}

func (s *session) remedyLocked() string {
	if s.signIn != nil || s.cookiesFile == "" {
		return remedyLogin
	}
	return fmt.Sprintf("Sign in to Amazon in a browser and export the cookies of %s anew into %s. No restart is needed. "+
		"Or run: %s, after which the program renews its cookies by itself.", s.domain, s.cookiesFile, loginCommand)
}

// marketplace is the domain that requests go to.
func (s *session) marketplace() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.signIn != nil {
		return s.signIn.Domain
	}
	return s.domain
}

// isAtHome reports whether the cookies are known to be for the account's home. Those of
// a browser count as such.
func (s *session) isAtHome() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.signIn == nil || s.signIn.AtHome
}

// signedIn gives a copy of the credentials in force; nil is a session of a
// browser's cookies.
func (s *session) signedIn() *credentials {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.signIn == nil {
		return nil
	}
	signIn := *s.signIn
	return &signIn
}

// forget makes the next poll begin with the cookies as the file has them: what an
// answer set may have spoilt them.
func (s *session) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.signIn != nil {
		s.cookies = s.signIn.values()
		return
	}
	s.loaded = false
}

// authorize puts the cookies and the csrf header into a request, and returns
// their generation.
func (s *session) authorize(req *http.Request) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.cookies)) {
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		b.WriteString(name + "=" + s.cookies[name])
	}
	req.Header.Set("Cookie", b.String())
	if csrf := s.cookies[csrfCookie]; csrf != "" {
		req.Header.Set(csrfCookie, csrf)
	}
	return s.generation
}

// learn takes the cookies that an answer sets, the csrf one above all. An answer
// to cookies that were renewed meanwhile has nothing to teach.
func (s *session) learn(resp *http.Response, generation uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if generation != s.generation {
		return
	}
	for _, cookie := range resp.Cookies() {
		_, known := s.cookies[cookie.Name]
		switch {
		case cookie.MaxAge < 0, cookie.Value == "", !cookie.Expires.IsZero() && cookie.Expires.Before(time.Now()):
			delete(s.cookies, cookie.Name)
		case len(cookie.Value) > maxCookieValue, !known && len(s.cookies) >= maxCookies,
			checkCookie(cookie.Name, cookie.Value) != nil:
		default:
			s.cookies[cookie.Name] = cookie.Value
		}
	}
}

// redact takes the secrets of the session out of text that came from the network.
func (s *session) redact(text string) string {
	s.mu.Lock()
	values := slices.Collect(maps.Values(s.cookies))
	s.mu.Unlock()
	return s.redactor.redact(text, values...)
}

// due says that the cookies are to be renewed before they end, and whether the
// first of them has ended already.
func (s *session) due(now time.Time) (due, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.signIn == nil {
		return false, false
	}
	at, end := s.signIn.renewAt(), s.signIn.expiry()
	return !at.IsZero() && !now.Before(at), !end.IsZero() && !now.Before(end)
}

// renewable says whether a request that was refused with the cookies of a
// generation may be sent again after a renewal: only credentials can be renewed,
// and a poll does that once.
func (s *session) renewable(generation uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.signIn != nil && (generation == s.polled || generation < s.generation)
}

// renewNext replaces the cookies in force before they end. Should even the new
// ones be refused, that may still be answered by a renewal.
func (s *session) renewNext(ctx context.Context, retry *collectors.Retrier) error {
	s.mu.Lock()
	generation := s.generation
	s.mu.Unlock()
	if err := s.renew(ctx, retry, generation); err != nil {
		return err
	}
	s.beginPoll()
	return nil
}

// beginPoll makes the cookies in force the ones that a poll begins with.
func (s *session) beginPoll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.polled = s.generation
}

// renew replaces the cookies of a generation, unless that has been done already.
func (s *session) renew(ctx context.Context, retry *collectors.Retrier, generation uint64) error {
	return s.renewFor(ctx, retry, generation, place{})
}

// place is a marketplace that cookies are for.
type place struct {
	domain string
	atHome bool // it is known to be the account's home
}

// move gets cookies for a place, unless those in force are for it, and records it.
func (s *session) move(ctx context.Context, retry *collectors.Retrier, to place) error {
	s.mu.Lock()
	before, generation := s.signIn, s.generation
	if before == nil {
		defer s.mu.Unlock()
		return s.notSignedIn(errSignedOut)
	}
	s.failed = nil // a renewal for another place says nothing about this one
	s.mu.Unlock()
	var err error
	switch {
	case before.Domain != to.domain:
		err = s.renewFor(ctx, retry, generation, to)
	case before.AtHome != to.atHome:
		settled := *before
		settled.AtHome = to.atHome
		err = s.replace(ctx, before, &settled)
	}
	if err != nil {
		return err
	}
	s.beginPoll()
	return nil
}

// renewFor replaces the cookies of a generation with some for a place, or for the
// place that they are for if it is the zero one. Those who ask at the same time wait
// for one renewal and share its outcome.
func (s *session) renewFor(ctx context.Context, retry *collectors.Retrier, generation uint64, to place) error {
	s.mu.Lock()
	switch {
	case s.generation != generation:
		s.mu.Unlock()
		return nil
	case s.failed != nil:
		err := s.failed
		s.mu.Unlock()
		return err
	}
	if f := s.flight; f != nil {
		s.mu.Unlock()
		select {
		case <-f.done:
			return f.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	f := &flight{done: make(chan struct{})}
	s.flight = f
	s.mu.Unlock()

	f.err = s.renewNow(ctx, retry, to)
	s.mu.Lock()
	s.flight, s.failed = nil, f.err
	s.mu.Unlock()
	close(f.done)
	return f.err
}

// renewNow gets new cookies from Amazon. What goes wrong is a *renewalError.
func (s *session) renewNow(ctx context.Context, retry *collectors.Retrier, to place) error {
	s.mu.Lock()
	generation := s.generation
	// Somebody may have signed in anew meanwhile, which also ends the sign-in of
	// before; then that is what to use. What else is wrong with the file, the next
	// poll tells.
	_, err := s.loadLocked(ctx)
	before := s.signIn
	changed := s.generation != generation
	s.mu.Unlock()
	switch {
	case err != nil:
		return err
	case changed:
		return nil
	}
	renewed := *before
	if to.domain != "" {
		renewed.Domain, renewed.AtHome = to.domain, to.atHome
	}
	s.step("renewing")
	cookies, err := s.host.cookies(ctx, retry, before.RefreshToken, renewed.Domain)
	if err != nil {
		return &renewalError{err}
	}
	renewed.Cookies, renewed.RenewedAt = cookies, time.Now().UTC().Truncate(time.Second)
	return s.replace(ctx, before, &renewed)
}

// replace puts new credentials on the disk and then in force.
func (s *session) replace(ctx context.Context, before, next *credentials) error {
	s.hide(next.secrets()...)
	content, err := next.encode()
	if err != nil {
		return err
	}
	s.step("got")
	theirs, theirContent, err := s.store(ctx, before, content)
	s.step("saved")
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case errors.Is(err, errSignedOut):
		return s.notSignedIn(err)
	case theirs != nil:
		s.adopt(theirs, theirContent)
		s.fresh = true
	case err != nil:
		// Without a disk the session goes on in memory, and what is on the disk
		// still can be renewed at the next start.
		digest := s.digest
		s.adopt(next, content)
		s.digest, s.unsaved = digest, err
	default:
		s.adopt(next, content)
	}
	return nil
}

var errSignedOut = errors.New("amazon logout has ended the sign-in")

// store writes the content that replaces the credentials of before, unless
// somebody signed in or out meanwhile. It returns theirs if they signed in.
func (s *session) store(ctx context.Context, before *credentials, content []byte) (theirs *credentials, theirContent []byte, err error) {
	unlock, err := lockDir(ctx, filepath.Dir(s.file))
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	present, err := statefile.Read(s.file, maxStateFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, errSignedOut
	case err == nil:
		there, decodeErr := decodeCredentials(present)
		if decodeErr == nil && there.RefreshToken != before.RefreshToken {
			return there, present, nil
		}
	}
	return nil, nil, statefile.Write(s.file, content, credentialsMode)
}

// saveAgain tries to write what could not be written before.
func (s *session) saveAgain(ctx context.Context) {
	content, err := s.signIn.encode()
	if err == nil {
		var theirs *credentials
		var theirContent []byte
		theirs, theirContent, err = s.store(ctx, s.signIn, content)
		switch {
		case theirs != nil:
			s.adopt(theirs, theirContent)
			s.fresh = true
		case err == nil:
			s.digest, s.unsaved = sha256.Sum256(content), nil
		}
	}
	if err != nil {
		s.unsaved = err
	}
}

// tellUnsaved tells that the credentials in force are not on the disk.
func (s *session) tellUnsaved(found *faults) {
	s.mu.Lock()
	unsaved := s.unsaved
	s.mu.Unlock()
	if unsaved != nil {
		found.add("the renewed sign-in can't be written to %s and is kept in memory only; see that the disk has room and that the program may write there: %v",
			s.file, withoutPath(unsaved))
	}
}

// renewalError says that the cookies could not be renewed. It has the class of
// what went wrong, and is no answer of the Alexa host: another way to ask for the
// same would fail with the same cookies.
type renewalError struct{ err error }

func (e *renewalError) Error() string { return "renewing the Amazon sign-in: " + e.err.Error() }
func (e *renewalError) Unwrap() error { return e.err }

// checkCookie refuses what can't be sent in a Cookie header. The error names
// the cookie, never its value.
func checkCookie(name, value string) error {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) || strings.ContainsRune("=;,\"", r)
	}) {
		return fmt.Errorf("%q can't be the name of a cookie", collectors.CleanText(name))
	}
	for _, r := range value {
		switch {
		case unicode.IsControl(r):
			return fmt.Errorf("the value of cookie %s holds a line break or another control character", name)
		case r == ';':
			return fmt.Errorf("the value of cookie %s holds a semicolon: is it more than one cookie?", name)
		}
	}
	return nil
}

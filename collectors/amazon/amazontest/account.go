package amazontest

import (
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Account is one Amazon account, seen through its Alexa host. It may be used
// from many goroutines.
type Account struct {
	mu       sync.Mutex
	cookies  map[string]string
	csrf     string
	revoked  bool
	monitors map[string]Monitor

	scripts
	throttle throttle
	signIns
}

// signIns are the devices of the account and how it signs them in.
type signIns struct {
	home           string // marketplace
	region         string
	codeLife       time.Duration
	cookieLife     time.Duration
	cookieLifeTold bool
	clock          time.Duration      // how far Amazon's clock is from the test's
	grants         map[string]*grant  // by code
	devices        map[string]*device // by refresh token
	handedOut      []string           // secrets of signing in
}

// handOut notes secrets that have left the host. The caller holds the lock.
func (s *signIns) handOut(secrets ...string) { s.handedOut = append(s.handedOut, secrets...) }

// NewAccount makes an account that is at home at amazon.co.uk, without monitors,
// with a browser that is signed in. Nobody has signed in as a device yet; the
// session of those who do lives for a day.
func NewAccount() *Account {
	return &Account{
		cookies: map[string]string{
			"at-acbuk":        "Atza|" + secret(),
			"sess-at-acbuk":   secret(),
			"session-id":      "262-" + secret(),
			"session-id-time": "2082787201l-" + secret(),
			"session-token":   secret() + "/" + secret() + "==",
			"ubid-acbuk":      "261-" + secret(),
			"x-acbuk":         secret() + "@" + secret(),
		},
		csrf:     secret(),
		monitors: map[string]Monitor{},
		scripts:  scripts{paths: map[string]http.HandlerFunc{}, requests: map[string]int{}, flaky: map[string]*flakiness{}},
		signIns: signIns{
			home: "amazon.co.uk", region: "EU",
			codeLife: codeLife, cookieLife: atCookieLife, cookieLifeTold: true,
			grants: map[string]*grant{}, devices: map[string]*device{},
		},
	}
}

// Cookies are those of a browser that is signed in to the account's marketplace.
// The csrf cookie is not among them: Alexa sets it with its first answer.
func (a *Account) Cookies() map[string]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.cookies)
}

// Secrets are all values that must appear in no log, error or message: the
// browser's cookies, and whatever signing in has handed out or been given since.
func (a *Account) Secrets() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append(append(slices.Sorted(maps.Values(a.cookies)), a.csrf), a.handedOut...)
}

// SetMonitor adds a monitor, or replaces the one with its serial number, or with
// its entity id if it has none. Its readings are taken now.
func (a *Account) SetMonitor(m Monitor) {
	a.mu.Lock()
	defer a.mu.Unlock()
	m.sampled = time.Now().UTC()
	if m.Scale == "" {
		m.Scale = "CELSIUS"
	}
	a.monitors[m.key()] = m
}

// RemoveMonitor takes a monitor out of the account.
func (a *Account) RemoveMonitor(serial string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.monitors, serial)
}

// Revoke ends the session: every request is answered with 401.
func (a *Account) Revoke() { a.setRevoked(true) }

// Restore makes the session live again.
func (a *Account) Restore() { a.setRevoked(false) }

func (a *Account) setRevoked(revoked bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.revoked = revoked
}

// Script answers the next requests, whatever they ask for; nil answers one as
// usual. It adds to what is scripted already.
func (a *Account) Script(answers ...http.HandlerFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.once = append(a.once, answers...)
}

// ScriptPath answers every request to a path, except those that Script does;
// nil ends that.
func (a *Account) ScriptPath(path string, h http.HandlerFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.paths[path] = h
}

// Requests is how many requests came for a path; "" stands for all of them.
func (a *Account) Requests(path string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if path != "" {
		return a.requests[path]
	}
	total := 0
	for _, n := range a.requests {
		total += n
	}
	return total
}

func (a *Account) sorted() []Monitor {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.SortedFunc(maps.Values(a.monitors), func(x, y Monitor) int { return strings.Compare(x.key(), y.key()) })
}

// Holder is the name of the account's holder, as a registration tells it.
const Holder = "Test Holder"

// SetHome says where the account is at home: its marketplace, and the region as
// a registration tells it ("NA", "EU", "FE").
func (a *Account) SetHome(domain, region string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.home, a.region = domain, region
}

// SetCookieLife sets how long the at-* cookies of sign-ins live from now on, and
// whether the answers tell when cookies end.
func (a *Account) SetCookieLife(life time.Duration, told bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cookieLife, a.cookieLifeTold = life, told
}

// SetClock sets how far the clock of the token host is ahead of the test's.
func (a *Account) SetClock(ahead time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.clock = ahead
}

// SetCodeLife says how long an authorization code can be used.
func (a *Account) SetCodeLife(life time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.codeLife = life
}

// KillCookies ends the cookies of all sign-ins before their time, as happens.
func (a *Account) KillCookies() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, d := range a.devices {
		d.jars = nil
	}
}

// RevokeTokens ends all sign-ins, as a changed password does. A new one works.
func (a *Account) RevokeTokens() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.devices)
}

// Devices are the serial numbers of the devices that are registered, sorted.
func (a *Account) Devices() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var serials []string
	for _, d := range a.devices {
		serials = append(serials, d.serial)
	}
	slices.Sort(serials)
	return serials
}

// Flaky makes a share (0 to 1) of the requests for a path fail with what goes
// away within seconds: 500, 503, and a connection that breaks off. The same seed
// fails the same requests.
func (a *Account) Flaky(path string, share float64, seed uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.flaky[path] = &flakiness{share, rand.New(rand.NewPCG(seed, seed))}
}

// Throttle throttles all requests to the Alexa host from now on, in this form.
func (a *Account) Throttle(form Throttling) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.throttle.form = form
}

// Throttled is how many requests were throttled so far. impatient names those that
// came within Patience after another one. They get status 418, which no client takes
// for a success or for throttling, also after throttling has ended.
func (a *Account) Throttled() (answers int, impatient []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.throttle.answers, a.throttle.impatient
}

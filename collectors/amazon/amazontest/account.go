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

// Account is one Amazon account, served by its Alexa host. It is safe for concurrent use.
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

// NewAccount returns an account at home at amazon.co.uk, with a browser signed in and
// without monitors or devices. Sessions of devices last a day.
func NewAccount() *Account {
	a := &Account{
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
			codeLife: codeLife, cookieLife: atCookieLife, cookieLifeAnnounced: true,
			grants: map[string]*grant{}, devices: map[string]*device{},
		},
	}
	a.signIns.mu = &a.mu
	return a
}

// Cookies returns those of a browser that is signed in to the account's marketplace,
// without the csrf cookie, which Alexa sets with its first response.
func (a *Account) Cookies() map[string]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.cookies)
}

// Secrets returns all values that must appear in no log, error or message: the browser's
// cookies, and what sign-ins have sent or received since.
func (a *Account) Secrets() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append(append(slices.Sorted(maps.Values(a.cookies)), a.csrf), a.handedOut...)
}

// SetMonitor adds a monitor, or replaces the one with its serial number (its entity id
// without one). Its readings are of now.
func (a *Account) SetMonitor(m Monitor) {
	a.mu.Lock()
	defer a.mu.Unlock()
	m.sampled = time.Now().UTC()
	if m.Scale == "" {
		m.Scale = "CELSIUS"
	}
	a.monitors[m.key()] = m
}

// RemoveMonitor removes a monitor from the account.
func (a *Account) RemoveMonitor(serial string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.monitors, serial)
}

// Revoke ends all sessions: every request gets 401.
func (a *Account) Revoke() { a.setRevoked(true) }

// Restore undoes Revoke.
func (a *Account) Restore() { a.setRevoked(false) }

func (a *Account) setRevoked(revoked bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.revoked = revoked
}

// Script answers the next requests, whatever their path, after those scripted already. A
// nil handler answers one request as usual.
func (a *Account) Script(answers ...http.HandlerFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.once = append(a.once, answers...)
}

// ScriptPath answers every request for a path that Script does not answer. A nil handler
// ends that.
func (a *Account) ScriptPath(path string, h http.HandlerFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.paths[path] = h
}

// Requests returns the number of requests for a path; "" counts all.
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

// Flaky makes a share (0 to 1) of the requests for a path fail for the moment: with 500,
// 503, or a connection that breaks off. The same seed fails the same requests.
func (a *Account) Flaky(path string, share float64, seed uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.flaky[path] = &flakiness{share, rand.New(rand.NewPCG(seed, seed))}
}

// Throttle throttles all requests to the Alexa host from now on.
func (a *Account) Throttle(form Throttling) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.throttle.form = form
}

// Throttled returns the number of throttled requests. impatient names the requests that
// came within Patience after one; they get status 418, even after the throttling.
func (a *Account) Throttled() (answers int, impatient []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.throttle.answers, a.throttle.impatient
}

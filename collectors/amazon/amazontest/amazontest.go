// Package amazontest is an Alexa host for tests and demonstrations, in the
// manner of net/http/httptest: a real HTTP handler that behaves as Amazon's does.
// It also is the sign-in page and the token host: the paths differ, so that one
// server can stand for all of them.
//
// It is strict, so that a client that skips a step fails here rather than at a
// user's: every request must carry every cookie, must repeat the csrf cookie as a
// header once it was set, and must ask GraphQL for the fields that it wants. Of
// the sign-in, every field is held against what the Alexa app sends; codes are for
// once, and cookies end.
// What it never does by itself (hang, break off, refuse) a test scripts.
package amazontest

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// The paths that the host serves.
const (
	GraphQLPath  = "/nexus/v1/graphql"
	PhoenixPath  = "/api/phoenix/state"
	EntitiesPath = "/api/behaviors/entities"
)

// DeviceType is the device type of Amazon's own monitor.
const DeviceType = "AEZME1X38KDRA"

// Monitor is one air quality monitor of the account: Amazon's own, unless Maker
// names another one.
type Monitor struct {
	Serial      string // null in answers if empty, as for monitors of other makers
	EntityID    string // a UUID; empty means that the account has none for it
	ApplianceID string // empty likewise
	Name        string

	Temperature float64 // in Scale
	Scale       string  // "CELSIUS" if empty, "FAHRENHEIT" or "KELVIN"
	Humidity    float64 // %
	PM25        float64 // µg/m³
	PM10        float64 // µg/m³
	CO          float64 // ppm
	VOCIndex    float64
	AirQuality  float64 // Amazon's score, 0 to 100

	NoPM10    bool // it has no PM10 sensor
	NoHealth  bool // Alexa has no EndpointHealth for it
	Reachable bool // Alexa reaches it

	Maker  string  // "Amazon" if empty
	Ranges []Range // of another maker's monitor, instead of the values above but for Temperature

	sampled time.Time
}

// key tells the monitors of an account apart.
func (m Monitor) key() string {
	if m.Serial != "" {
		return m.Serial
	}
	return m.EntityID
}

func (m Monitor) maker() string {
	if m.Maker == "" {
		return "Amazon"
	}
	return m.Maker
}

// deviceType is empty for other makers' monitors, which are no Alexa devices.
func (m Monitor) deviceType() string {
	if m.maker() != "Amazon" {
		return ""
	}
	return DeviceType
}

// EndpointID is what GraphQL calls the monitor.
func (m Monitor) EndpointID() string {
	if m.EntityID != "" {
		return "amzn1.alexa.endpoint." + m.EntityID
	}
	return "amzn1.alexa.endpoint." + strings.ToLower(m.Serial)
}

// Account is one Amazon account, seen through its Alexa host. It may be used
// from many goroutines.
type Account struct {
	mu       sync.Mutex
	cookies  map[string]string
	csrf     string
	revoked  bool
	monitors map[string]Monitor
	script   []http.HandlerFunc
	paths    map[string]http.HandlerFunc
	requests map[string]int

	home           string // marketplace
	region         string
	codeLife       time.Duration
	cookieLife     time.Duration
	cookieLifeTold bool
	clock          time.Duration      // how far Amazon's clock is from the test's
	grants         map[string]*grant  // by code
	devices        map[string]*device // by refresh token
	flaky          map[string]*flakiness
	handedOut      []string // secrets of signing in
	throttle       throttle
}

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
		paths:    map[string]http.HandlerFunc{},
		requests: map[string]int{},
		home:     "amazon.co.uk", region: "EU",
		codeLife: codeLife, cookieLife: atCookieLife, cookieLifeTold: true,
		grants: map[string]*grant{}, devices: map[string]*device{}, flaky: map[string]*flakiness{},
	}
}

func secret() string {
	b := make([]byte, 12)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
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
	a.script = append(a.script, answers...)
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

// ServeHTTP answers one request.
func (a *Account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := a.next(r.URL.Path); h != nil {
		h(w, r)
		return
	}
	page, known := map[string]struct {
		methods []string
		open    bool // nobody needs to be signed in
		serve   http.HandlerFunc
	}{
		GraphQLPath:    {[]string{http.MethodPost}, false, a.serveGraphQL},
		PhoenixPath:    {[]string{http.MethodPost}, false, a.servePhoenix},
		EntitiesPath:   {[]string{http.MethodGet}, false, a.serveEntities},
		WelcomePath:    {[]string{http.MethodGet}, false, a.serveWelcome},
		SignInPath:     {[]string{http.MethodGet, http.MethodPost}, true, a.serveSignIn},
		LandingPath:    {[]string{http.MethodGet}, true, http.NotFound}, // as Amazon's is for browsers
		RegisterPath:   {[]string{http.MethodPost}, true, a.serveRegister},
		TokenPath:      {[]string{http.MethodPost}, true, a.serveToken},
		ExchangePath:   {[]string{http.MethodPost}, true, a.serveExchange},
		DeregisterPath: {[]string{http.MethodPost}, true, a.serveDeregister},
	}[r.URL.Path]
	switch {
	case !known:
		http.NotFound(w, r)
		return
	case !slices.Contains(page.methods, r.Method):
		w.Header().Set("Allow", strings.Join(page.methods, ", "))
		http.Error(w, "", http.StatusMethodNotAllowed)
		return
	}
	if !page.open {
		if code := a.admit(w, r); code != http.StatusOK {
			http.Error(w, "", code)
			return
		}
		if r.Method == http.MethodPost && !isType(r, "application/json") {
			http.Error(w, "", http.StatusUnsupportedMediaType)
			return
		}
		if answer := a.throttled(r); answer != nil {
			answer(w, r)
			return
		}
	}
	page.serve(w, r)
}

// next counts the request and takes its scripted answer.
func (a *Account) next(path string) http.HandlerFunc {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests[path]++
	if len(a.script) > 0 {
		h := a.script[0]
		a.script = a.script[1:]
		return h
	}
	if h := a.paths[path]; h != nil {
		return h
	}
	if f := a.flaky[path]; f != nil {
		return f.next()
	}
	return nil
}

// admit checks who asks, and sets the csrf cookie where it is missing.
func (a *Account) admit(w http.ResponseWriter, r *http.Request) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.revoked || !strings.Contains(r.Header.Get("User-Agent"), "AmazonAlexa/") {
		return http.StatusUnauthorized
	}
	if !carries(r, a.cookies) && !a.signedIn(r) {
		return http.StatusUnauthorized
	}
	cookie, err := r.Cookie("csrf")
	switch {
	case err != nil:
		http.SetCookie(w, &http.Cookie{Name: "csrf", Value: a.csrf, Path: "/", Secure: true})
	case cookie.Value != a.csrf, r.Header.Get("csrf") != a.csrf:
		return http.StatusForbidden
	}
	return http.StatusOK
}

func (a *Account) sorted() []Monitor {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.SortedFunc(maps.Values(a.monitors), func(x, y Monitor) int { return strings.Compare(x.key(), y.key()) })
}

// orNull is a number as JSON can tell it.
func orNull(f float64) any {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return f
}

func (m Monitor) stamp() string { return m.sampled.Format("2006-01-02T15:04:05.000Z") }

func writeJSON(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	// What is written is made of maps, texts and finite numbers, and a client that
	// went away is no concern of the server's.
	_ = json.NewEncoder(w).Encode(body)
}

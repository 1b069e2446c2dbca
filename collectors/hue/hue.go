// Package hue reads the sensors of one Philips Hue bridge over its local API: of
// a bridge with CLIP v2 all at a poll and in between what its event stream
// tells, of an older one with CLIP v1 at a poll. A device has the same id by
// either.
//
// A v1 bridge is asked through huego, one request a poll: /api/<key>/sensors
// holds every sensor there is. huego looks at no status code, takes an empty
// answer for an empty house, panics on some error lists and loses all sensors
// for one that is malformed. It also sends through http.DefaultClient, and there
// this package steps in: the RoundTripper that New installs bounds, classifies
// and mends an answer before huego sees it (see exchange).
//
// A v2 bridge is asked through the client that go-hue generates from the OpenHue
// specification, on the same connections; its answers are read resource by
// resource (see house), and its events likewise (see stream).
//
// The key is part of every URL of v1 and a header field of v2. No error of this
// package holds it: the URL never gets into one, and text that came from the
// network is searched for it.
package hue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/amimof/huego"

	"hueair2mqtt/collectors"
)

// Source is the name of this kind of source; it heads the ids of its devices.
const Source = "hue"

// defaultTimeout is the Timeout of Options that name none.
const defaultTimeout = 10 * time.Second

// Options say which Hue bridge is asked, and how.
type Options struct {
	// Host is an address, host:port, or a URL with http or https. Without a scheme
	// the bridge is asked over https if it has it. It may be empty for a bridge
	// that was paired, if ID is there.
	Host string
	// ID is the bridge's id, 16 hexadecimal digits in any case. It may be empty;
	// with https it is what the bridge's certificate is checked against.
	ID string
	// Username is the key that pairing gave. It is secret. Empty means the one that
	// is stored in StateDir.
	Username string
	// Setting is where the configuration names this bridge ("hue.bridges[0]"),
	// for messages that tell the user what to change.
	Setting string
	// StateDir is the directory with what pairing stored (see Pair); empty for none.
	StateDir string
	// Timeout bounds one request, from dialing to the last byte; 10 s if it is 0.
	Timeout time.Duration
	// Areas gives rooms by the MAC of a device ("00:17:88:01:02:03:04:05", in any
	// case); they go before those of the Hue app.
	Areas map[string]string
	// Lights has lights and plugs read, too.
	Lights bool
	// ButtonEvents is how the types of button events are named; HueEvents if empty.
	ButtonEvents ButtonEvents
	// DialContext makes the connections; nil means a net.Dialer.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// Find looks for all bridges, as Finder.Find does. It is asked for a bridge whose
	// id is known and that can't be reached; nil means that its address is final.
	Find FindFunc
}

// Collector reads one Hue bridge. It implements collectors.Streamer; a bridge
// without CLIP v2 has nothing to tell between polls.
//
// But for the stream's goroutine, which only fills its queue, everything here
// belongs to the one caller of Collect and Next.
type Collector struct {
	endpoint     string
	setting      string
	stateDir     string
	timeout      time.Duration
	areas        map[string]string // by MAC in lower case
	lights       bool
	buttonEvents ButtonEvents
	dial         func(ctx context.Context, network, address string) (net.Conn, error)
	find         FindFunc
	trusted      authorities

	key         string
	ownKey      bool   // the key is configured, not stored
	host        string // address, or host:port
	named       bool   // the user named host; it was not found
	scheme      string // "http" and "https" are final, "" is not
	id          string // "" as long as it isn't known
	fingerprint string
	paired      bool   // the state directory has the bridge
	storedHost  string // where, according to it

	link     *link // how the bridge is asked; nil before the first time
	state    linkState
	unsaved  error // why it could not be stored that the bridge has https; reported once
	failures int   // polls in a row that did not reach the bridge
	searched time.Time

	clip2
}

// clip2 is what a bridge with CLIP v2 has told.
type clip2 struct {
	v2           v2State
	missingSince time.Time // in v2Missing

	house       *house // nil before the first full read
	readFaults  faults // of the last full read
	reads       fullReads
	stream      *stream
	askedAt     uint64 // the stream's position when the full read was asked for
	readAt      uint64 // and when it was answered
	toldLost    uint64
	toldUpdates []collectors.Update // to be returned by the next calls of Next
	presses     map[string]*presses // by the resource id of a button or dial
	missedDue   time.Time           // when the first missed report may be published; zero if there is none
}

// New makes the collector of one Hue bridge. The error tells what is wrong with
// Host, without quoting it: people paste whole URLs, key and all. It may also be
// about what pairing stored.
//
// The first call puts this package's RoundTripper on http.DefaultClient, so it
// must not come while something else sends through that client.
func New(o Options) (*Collector, error) {
	c := &Collector{
		setting:      o.Setting,
		stateDir:     o.StateDir,
		timeout:      cmp.Or(max(o.Timeout, 0), defaultTimeout),
		areas:        make(map[string]string, len(o.Areas)),
		lights:       o.Lights,
		buttonEvents: o.ButtonEvents,
		dial:         o.DialContext,
		find:         o.Find,
		key:          o.Username,
		ownKey:       o.Username != "",
		id:           normalID(o.ID),
		clip2:        clip2{presses: make(map[string]*presses)},
	}
	for mac, area := range o.Areas {
		c.areas[strings.ToLower(strings.TrimSpace(mac))] = area
	}
	state, err := loadState(o.StateDir)
	if err != nil {
		return nil, err
	}
	c.named = strings.TrimSpace(o.Host) != ""
	stored, found := findPairing(state.Bridges, c.id, o.Host)
	if !c.named && found {
		c.endpoint = c.id
		o.Host = stored.Host
		// A search gives addresses only, so that a name came from the user.
		_, literal := literalAddress(o.Host)
		c.named = !literal
	}
	u, err := parseHost(o.Host)
	if err != nil {
		return nil, fmt.Errorf("%s.host %w", o.Setting, err)
	}
	c.endpoint = cmp.Or(c.endpoint, u.String())
	c.host = u.Host
	if strings.Contains(o.Host, "://") {
		c.scheme = u.Scheme
	}
	if found {
		c.takePairing(stored)
	}
	if c.scheme == "" && state.isEncrypted(c.host) {
		c.scheme = "https"
	}
	installDispatcher()
	return c, nil
}

// takePairing takes over what pairing stored. A bridge that was paired over
// https is never asked without it.
func (c *Collector) takePairing(p pairing) {
	c.paired = true
	c.id = p.ID
	c.storedHost = strings.TrimPrefix(p.Host, "http://")
	if !c.ownKey {
		c.key = p.Username
	}
	if u, err := parseHost(p.Host); err == nil && c.scheme == "" {
		c.scheme = "https"
		if isPlain(p.Host) {
			c.scheme = u.Scheme
		}
	}
	if c.scheme == "https" {
		c.fingerprint = p.Fingerprint
	}
}

// Source returns "hue".
func (c *Collector) Source() string { return Source }

// Endpoint returns the bridge's address, as it was configured, as a URL without a
// path, such as "http://192.168.1.2"; of a bridge that is only paired its id.
func (c *Collector) Endpoint() string { return c.endpoint }

// Close ends the event stream and drops idle connections. It must not be called
// while Collect or Next runs.
func (c *Collector) Close() {
	c.closeStream()
	if c.link == nil {
		return
	}
	if t, ok := c.link.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Collect asks for all that the bridge knows, in one request. While the event stream
// lives it returns what that has brought, after asking only whether the bridge still
// accepts the key; it asks for all every 10 minutes at most, and after Refresh. An answer with entries that make no sense is no failure: they are in
// Snapshot.Faults. The first time, and after a failure, it also asks which API the
// bridge has.
func (c *Collector) Collect(ctx context.Context, retry *collectors.Retrier) (collectors.Snapshot, error) {
	if c.key == "" || c.state == linkRefused || c.paired && c.state == linkUnsure {
		if err := c.reload(); err != nil {
			return collectors.Snapshot{}, fmt.Errorf("%s: %w", c.endpoint, err)
		}
	}
	if err := c.checkKey(); err != nil {
		return collectors.Snapshot{}, fmt.Errorf("%s: %w", c.endpoint, err)
	}
	snapshot, err := c.collect(ctx, retry)
	if err != nil && ctx.Err() == nil {
		if err = c.otherBridge(ctx, err); c.moved(ctx, err) {
			snapshot, err = c.collect(ctx, retry)
		}
	}
	c.state = linkAfter(err)
	if err != nil {
		c.reads.force()
		return collectors.Snapshot{}, err
	}
	c.failures = 0
	if err := c.rememberHost(); err != nil {
		snapshot.Faults = append(snapshot.Faults, err)
	}
	if c.unsaved != nil {
		snapshot.Faults = append(snapshot.Faults, c.unsaved)
		c.unsaved = nil
	}
	return snapshot, nil
}

func (c *Collector) collect(ctx context.Context, retry *collectors.Retrier) (snapshot collectors.Snapshot, err error) {
	err = retry.Do(ctx, c.endpoint, func(ctx context.Context) (err error) {
		snapshot, err = c.poll(ctx)
		return err
	})
	return snapshot, err
}

// reload looks whether the bridge was paired since.
func (c *Collector) reload() error {
	all, err := loadPairings(c.stateDir)
	if err != nil {
		return &collectors.PermanentError{Kind: "state", Err: err}
	}
	p, found := findPairing(all, c.id, c.host)
	if found && (!c.ownKey && p.Username != c.key || p.Fingerprint != c.fingerprint) {
		c.takePairing(p)
		c.closeStream() // it has the old key
		c.link = nil
	}
	return nil
}

// Refresh makes the next Collect ask the bridge; see collectors.Refresher.
func (c *Collector) Refresh() { c.reads.force() }

// poll asks once.
func (c *Collector) poll(ctx context.Context) (collectors.Snapshot, error) {
	if err := c.connect(ctx); err != nil {
		return collectors.Snapshot{}, err
	}
	if c.link.v2 {
		if c.reads.suffices(time.Now()) && c.stream.isLive() && c.confirmed(ctx) {
			return c.known(), nil
		}
		snapshot, err := c.readHouse(ctx)
		if err == nil {
			c.v2 = v2Proven
		}
		if !isNotFound(err) {
			return snapshot, err
		}
		if err := c.v2NotFound(time.Now()); err != nil {
			return collectors.Snapshot{}, err
		}
	}
	e := &exchange{collector: c}
	var sensors []huego.Sensor
	err := c.limited(ctx, "asking for the sensors", func(ctx context.Context) (err error) {
		sensors, err = c.sensors(context.WithValue(ctx, exchangeKey{}, e))
		return err
	})
	if err != nil {
		return collectors.Snapshot{}, err
	}
	snapshot := collectors.Snapshot{Devices: c.devices(sensors, &e.faults)}
	snapshot.Faults = e.faults.list()
	return snapshot, nil
}

// limited bounds one request and says so where the time was too short.
func (c *Collector) limited(ctx context.Context, doing string, ask func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	err := ask(limited)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil: // the poll itself was ended
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	case errors.Is(err, context.DeadlineExceeded):
		return &collectors.TransientError{
			Kind: "timeout", Err: fmt.Errorf("no complete answer within %s", c.timeout),
		}
	}
	return err
}

// sensors calls huego, takes the URL out of its errors, and turns a panic into
// an error: the answer is mended so that huego can hold it, but a later huego
// may differ.
func (c *Collector) sensors(ctx context.Context) (sensors []huego.Sensor, err error) {
	defer func() {
		if p := recover(); p != nil {
			sensors = nil
			err = malformed("huego cannot take the answer: %s", c.clean(fmt.Sprint(p)))
		}
	}()
	sensors, err = huego.New(c.link.base, c.key).GetSensorsContext(ctx)
	if err == nil {
		return sensors, nil
	}
	var inURL *url.Error
	if errors.As(err, &inURL) {
		return nil, inURL.Err
	}
	return nil, malformed("huego cannot take the answer: %s", c.clean(err.Error()))
}

// checkKey refuses what can be no key before it is made part of a URL.
func (c *Collector) checkKey() error {
	switch {
	case c.key == "":
		return c.authenticationError("no key", errors.New("there is no key for the Hue bridge"))
	case strings.Trim(c.key, ".") == "", strings.ContainsFunc(c.key, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._~", r))
	}):
		return c.authenticationError("unusable key", errors.New("the key for the Hue bridge holds characters that no key has"))
	}
	return nil
}

func (c *Collector) authenticationError(code string, err error) *collectors.AuthenticationError {
	return &collectors.AuthenticationError{
		Code:   code,
		Remedy: c.remedy(),
		Err:    err,
	}
}

// remedy says how to get a key that is good.
func (c *Collector) remedy() string {
	pair := fmt.Sprintf("Run \"hueair2mqtt hue pair --host %s\" and press the link button on the Hue bridge", c.host)
	if c.ownKey {
		return fmt.Sprintf("%s, remove %s.username, then restart hueair2mqtt.", pair, c.setting)
	}
	if c.endpoint == c.id {
		return pair + "; hueair2mqtt goes on by itself. If this Hue bridge was replaced by another one: " + c.Removal() + "."
	}
	return pair + "; hueair2mqtt goes on by itself."
}

// clean makes text from the network fit for an error: short, printable, and
// without the key, which a bridge may repeat.
func (c *Collector) clean(s string) string { return collectors.CleanText(c.withoutKey(s)) }

func (c *Collector) withoutKey(s string) string {
	if c.key == "" {
		return s
	}
	return strings.ReplaceAll(s, c.key, "[key]")
}

func malformed(format string, args ...any) error {
	return &collectors.PermanentError{Kind: "malformed", Err: fmt.Errorf(format, args...)}
}

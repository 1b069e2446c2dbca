// Package hue reads the sensors of one Philips Hue bridge over the local CLIP v1
// API.
//
// The bridge is asked through huego, one request a poll: /api/<key>/sensors
// holds every sensor there is. huego looks at no status code, takes an empty
// answer for an empty house, panics on some error lists and loses all sensors
// for one that is malformed. It also sends through http.DefaultClient, and there
// this package steps in: the RoundTripper that New installs bounds, classifies
// and mends an answer before huego sees it (see exchange).
//
// The key is part of every URL. No error of this package holds it: the URL never
// gets into one, and text that came from the network is searched for it.
package hue

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
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
	// Host is an address, host:port, or a URL with http or https.
	Host string
	// ID is the bridge's id, 16 hexadecimal digits in any case. It may be empty;
	// with https it is what the bridge's certificate is checked against.
	ID string
	// Username is the key that pairing gave. It is secret.
	Username string
	// Setting is where the configuration names this bridge ("hue.bridges[0]"),
	// for messages that tell the user what to change.
	Setting string
	// Timeout bounds one request, from dialing to the last byte; 10 s if it is 0.
	Timeout time.Duration
	// Areas gives rooms by the MAC of a device ("00:17:88:01:02:03:04:05", in any
	// case).
	Areas map[string]string
	// DialContext makes the connections; nil means a net.Dialer.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
}

// Collector reads one Hue bridge. It implements collectors.Collector.
type Collector struct {
	endpoint  string
	key       string
	setting   string
	timeout   time.Duration
	areas     map[string]string // by MAC in lower case
	tls       *verifier
	transport http.RoundTripper
}

// New makes the collector of one Hue bridge. The error tells what is wrong with
// Host, without quoting it: people paste whole URLs, key and all.
//
// The first call puts this package's RoundTripper on http.DefaultClient, so it
// must not come while something else sends through that client.
func New(o Options) (*Collector, error) {
	endpoint, err := parseHost(o.Host)
	if err != nil {
		return nil, fmt.Errorf("%s.host %w", o.Setting, err)
	}
	c := &Collector{
		endpoint: endpoint.String(),
		key:      o.Username,
		setting:  o.Setting,
		timeout:  o.Timeout,
		areas:    make(map[string]string, len(o.Areas)),
	}
	if c.timeout <= 0 {
		c.timeout = defaultTimeout
	}
	for mac, area := range o.Areas {
		c.areas[strings.ToLower(strings.TrimSpace(mac))] = area
	}
	c.tls = newVerifier(endpoint.Hostname(), o.ID, o.Setting)
	c.transport = newTransport(o.DialContext, c.tls, c.timeout)
	installDispatcher()
	return c, nil
}

// Source returns "hue".
func (c *Collector) Source() string { return Source }

// Endpoint returns the bridge's address as a URL without a path, such as
// "http://192.168.1.2".
func (c *Collector) Endpoint() string { return c.endpoint }

// Close drops idle connections.
func (c *Collector) Close() {
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Collect asks the bridge for its sensors, again where the failure is transient
// and retry allows it. An answer with entries that make no sense is no failure:
// they are told in Snapshot.Faults and the others are there.
func (c *Collector) Collect(ctx context.Context, retry *collectors.Retrier) (collectors.Snapshot, error) {
	if err := c.checkKey(); err != nil {
		return collectors.Snapshot{}, fmt.Errorf("%s: %w", c.endpoint, err)
	}
	var snapshot collectors.Snapshot
	err := retry.Do(ctx, c.endpoint, func(ctx context.Context) (err error) {
		snapshot, err = c.poll(ctx)
		return err
	})
	if err != nil {
		return collectors.Snapshot{}, err
	}
	return snapshot, nil
}

// poll asks once.
func (c *Collector) poll(ctx context.Context) (collectors.Snapshot, error) {
	e := &exchange{collector: c}
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	sensors, err := c.sensors(context.WithValue(limited, exchangeKey{}, e))
	switch {
	case err == nil:
	case ctx.Err() != nil: // the poll itself was ended
		return collectors.Snapshot{}, fmt.Errorf("asking for the sensors: %w", ctx.Err())
	case errors.Is(err, context.DeadlineExceeded):
		return collectors.Snapshot{}, &collectors.TransientError{
			Kind: "timeout", Err: fmt.Errorf("no complete answer within %s", c.timeout),
		}
	default:
		return collectors.Snapshot{}, err
	}
	snapshot := collectors.Snapshot{Devices: c.devices(sensors, &e.faults)}
	snapshot.Faults = e.faults.list()
	return snapshot, nil
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
	sensors, err = huego.New(c.endpoint, c.key).GetSensorsContext(ctx)
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
		Code: code,
		Remedy: fmt.Sprintf(`Press the link button on the Hue bridge at %s, create a new key (README, "The Hue key") `+
			`and set it at %s.username, then restart hueair2mqtt.`, c.endpoint, c.setting),
		Err: err,
	}
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

// Package pairing finds Hue bridges, verifies their identity, and obtains and stores their
// keys.
package pairing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"hueair2mqtt/collectors"
)

// ButtonTime is how long a bridge issues keys after its link button was pressed, and so
// how long Pair waits for that.
const ButtonTime = 30 * time.Second

// DefaultTimeout is the default Timeout of one request.
const DefaultTimeout = 10 * time.Second

// Numbers of errors in the answers of CLIP v1.
const (
	errorParameter = 6   // unknown parameter
	errorButton    = 101 // the link button was not pressed
	errorInternal  = 901 // an internal error of the bridge
)

// Options are the options of Identify.
type Options struct {
	Host     string // as for ParseHost
	StateDir string // where Pair stores the pairing
	Setting  string // where the user gave the host, for error texts
	Timeout  time.Duration
	Dial     DialFunc
}

// Candidate is a bridge that can be paired. Its identity was established by Identify; Pair
// sends its requests to that bridge only.
type Candidate struct {
	ID, Model string
	// Fingerprint is the SHA-256 of a self-signed certificate in hexadecimal digits; ""
	// for one by Signify or another authority.
	Fingerprint string
	// Encrypted is false for an old bridge without https.
	Encrypted bool

	target    Target
	stateDir  string
	bySignify bool // Signify issued its certificate
}

// Identify establishes the identity of the bridge at a host, and whether it has https.
// Only here is a self-signed certificate accepted, because the user is present and will
// press the button; from then on the bridge must have the same one.
func Identify(ctx context.Context, o Options) (*Candidate, error) {
	u, err := ParseHost(o.Host)
	if err != nil {
		return nil, fmt.Errorf("%s %w", o.Setting, err)
	}
	state, err := Load(o.StateDir)
	if err != nil {
		return nil, err
	}
	c := &Candidate{stateDir: o.StateDir, target: Target{Setting: o.Setting, Timeout: o.Timeout, Dial: o.Dial, Host: u.Host, Named: !IsLiteral(u.Host)}}
	t := &c.target
	if t.Timeout <= 0 {
		t.Timeout = DefaultTimeout
	}
	if strings.Contains(o.Host, "://") {
		t.Scheme = u.Scheme
	} else if state.IsEncrypted(t.Host) {
		t.Scheme = "https"
	}
	var (
		seen introduction
		got  Config
	)
	if t.Scheme == "http" {
		got, err = t.Ask(ctx, t.Client("http"))
	} else {
		var client *Client
		client, got, err = t.reach(ctx, &seen)
		c.Encrypted = err == nil && client.IsEncrypted()
	}
	if err != nil {
		return nil, err
	}
	c.ID, c.Model = NormalID(got.BridgeID), collectors.CleanText(got.ModelID)
	t.Scheme = "http"
	if c.Encrypted {
		t.Scheme = "https"
		c.Fingerprint, c.bySignify = seen.fingerprint, seen.bySignify
		if seen.id != "" && seen.id != c.ID {
			return nil, t.otherCertificate(seen.id, got)
		}
	}
	if err := c.checkKnown(); err != nil {
		return nil, err
	}
	t.ID, t.Fingerprint = c.ID, c.Fingerprint
	return c, nil
}

// checkKnown returns an error if pairing would replace the stored identity of this bridge
// by a weaker or different one. A certificate by Signify may replace a self-signed one.
func (c *Candidate) checkKnown() error {
	state, err := Load(c.stateDir)
	if err != nil {
		return err
	}
	old, known := state.Find(c.ID, "")
	if !known || old.IsPlain() {
		return nil
	}
	var change string
	switch {
	case !c.Encrypted:
		change = "it had https when it was paired, and now has none"
	case c.Fingerprint != "" && old.Fingerprint == "":
		change = "it had a certificate by Signify when it was paired, and now has a self-signed one"
	case c.Fingerprint != old.Fingerprint && !c.bySignify:
		change = "it had another certificate when it was paired"
	default:
		return nil
	}
	return &collectors.PermanentError{Kind: "certificate", Err: &collectors.RemedyError{
		Err: fmt.Errorf("the Hue bridge %s is paired already: %s", c.ID, change),
		Remedy: fmt.Sprintf(`somebody may impersonate it; if you know why it changed, run "hueair2mqtt hue forget %s", which removes its entry from %s, and pair again`,
			c.ID, filepath.Join(c.stateDir, StateFile)),
	}}
}

// Pair asks for a key once a second until the link button is pressed, for up to
// ButtonTime, and stores it with the bridge's identity in the state directory. The Hue app
// shows name with the key. Pair calls waiting before each request with the time that is
// left.
func (c *Candidate) Pair(ctx context.Context, name string, waiting func(left time.Duration)) error {
	end := time.Now().Add(ButtonTime)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var last error
	for {
		left := time.Until(end)
		if left <= 0 {
			if last != nil {
				return fmt.Errorf("the Hue bridge %s gave no key: %w", c.ID, last)
			}
			return fmt.Errorf("the link button on the Hue bridge %s was not pressed within %s: try again", c.ID, ButtonTime)
		}
		waiting(left)
		key, err := c.requestKey(ctx, name)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && key != "":
			return c.store(key)
		case err != nil && collectors.ClassOf(err) != collectors.Transient:
			return err
		}
		last = err
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// store stores the pairing.
func (c *Candidate) store(key string) error {
	if !ValidKey(key) {
		return malformed("the Hue bridge gave a key that can be none")
	}
	p := Pairing{ID: c.ID, Host: c.target.Host, Model: c.Model, Username: key, Fingerprint: c.Fingerprint}
	if !c.Encrypted {
		p.Host = "http://" + p.Host
	}
	if err := c.checkKnown(); err != nil { // another process may have paired it meanwhile
		return err
	}
	return storePairing(c.stateDir, p)
}

// ValidKey reports whether a key has only characters that are safe in a URL.
func ValidKey(key string) bool {
	return strings.Trim(key, ".") != "" && !strings.ContainsFunc(key, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._~", r))
	})
}

// errNoClientKey is returned if a bridge does not support client keys.
var errNoClientKey = errors.New("the Hue bridge has no client keys")

// requestKey asks for a key once. The key is empty until the button is pressed. A Bridge
// Pro issues none without a client key, and the first bridge none with one.
func (c *Candidate) requestKey(ctx context.Context, name string) (string, error) {
	key, err := c.requestKeyWith(ctx, name, true)
	if errors.Is(err, errNoClientKey) {
		key, err = c.requestKeyWith(ctx, name, false)
	}
	return key, err
}

func (c *Candidate) requestKeyWith(ctx context.Context, name string, clientKey bool) (key string, err error) {
	const doing = "asking for a key"
	body, err := json.Marshal(struct {
		DeviceType        string `json:"devicetype"`
		GenerateClientKey bool   `json:"generateclientkey,omitempty"`
	}{"hueair2mqtt#" + deviceName(name), clientKey})
	if err != nil {
		return "", err
	}
	client := c.target.Client(c.target.Scheme)
	err = client.Limit(ctx, doing, func(ctx context.Context) error {
		req, err := client.NewRequest(ctx, http.MethodPost, "/api", body)
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		return client.Send(req, doing, func(resp *http.Response) (err error) {
			key, err = readKey(resp.Body, clientKey)
			return err
		})
	})
	return key, err
}

// readKey reads the answer to a request for a key. Its errors do not quote an answer that
// cannot be parsed, which may hold a key.
func readKey(body io.Reader, clientKey bool) (key string, err error) {
	var items []struct {
		Error *struct {
			Type        float64
			Address     string
			Description string
		}
		Success *struct{ Username string }
	}
	if err := json.NewDecoder(io.LimitReader(body, maxConfig)).Decode(&items); err != nil || len(items) == 0 {
		return "", malformed("asking for a key: the response is not a list with a key or an error")
	}
	for _, item := range items {
		switch e := item.Error; {
		case item.Success != nil:
			key = item.Success.Username
		case e == nil || e.Type == errorButton:
		case e.Type == errorParameter && strings.Contains(e.Address, "generateclientkey") && clientKey:
			return "", errNoClientKey
		case e.Type == errorInternal:
			return "", &collectors.TransientError{Kind: "hue error 901", Err: errors.New("the Hue bridge had an internal error")}
		default:
			return "", &collectors.PermanentError{Kind: fmt.Sprintf("hue error %g", e.Type), Err: fmt.Errorf(
				"the Hue bridge answers: %s (Hue error %g)", collectors.CleanText(e.Description), e.Type)}
		}
	}
	return key, nil
}

// deviceName shortens a name to the 19 characters that a bridge accepts for a device.
func deviceName(name string) string {
	name = collectors.CleanLine(name, 19)
	if name == "" {
		return "host"
	}
	return name
}

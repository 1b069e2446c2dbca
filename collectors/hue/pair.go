package hue

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/tdrn-org/go-hue/api"

	"hueair2mqtt/collectors"
)

// ButtonTime is how long a bridge gives keys away after its link button was
// pressed, and so how long is waited for that.
const ButtonTime = 30 * time.Second

const (
	// errorParameter is what a bridge answers that does not know a parameter.
	errorParameter = 6
	// errorButton is what a bridge answers whose button was not pressed.
	errorButton = 101
)

// Newcomer is a bridge that is about to be paired. Who it is has been found out
// over a connection that stays the same one's: what Pair sends goes to nobody
// else.
type Newcomer struct {
	// ID and Model are what the bridge says, with the certificate for a witness.
	ID, Model string
	// Fingerprint is the SHA-256 of the certificate of a bridge that signed its own,
	// in hexadecimal digits; "" where Signify did, or another authority.
	Fingerprint string
	// Encrypted is false for an old bridge that has no https.
	Encrypted bool

	c       *Collector
	witness witness // of its certificate; noWitness for one that it signed itself
}

// Meet finds out who the bridge at o.Host is and whether it has https. This is
// the one place where a certificate that a bridge signed itself is believed, for
// the user stands before it and will press its button; from then on it must be
// the same one.
func Meet(ctx context.Context, o Options) (*Newcomer, error) {
	o.Username = ""
	c, err := New(Options{Host: o.Host, Setting: o.Setting, Timeout: o.Timeout, DialContext: o.DialContext})
	if err != nil {
		return nil, err
	}
	c.stateDir = o.StateDir
	state, err := loadState(o.StateDir)
	if err != nil {
		return nil, err
	}
	if c.scheme == "" && state.isEncrypted(c.host) {
		c.scheme = "https"
	}
	// An address may be one that was found; see New.
	_, literal := literalAddress(c.host)
	c.named = !literal
	return c.meet(ctx)
}

func (c *Collector) meet(ctx context.Context) (*Newcomer, error) {
	n := &Newcomer{c: c}
	var (
		got config
		err error
	)
	if c.scheme != "http" {
		own := &acquaintance{strict: c.newLink("https").verifier}
		l := c.newLink("https")
		l.transport.(*http.Transport).TLSClientConfig.VerifyConnection = own.verify
		if got, err = c.config(ctx, l); err == nil {
			n.Encrypted, n.Fingerprint, n.witness = true, own.fingerprint, own.witness
			if own.id != "" && own.id != normalID(got.BridgeID) {
				return nil, &collectors.PermanentError{Kind: "certificate", Err: fmt.Errorf(
					"the certificate is for the Hue bridge %s, but what answers says that it is %s", own.id, c.clean(got.BridgeID))}
			}
			c.scheme = "https"
		} else if c.scheme == "https" || !hasNoTLS(err) {
			return nil, err
		} else if got, err = c.plainConfig(ctx, err); err != nil {
			return nil, err
		} else {
			c.scheme = "http"
		}
	} else if got, err = c.config(ctx, c.newLink("http")); err != nil {
		return nil, err
	}
	n.ID, n.Model = normalID(got.BridgeID), collectors.CleanText(got.ModelID)
	if n.ID == "" {
		return nil, malformed("what answers at %s tells no id of a Hue bridge", c.host)
	}
	if err := n.checkKnown(); err != nil {
		return nil, err
	}
	c.id, c.fingerprint = n.ID, n.Fingerprint
	c.adopt(c.newLink(c.scheme))
	return n, nil
}

// acquaintance is a verifier that also takes a certificate which a bridge signed
// itself, and notes it.
type acquaintance struct {
	strict *verifier

	mu          sync.Mutex
	witness     witness // noWitness for a certificate that the bridge signed itself
	fingerprint string
	id          string
}

func (a *acquaintance) verify(state tls.ConnectionState) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var refusal error
	if a.witness, refusal = a.strict.judge(state); refusal == nil {
		return nil
	}
	leaf := state.PeerCertificates[0]
	id := normalID(leaf.Subject.CommonName)
	if id == "" || !signedItself(leaf) {
		return refusal
	}
	a.fingerprint, a.id = fingerprint(leaf), id
	return nil
}

func signedItself(cert *x509.Certificate) bool {
	return cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil
}

// Pair asks for a key once a second until the link button is pressed, at most
// ButtonTime, and stores it with the bridge's identity in the state directory.
// name tells the user in the Hue app whose key it is. waiting is called before
// each question with the time that is left.
func (n *Newcomer) Pair(ctx context.Context, name string, waiting func(left time.Duration)) error {
	end := time.Now().Add(ButtonTime)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var last error
	for {
		left := time.Until(end)
		if left <= 0 {
			if last != nil {
				return fmt.Errorf("the Hue bridge %s gave no key: %w", n.ID, last)
			}
			return fmt.Errorf("the link button on the Hue bridge %s was not pressed within %s: try again", n.ID, ButtonTime)
		}
		waiting(left)
		key, err := n.c.askKey(ctx, name)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && key != "":
			return n.keep(key)
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

// keep stores the key.
func (n *Newcomer) keep(key string) error {
	n.c.key = key
	if err := n.c.checkKey(); err != nil {
		return malformed("the Hue bridge gave a key that can be none")
	}
	p := pairing{ID: n.ID, Host: n.c.host, Model: n.Model, Username: key, Fingerprint: n.Fingerprint}
	if !n.Encrypted {
		p.Host = "http://" + p.Host
	}
	if err := n.checkKnown(); err != nil { // another process may have paired it meanwhile
		return err
	}
	return storePairing(n.c.stateDir, p)
}

// errNoClientKey is that a bridge knows no client keys.
var errNoClientKey = errors.New("the Hue bridge has no client keys")

// askKey asks once. The key is empty as long as the button has not been pressed. A
// Bridge Pro gives none without a client key, and the first bridge none with one.
func (c *Collector) askKey(ctx context.Context, name string) (key string, err error) {
	yes := true
	body := api.AuthenticateJSONRequestBody{Generateclientkey: &yes}
	key, err = c.askKeyWith(ctx, name, body)
	if errors.Is(err, errNoClientKey) {
		body.Generateclientkey = nil
		key, err = c.askKeyWith(ctx, name, body)
	}
	return key, err
}

func (c *Collector) askKeyWith(ctx context.Context, name string, body api.AuthenticateJSONRequestBody) (key string, err error) {
	const doing = "asking for a key"
	client, err := c.link.client("")
	if err != nil {
		return "", malformed("%s: %s", doing, c.clean(err.Error()))
	}
	device := "hueair2mqtt#" + deviceName(name)
	body.Devicetype = &device
	err = c.limited(ctx, doing, func(ctx context.Context) error {
		resp, err := client.Authenticate(ctx, body)
		if err != nil {
			return c.networkError(doing, withoutURL(err))
		}
		defer resp.Body.Close()
		if err := collectors.FromStatus(resp, time.Now()); err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		// The text of an answer that makes no sense gets into no error: it may hold a
		// key.
		var items []struct {
			Error *struct {
				Type        float64
				Address     string
				Description string
			}
			Success *struct{ Username string }
		}
		if err := json.NewDecoder(io.LimitReader(resp.Body, maxConfig)).Decode(&items); err != nil || len(items) == 0 {
			return malformed("%s: the answer is no list that holds a key or an error", doing)
		}
		for _, item := range items {
			switch {
			case item.Success != nil:
				key = item.Success.Username
			case item.Error == nil || item.Error.Type == errorButton:
			case item.Error.Type == errorParameter && strings.Contains(item.Error.Address, "generateclientkey") && body.Generateclientkey != nil:
				return errNoClientKey
			case item.Error.Type == errorInternal:
				return &collectors.TransientError{Kind: "hue error 901", Err: errors.New("the Hue bridge had an error inside")}
			default:
				return &collectors.PermanentError{Kind: fmt.Sprintf("hue error %g", item.Error.Type), Err: fmt.Errorf(
					"the Hue bridge answers: %s (Hue error %g)", c.clean(item.Error.Description), item.Error.Type)}
			}
		}
		return nil
	})
	return key, err
}

// deviceName fits a name into the 19 characters that a bridge takes for a device.
func deviceName(name string) string {
	name = collectors.CleanLine(name, 19)
	if name == "" {
		return "host"
	}
	return name
}

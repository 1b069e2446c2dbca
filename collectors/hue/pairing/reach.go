package pairing

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"hueair2mqtt/collectors"
)

const (
	// maxConfig is the max size in bytes of what a bridge publishes about itself; it is
	// about 300.
	maxConfig = 64 << 10

	// firstGeneration is the model of the round bridge, which never got https.
	firstGeneration = "BSB001"

	// firstMinorWithTLS is the first minor version of CLIP v1 with https: hb-hue-tools,
	// the client of homebridge-hue, uses https from 1.24.0 on.
	firstMinorWithTLS = 24
)

// Config is what a bridge publishes about itself at /api/0/config.
type Config struct {
	BridgeID   string `json:"bridgeid"`
	ModelID    string `json:"modelid"`
	SwVersion  string `json:"swversion"`
	APIVersion string `json:"apiversion"` // of CLIP v1, such as "1.24.0"
}

// Reach asks the bridge who it is, over https or, if the bridge may be too old for that,
// over http. It returns the client that was answered. It does not use a Scheme of "http".
func (t *Target) Reach(ctx context.Context) (*Client, Config, error) { return t.reach(ctx, nil) }

func (t *Target) reach(ctx context.Context, i *introduction) (*Client, Config, error) {
	client := t.client("https", i)
	got, err := t.Ask(ctx, client)
	if err == nil || t.Scheme != "" || !hasNoTLS(err) {
		return client, got, err
	}
	return t.reachPlain(ctx, err)
}

// reachPlain asks a bridge without https who it is, and accepts the answer if the bridge
// is too old for https. Anybody on the network can cut a TLS connection, and would
// otherwise receive the key. It returns failure, the error of https, with a remedy if the
// bridge must have https: because its id is known, or because it is new enough.
func (t *Target) reachPlain(ctx context.Context, failure error) (*Client, Config, error) {
	refusal := &collectors.RemedyError{Err: failure, Remedy: fmt.Sprintf(
		"the key is not sent without https; if the Hue bridge is an old one without https, give http://%s as its address", t.Host)}
	if t.ID != "" {
		return nil, Config{}, refusal
	}
	client := t.Client("http")
	got, err := t.config(ctx, client)
	if err != nil {
		return nil, got, failure
	}
	if err := t.recognize(got, client); err != nil {
		return nil, got, err
	}
	if !got.predatesTLS() {
		return nil, got, refusal
	}
	return client, got, nil
}

// Ask asks the bridge who it is, and verifies that it is the target.
func (t *Target) Ask(ctx context.Context, client *Client) (Config, error) {
	got, err := t.config(ctx, client)
	if err == nil {
		err = t.recognize(got, client)
	}
	return got, err
}

// config asks the bridge who it is. The id in a certificate by Signify must be the one
// that the bridge reports.
func (t *Target) config(ctx context.Context, client *Client) (got Config, err error) {
	const doing = "asking which software the Hue bridge has"
	err = client.Get(ctx, doing, "/api/0/config", func(resp *http.Response) error {
		text, err := io.ReadAll(io.LimitReader(resp.Body, maxConfig+1))
		if err != nil {
			return client.NetworkError(doing, err)
		}
		if len(text) > maxConfig || json.Unmarshal(text, &got) != nil {
			return malformed("the server at %s is not a Hue bridge, or its response is not JSON; is %s the Hue bridge?", client.Base, t.Setting)
		}
		if id := t.certifiedID(resp); id != "" && id != NormalID(got.BridgeID) {
			return t.otherCertificate(id, got)
		}
		return nil
	})
	if collectors.ClassOf(err) == collectors.Authentication { // although no key was sent
		err = malformed("%s: %w", doing, errors.Unwrap(err))
	}
	return got, err
}

// recognize returns an error if a bridge is not the target.
func (t *Target) recognize(got Config, client *Client) error {
	switch id := NormalID(got.BridgeID); {
	case id == "":
		return malformed("the server at %s reports no id of a Hue bridge; is %s the Hue bridge?", client.Base, t.Setting)
	case t.ID != "" && t.ID != id:
		return &collectors.PermanentError{Kind: "other bridge", Err: fmt.Errorf("the Hue bridge at %s is %s, not %s", client.Base, id, t.ID)}
	}
	return nil
}

// certifiedID returns the id in a certificate that Signify issued, or "".
func (t *Target) certifiedID(resp *http.Response) string {
	if resp.TLS == nil || len(resp.TLS.PeerCertificates) == 0 {
		return ""
	}
	id, err := t.Trusted.issuedFor(resp.TLS.PeerCertificates[0], intermediatesOf(resp.TLS))
	if err != nil {
		return ""
	}
	return id
}

// otherCertificate is the error of a certificate for an id that is not the bridge's.
func (t *Target) otherCertificate(id string, got Config) error {
	return &collectors.PermanentError{Kind: "certificate", Err: &collectors.RemedyError{
		Err:    fmt.Errorf("the certificate is for the Hue bridge %s, but the bridge reports the id %s", id, collectors.CleanText(got.BridgeID)),
		Remedy: t.certificateRemedy(),
	}}
}

// hasNoTLS reports whether a failure means that the bridge may have no https: nothing
// listens on its port, or nothing that understands TLS.
func hasNoTLS(err error) bool {
	switch collectors.KindOf(err) {
	case "refused", "reset", "truncated", "timeout":
		return true
	}
	return errors.As(err, new(tls.RecordHeaderError)) || errors.Is(err, http.ErrSchemeMismatch)
}

// predatesTLS reports whether the bridge is too old for https. One that does not report
// its version is not.
func (c Config) predatesTLS() bool {
	if c.ModelID == firstGeneration {
		return true
	}
	parts := strings.Split(c.APIVersion, ".")
	if len(parts) < 2 || parts[0] != "1" {
		return false
	}
	minor, err := strconv.Atoi(parts[1])
	return err == nil && minor >= 0 && minor < firstMinorWithTLS
}

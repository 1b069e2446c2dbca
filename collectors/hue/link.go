package hue

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tdrn-org/go-hue/api"

	"hueair2mqtt/collectors"
)

// firstWithV2 is the first software of a bridge that has CLIP v2, says Signify's
// announcement of it.
const firstWithV2 = 1948086000

// askAgainAfter is how long a bridge without CLIP v2 is taken for one, in case it
// was updated between two polls.
const askAgainAfter = time.Hour

// maxConfig bounds what a bridge tells anybody, in bytes; it is about 300.
const maxConfig = 64 << 10

// link is one way to ask a bridge. It does not change, so that the event stream
// may use it on the side.
type link struct {
	base      string // "https://192.168.1.2"
	v2        bool
	transport http.RoundTripper
	verifier  *verifier // of the transport's certificates
	madeAt    time.Time
}

// config is what a bridge tells anybody, of /api/config.
type config struct {
	BridgeID  string `json:"bridgeid"`
	ModelID   string `json:"modelid"`
	SwVersion string `json:"swversion"`
	// APIVersion is that of CLIP v1, "1.24.0".
	APIVersion string `json:"apiversion"`
}

// connect makes sure that there is a link. It asks the bridge only when it must.
func (c *Collector) connect(ctx context.Context) error {
	if l := c.link; l != nil && (c.state == linkGood || c.state == linkRefused) && (l.v2 || c.scheme == "http" || time.Since(l.madeAt) < askAgainAfter) {
		return nil
	}
	if c.scheme == "http" {
		c.adopt(c.newLink("http"))
		return nil
	}
	l := c.newLink("https")
	got, err := c.config(ctx, l)
	if err != nil {
		if c.scheme == "" && hasNoTLS(err) {
			if _, err = c.plainConfig(ctx, err); err == nil {
				c.adopt(c.newLink("http"))
			}
		}
		return err
	}
	if err := c.recognise(got, l); err != nil {
		return err
	}
	if c.scheme == "" && c.id == "" {
		c.unsaved = storeEncrypted(c.stateDir, c.host)
	}
	// From here on it must stay this bridge, and stay with https.
	c.id, c.scheme = normalID(got.BridgeID), "https"
	version, err := strconv.ParseInt(got.SwVersion, 10, 64)
	l = c.newLink("https")
	l.v2 = err == nil && version >= firstWithV2 || c.v2 == v2Proven
	c.adopt(l)
	return nil
}

// recognise wants a bridge to be the one whose id is known, if one is.
func (c *Collector) recognise(got config, l *link) error {
	switch id := normalID(got.BridgeID); {
	case id == "":
		return malformed("what answers at %s tells no id of a Hue bridge; is %s.host the Hue bridge?", l.base, c.setting)
	case c.id != "" && c.id != id:
		return &collectors.PermanentError{Kind: "other bridge", Err: fmt.Errorf("the Hue bridge at %s is %s, not %s", l.base, id, c.id)}
	}
	return nil
}

// newLink makes a link to where the bridge is said to be. A certificate that
// Signify made must be for the bridge's id, if that is known; config compares it
// with what the bridge says otherwise.
func (c *Collector) newLink(scheme string) *link { return c.newLinkTo(scheme, c.host, c.named) }

// newLinkTo is newLink for any address; named is as in verifier. It only reads
// from c.
func (c *Collector) newLinkTo(scheme, host string, named bool) *link {
	u := url.URL{Scheme: scheme, Host: host}
	v := &verifier{host: u.Hostname(), named: named, id: c.id, fingerprint: c.fingerprint, trusted: c.trusted}
	v.remedy = fmt.Sprintf(`if the Hue bridge is an old one that signs its own, run "hueair2mqtt hue pair --host %s"; `+
		"if %s.id is set, it must be the Hue bridge's; or use http:// in %s.host", host, c.setting, c.setting)
	return &link{base: u.String(), transport: newTransport(c.dial, v, c.timeout), verifier: v, madeAt: time.Now()}
}

// adopt makes this the link, unless it is the one that is there. The event stream
// goes with the old one.
func (c *Collector) adopt(l *link) {
	c.state = linkGood
	if old := c.link; old != nil && old.base == l.base && old.v2 == l.v2 {
		old.madeAt = l.madeAt
		return
	}
	c.closeStream()
	c.link = l
}

// client is go-hue's client on this link, which sends the key, if there is one.
func (l *link) client(key string) (*api.Client, error) {
	return api.NewClient(l.base,
		api.WithHTTPClient(&http.Client{
			Transport:     l.transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
		api.WithRequestEditorFn(func(_ context.Context, req *http.Request) error {
			if key != "" {
				req.Header.Set(api.ApplicationKeyHeader, key)
			}
			return nil
		}))
}

// config asks a bridge for what it tells anybody. An id that a certificate of
// Signify's gave must be the one that the bridge says it has.
func (c *Collector) config(ctx context.Context, l *link) (got config, err error) {
	const doing = "asking which software the Hue bridge has"
	err = c.limited(ctx, doing, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.base+"/api/0/config", nil)
		if err != nil {
			return malformed("%s: %s", doing, c.clean(err.Error()))
		}
		resp, err := l.transport.RoundTrip(req)
		if err != nil {
			return c.networkError(doing, err)
		}
		defer resp.Body.Close()
		if err := c.statusError(resp); err != nil {
			if collectors.ClassOf(err) == collectors.Authentication {
				return malformed("%s: %w", doing, errors.Unwrap(err)) // no key was sent
			}
			return err
		}
		text, err := io.ReadAll(io.LimitReader(resp.Body, maxConfig+1))
		if err != nil {
			return c.networkError(doing, err)
		}
		if len(text) > maxConfig || json.Unmarshal(text, &got) != nil {
			return malformed("what answers at %s is no Hue bridge, or its answer is no JSON; is %s.host the Hue bridge?", l.base, c.setting)
		}
		if id := signedFor(resp, c.trusted); id != "" && id != normalID(got.BridgeID) {
			return &collectors.PermanentError{Kind: "certificate", Err: &collectors.RemedyError{
				Err:    fmt.Errorf("the certificate is for the Hue bridge %s, but what answers says that it is %s", id, c.clean(got.BridgeID)),
				Remedy: l.verifier.remedy,
			}}
		}
		return nil
	})
	return got, err
}

// signedFor returns the id that a certificate of Signify's is for, or "".
func signedFor(resp *http.Response, trusted authorities) string {
	if resp.TLS == nil || len(resp.TLS.PeerCertificates) == 0 {
		return ""
	}
	id, err := trusted.signed(resp.TLS.PeerCertificates[0], intermediatesOf(resp.TLS))
	if err != nil {
		return ""
	}
	return id
}

// hasNoTLS says whether a failure means that the bridge may have no https at all:
// nothing listens there, or not for that.
func hasNoTLS(err error) bool {
	switch collectors.KindOf(err) {
	case "refused", "reset", "truncated", "timeout":
		return true
	}
	return errors.As(err, new(tls.RecordHeaderError)) || errors.Is(err, http.ErrSchemeMismatch)
}

// isNotFound says whether the bridge does not know what it was asked for.
func isNotFound(err error) bool {
	var permanent *collectors.PermanentError
	return errors.As(err, &permanent) && permanent.StatusCode == http.StatusNotFound
}

package pairing

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"hueair2mqtt/collectors"
)

// KeyHeader is the header field of CLIP v2 that holds the key.
const KeyHeader = "hue-application-key"

// maxErrorText is the max length of a network error's text in bytes. It leaves space for
// a long host name and the reasons for refusing a certificate.
const maxErrorText = 800

// keepAlive detects within 30 s that a bridge has lost power, on a connection on which
// nothing else is due.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}

// Client sends requests to one Hue bridge. It is immutable and safe for concurrent use.
type Client struct {
	Base      string            // such as "https://192.168.1.2"
	Transport http.RoundTripper // tests replace it

	target Target // as it was when the client was made
	hasKey bool
}

// Client returns a client for the target. It sends no key; see WithKey.
func (t *Target) Client(scheme string) *Client { return t.client(scheme, nil) }

func (t *Target) client(scheme string, i *introduction) *Client {
	u := url.URL{Scheme: scheme, Host: t.Host}
	dial := t.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: t.Timeout, KeepAliveConfig: keepAlive}).DialContext
	}
	v := &verifier{
		host: u.Hostname(), named: t.Named, id: t.ID, fingerprint: t.Fingerprint, trusted: t.Trusted, remedy: t.certificateRemedy(), introduction: i,
	}
	// A connection has no timeout of its own once it is established, because it may be
	// the event stream; contexts bound the other requests. Keep-alive is off: it gains
	// nothing at one request a minute, and after the bridge had closed a connection
	// net/http would repeat the request by itself, bypassing the retry and its log.
	return &Client{Base: u.String(), target: *t, Transport: &http.Transport{
		Proxy:       nil, // the bridge is on the local network, whatever HTTP_PROXY says
		DialContext: dial.limited(t.Timeout),
		TLSClientConfig: &tls.Config{
			MinVersion: tls.VersionTLS12,
			// VerifyConnection verifies everything: the certificate of a bridge is for its
			// id, not for its address.
			InsecureSkipVerify: true,
			VerifyConnection:   v.verify,
		},
		TLSHandshakeTimeout:    t.Timeout,
		MaxResponseHeaderBytes: 64 << 10,
		DisableKeepAlives:      true,
		DisableCompression:     true, // so that limits apply to what was received
	}}
}

// IsEncrypted reports whether the client uses https.
func (c *Client) IsEncrypted() bool { return strings.HasPrefix(c.Base, "https:") }

// Setting returns the target's Setting, for error texts.
func (c *Client) Setting() string { return c.target.Setting }

// WithKey returns a copy of the client that sends the target's key in KeyHeader.
func (c *Client) WithKey() *Client {
	authenticated := *c
	authenticated.hasKey = true
	return &authenticated
}

// NewRequest returns a request for a path of the bridge.
func (c *Client) NewRequest(ctx context.Context, method, path string, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.Base+path, bytes.NewReader(body))
	if err != nil {
		return nil, malformed("the address of the Hue bridge is unusable: %s", c.Clean(err.Error()))
	}
	if c.hasKey {
		req.Header.Set(KeyHeader, c.target.Key)
	}
	return req, nil
}

// Get sends a GET request and passes the response to read. The target's timeout bounds
// both. Errors are classified, and begin with doing.
func (c *Client) Get(ctx context.Context, doing, path string, read func(*http.Response) error) error {
	return c.Limit(ctx, doing, func(ctx context.Context) error {
		req, err := c.NewRequest(ctx, http.MethodGet, path, nil)
		if err != nil {
			return err
		}
		return c.Send(req, doing, read)
	})
}

// Send sends a request and passes a successful response to read. Errors are classified.
func (c *Client) Send(req *http.Request, doing string, read func(*http.Response) error) error {
	resp, err := c.Transport.RoundTrip(req)
	if err != nil {
		return c.NetworkError(doing, err)
	}
	defer resp.Body.Close()
	err = collectors.FromStatus(resp, time.Now())
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		// Another server's, or that of a Bridge Pro, which requires https.
		return fmt.Errorf("%w, a redirect; is %s the Hue bridge, and without http:// if it is a new one?", err, c.target.Setting)
	}
	if err != nil {
		return err
	}
	return read(resp)
}

// Limit calls ask with the target's timeout, and reports which of ctx and the timeout
// ended it.
func (c *Client) Limit(ctx context.Context, doing string, ask func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, c.target.Timeout)
	defer cancel()
	err := ask(limited)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	case errors.Is(err, context.DeadlineExceeded):
		return &collectors.TransientError{
			Kind: "timeout", Err: fmt.Errorf("no complete response within %s", c.target.Timeout),
		}
	}
	return err
}

// NetworkError classifies a failure of the connection. net/http quotes what it cannot
// parse of a response, which may be long, contain control characters, or repeat the key:
// such a text is cleaned.
func (c *Client) NetworkError(doing string, err error) error {
	classified := err
	if !errors.As(err, new(*collectors.PermanentError)) { // the verifier has classified its error
		classified = collectors.FromNetwork(err)
	}
	text := err.Error()
	if c.redact(text) == text && len(text) <= maxErrorText && !strings.ContainsFunc(text, unicode.IsControl) {
		return fmt.Errorf("%s: %w", doing, classified)
	}
	safe := fmt.Errorf("%s: %s", doing, c.Clean(text))
	if collectors.ClassOf(classified) == collectors.Transient {
		return &collectors.TransientError{Kind: collectors.KindOf(classified), Err: safe}
	}
	return &collectors.PermanentError{Kind: collectors.KindOf(classified), Err: safe}
}

// Clean makes text from the network fit for an error: short, printable, and without the
// key, which a bridge may repeat.
func (c *Client) Clean(s string) string { return collectors.CleanText(c.redact(s)) }

func (c *Client) redact(s string) string {
	if c.target.Key == "" {
		return s
	}
	return strings.ReplaceAll(s, c.target.Key, "[key]")
}

func malformed(format string, args ...any) error {
	return &collectors.PermanentError{Kind: "malformed", Err: fmt.Errorf(format, args...)}
}

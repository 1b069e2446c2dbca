package hue

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode"

	"hueair2mqtt/collectors"
)

// dispatcher is the RoundTripper of http.DefaultClient. A request whose context
// holds an exchange goes there; all others go where they went before.
type dispatcher struct{ others http.RoundTripper }

func (d dispatcher) RoundTrip(req *http.Request) (*http.Response, error) {
	if e, ok := req.Context().Value(exchangeKey{}).(*exchange); ok {
		return e.roundTrip(req)
	}
	return d.others.RoundTrip(req)
}

var installDispatcher = sync.OnceFunc(func() {
	others := http.DefaultClient.Transport
	if others == nil {
		others = http.DefaultTransport
	}
	http.DefaultClient.Transport = dispatcher{others}
})

// deadAfter is how long a bridge that vanished, its power cut, is waited for on a
// connection on which nothing else is due: 15 s of silence, then three probes.
var deadAfter = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}

// newTransport makes the connections of one collector. None has a time-out of its
// own once it stands, since one of them may be the event stream; contexts bound
// the others.
//
// They are not kept alive. One request a minute gains nothing by it, and a
// connection that the bridge closed meanwhile would make net/http repeat the
// request by itself, past the retry and its log.
func newTransport(
	dial func(ctx context.Context, network, address string) (net.Conn, error),
	v *verifier, timeout time.Duration,
) *http.Transport {
	if dial == nil {
		dial = (&net.Dialer{Timeout: timeout, KeepAliveConfig: deadAfter}).DialContext
	}
	return &http.Transport{
		Proxy:       nil, // the bridge is in the house, whatever HTTP_PROXY says
		DialContext: dialFunc(dial).limited(timeout),
		TLSClientConfig: &tls.Config{
			MinVersion: tls.VersionTLS12,
			// VerifyConnection does it all: the certificate of a bridge is for its
			// id, not for its address.
			InsecureSkipVerify: true,
			VerifyConnection:   v.verify,
		},
		TLSHandshakeTimeout:    timeout,
		MaxResponseHeaderBytes: 64 << 10,
		DisableKeepAlives:      true,
		DisableCompression:     true, // the size of an answer is what came over the wire
	}
}

// exchangeKey is where a request's context holds its exchange.
type exchangeKey struct{}

// exchange is one request to the bridge and what was wrong with single entries
// of its answer.
type exchange struct {
	collector *Collector
	faults    faults
}

// roundTrip sends the request and returns an answer that huego can take whole,
// or a classified error.
func (e *exchange) roundTrip(req *http.Request) (*http.Response, error) {
	c := e.collector
	resp, err := c.link.transport.RoundTrip(req)
	if err != nil {
		return nil, c.networkError("asking for the sensors", err)
	}
	defer resp.Body.Close()
	if err := c.statusError(resp); err != nil {
		return nil, err
	}
	if resp.ContentLength > maxBody {
		return nil, oversized("the answer announces %d bytes, and no Hue bridge has more than %d to say", resp.ContentLength, maxBody)
	}
	mended, err := c.mend(resp.Body, &e.faults)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status: resp.Status, StatusCode: resp.StatusCode,
		Proto: resp.Proto, ProtoMajor: resp.ProtoMajor, ProtoMinor: resp.ProtoMinor,
		Header:        http.Header{"Content-Type": {"application/json"}},
		Body:          io.NopCloser(bytes.NewReader(mended)),
		ContentLength: int64(len(mended)),
		Request:       req,
	}, nil
}

// withoutURL is an error of http.Client without the request's method and URL: who
// reads it is told of both in other words.
func withoutURL(err error) error {
	var inURL *url.Error
	if errors.As(err, &inURL) {
		return inURL.Err
	}
	return err
}

// maxErrorText bounds the text of a network's error, in bytes; a long host name
// and the reasons why a certificate is refused have their place in it.
const maxErrorText = 800

// networkError gives a class to a failure of the connection. net/http quotes
// what it can't understand of an answer, which may be long, hold control
// characters, or repeat the key: such a text is cleaned.
func (c *Collector) networkError(doing string, err error) error {
	classified := err
	if !errors.As(err, new(*collectors.PermanentError)) { // the verifier's has its class
		classified = collectors.FromNetwork(err)
	}
	text := err.Error()
	if c.withoutKey(text) == text && len(text) <= maxErrorText && !strings.ContainsFunc(text, unicode.IsControl) {
		return fmt.Errorf("%s: %w", doing, classified)
	}
	safe := fmt.Errorf("%s: %s", doing, c.clean(text))
	if collectors.ClassOf(classified) == collectors.Transient {
		return &collectors.TransientError{Kind: collectors.KindOf(classified), Err: safe}
	}
	return &collectors.PermanentError{Kind: collectors.KindOf(classified), Err: safe}
}

// statusError gives a class to an HTTP status that is no success. A redirect is
// none: it is another server's, or a Bridge Pro's that wants https.
func (c *Collector) statusError(resp *http.Response) error {
	err := collectors.FromStatus(resp, time.Now())
	var authentication *collectors.AuthenticationError
	if errors.As(err, &authentication) {
		return c.authenticationError(authentication.Code, fmt.Errorf("the Hue bridge refuses the key: %w", authentication.Err))
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		return fmt.Errorf("%w, a redirect; is %s.host the Hue bridge, and without http:// if it is a new one?", err, c.setting)
	}
	return err
}

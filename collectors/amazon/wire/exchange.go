package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"hueair2mqtt/collectors"
)

// What the Alexa app for iOS sends about itself. Amazon's responses depend on the
// device type; the versions are those of a current app.
const (
	DeviceType      = "A2IVLV5VM2W81"
	DeviceModel     = "iPhone"
	AppVersion      = "2.2.663733.0"
	AppPackage      = "com.amazon.echo"
	OSVersion       = "18.5"
	SoftwareVersion = "35602678"
	SDKVersion      = "6.12.4"

	// UserAgent is that of the app: other agents are sent to pages for browsers.
	UserAgent = "AmazonWebView/AmazonAlexa/" + AppVersion + "/iOS/" + OSVersion + "/" + DeviceModel
)

const (
	// maxBody bounds a response, in bytes. A thousand monitors make 3 MB.
	maxBody = 16 << 20
	// maxValues bounds the values in a response, counted in commas: three bytes on the
	// wire can take a hundred in memory. A thousand monitors have 94,000.
	maxValues = 1 << 19
)

// Exchanger sends requests and reads their responses. Its errors are classified and
// hold no secret.
type Exchanger struct {
	timeout   time.Duration
	redact    func(string) string
	template  *http.Transport
	transport atomic.Pointer[http.Transport]
}

// NewExchanger returns an exchanger that dials as template does; nil means directly or
// by the proxy of the environment. An exchange may take as long as timeout, or its
// context's deadline if that is 0.
func NewExchanger(template *http.Transport, timeout time.Duration, redact func(string) string) *Exchanger {
	e := &Exchanger{timeout: timeout, redact: redact, template: template}
	e.transport.Store(NewTransport(template))
	return e
}

// Close leaves all connections, so that the next request dials again. Those that still
// serve a request are closed when they have been idle for a while.
//
// An http.Transport would keep an HTTP/2 connection on which a request has just timed
// out and use it for as long as the kernel believes in it: a quarter of an hour where
// a router has forgotten it.
func (e *Exchanger) Close() {
	e.transport.Swap(NewTransport(e.template)).CloseIdleConnections()
}

// JSONType is the content type of JSON.
const JSONType = "application/json; charset=utf-8"

// Request is one request.
type Request struct {
	Method, URL string
	Header      http.Header
	ContentType string // of Body; empty without one
	Body        []byte
}

// Send sends a request as the Alexa app does and reads the response. It follows no
// redirect: Alexa has none but the one to the sign-in page, and cookies must not
// follow it. If accept returns an error for the status and the headers, the body is
// not read.
func (e *Exchanger) Send(ctx context.Context, r Request, accept func(*http.Response) error) (*http.Response, []byte, error) {
	if e.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, e.timeout)
		defer cancel()
	}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: refuse1xx()})
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return nil, nil, fmt.Errorf("making the request: %w", err)
	}
	for name, values := range r.Header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", UserAgent)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Language", "en-US") // keeps the texts of responses in one language
	if r.ContentType != "" {
		req.Header.Set("Content-Type", r.ContentType)
	}
	client := http.Client{
		Transport:     e.transport.Load(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		e.Close()
		return nil, nil, e.NetworkError(err)
	}
	defer resp.Body.Close()
	if err := accept(resp); err != nil {
		return resp, nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	oversized := ""
	switch {
	case err != nil:
		resp.Body.Close()
		e.Close()
		return resp, nil, e.NetworkError(fmt.Errorf("reading the response: %w", err))
	case len(body) > maxBody:
		oversized = fmt.Sprintf("the response is larger than %d MiB", maxBody>>20)
	case bytes.Count(body, []byte(",")) > maxValues:
		oversized = fmt.Sprintf("the response has more than %d values", maxValues)
	}
	if oversized != "" {
		return resp, nil, &collectors.PermanentError{Kind: "oversized", StatusCode: resp.StatusCode, Err: errors.New(oversized)}
	}
	return resp, body, nil
}

// max1xx bounds the informational responses to a request, as net/http does where
// they are not read.
const max1xx = 5

// refuse1xx ends a request that a retired endpoint answers with status 199: net/http
// would take it for informational and wait. It also ends one that gets informational
// responses without end.
func refuse1xx() func(int, textproto.MIMEHeader) error {
	n := 0
	return func(code int, _ textproto.MIMEHeader) error {
		if n++; code <= http.StatusEarlyHints && n <= max1xx {
			return nil
		}
		return &collectors.PermanentError{
			Kind: "http " + strconv.Itoa(code), StatusCode: code,
			Err: fmt.Errorf("the server answered %d", code),
		}
	}
}

// NetworkError classifies an error of an exchange and removes secrets from its text:
// net/http quotes responses that it can't parse.
func (e *Exchanger) NetworkError(err error) error {
	if request, ok := errors.AsType[*url.Error](err); ok {
		err = request.Err // the rest is the address, which the caller names already
	}
	if permanent, ok := errors.AsType[*collectors.PermanentError](err); ok {
		return permanent
	}
	if text := e.redact(err.Error()); text != err.Error() {
		err = &redactedError{text: text, err: err}
	}
	return collectors.FromNetwork(err)
}

// redactedError replaces the text of an error that held a secret.
type redactedError struct {
	text string
	err  error
}

func (e *redactedError) Error() string { return e.text }
func (e *redactedError) Unwrap() error { return e.err }

// NewTransport returns a transport for the few requests of a poll; see NewExchanger.
func NewTransport(template *http.Transport) *http.Transport {
	if template == nil {
		template = &http.Transport{
			DialContext: (&net.Dialer{Timeout: 30 * time.Second}).DialContext,
			Proxy:       http.ProxyFromEnvironment,
		}
	}
	transport := template.Clone()
	transport.ForceAttemptHTTP2 = true
	transport.TLSHandshakeTimeout = 10 * time.Second
	// By the next poll the server has closed the connections, and a request on a closed
	// one would cost a retry.
	transport.IdleConnTimeout = 30 * time.Second
	transport.MaxIdleConns = 2
	transport.MaxResponseHeaderBytes = 1 << 20 // a response may set two hundred cookies
	return transport
}

package amazon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"hueair2mqtt/collectors"
)

const (
	// maxBody bounds an answer, in bytes. A thousand monitors make 3 MB.
	maxBody = 16 << 20
	// maxValues bounds the values in an answer, counted in commas: three bytes on the
	// wire can take a hundred in memory. A thousand monitors have 94,000.
	maxValues = 1 << 19

	// userAgent is that of the Alexa app for iOS, whose interface this is: other
	// agents are sent to pages for browsers.
	userAgent = "AmazonWebView/AmazonAlexa/" + appVersion + "/iOS/" + osVersion + "/" + deviceModel

	// acceptLanguage keeps the texts of answers in one language.
	acceptLanguage = "en-US"
)

// newHTTPClient makes the client of one account. It follows no redirect: Alexa
// has none but the one to the sign-in page, and cookies must not follow it.
func newHTTPClient(dial func(context.Context, string, string) (net.Conn, error)) *http.Client {
	return &http.Client{
		Transport:     &connections{dial: dial, current: newTransport(dial)},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func newTransport(dial func(context.Context, string, string) (net.Conn, error)) *http.Transport {
	transport := &http.Transport{
		DialContext:         dial,
		ForceAttemptHTTP2:   true,
		TLSHandshakeTimeout: 10 * time.Second,
		// Connections serve the requests of one poll; by the next one, the server
		// has closed them, and a request on a closed one would cost a retry.
		IdleConnTimeout: 30 * time.Second,
		MaxIdleConns:    2,
		// An answer may set two hundred cookies.
		MaxResponseHeaderBytes: 1 << 20,
	}
	if dial == nil {
		transport.DialContext = (&net.Dialer{Timeout: 30 * time.Second}).DialContext
		transport.Proxy = http.ProxyFromEnvironment
	}
	return transport
}

// connections are those of one account, until CloseIdleConnections: what is asked
// after it dials anew.
//
// An http.Transport would keep an HTTP/2 connection on which a request has just
// timed out, and send all that follow over it, for as long as the kernel believes
// in it: a quarter of an hour where a router has forgotten it.
type connections struct {
	dial func(context.Context, string, string) (net.Conn, error)

	mu      sync.Mutex
	current *http.Transport
}

func (c *connections) RoundTrip(req *http.Request) (*http.Response, error) {
	c.mu.Lock()
	transport := c.current
	c.mu.Unlock()
	return transport.RoundTrip(req)
}

// CloseIdleConnections leaves all connections. Those that still serve a request
// are closed when they have been idle for IdleConnTimeout.
func (c *connections) CloseIdleConnections() {
	c.mu.Lock()
	old := c.current
	c.current = newTransport(c.dial)
	c.mu.Unlock()
	old.CloseIdleConnections()
}

// exchanger sends requests and reads their answers, with classified errors that
// hold no secret.
type exchanger struct {
	http    *http.Client
	timeout time.Duration
	redact  func(string) string
}

// exchange sends one request and reads its answer. The body is left unread where
// wanted, if not nil, finds an error in the status or the headers.
func (e *exchanger) exchange(req *http.Request, wanted func(*http.Response) error) (*http.Response, []byte, error) {
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{Got1xxResponse: refuse1xx()}))
	resp, err := e.http.Do(req)
	if err != nil {
		e.leave()
		return nil, nil, e.fromNetwork(err)
	}
	defer resp.Body.Close()
	if wanted != nil {
		if err := wanted(resp); err != nil {
			return resp, nil, err
		}
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		resp.Body.Close()
		e.leave()
		return resp, nil, e.fromNetwork(fmt.Errorf("reading the answer: %w", err))
	case len(body) > maxBody:
		return resp, nil, &collectors.PermanentError{
			Kind: "oversized", StatusCode: resp.StatusCode,
			Err: fmt.Errorf("the answer is larger than %d MiB", maxBody>>20),
		}
	case bytes.Count(body, []byte(",")) > maxValues:
		return resp, nil, &collectors.PermanentError{
			Kind: "oversized", StatusCode: resp.StatusCode,
			Err: fmt.Errorf("the answer has more than %d values", maxValues),
		}
	}
	return resp, body, nil
}

// leave makes the next request dial anew; see connections.
func (e *exchanger) leave() { e.http.CloseIdleConnections() }

// setAppHeaders makes a request look like one of the Alexa app.
func setAppHeaders(req *http.Request, contentType string) {
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Language", acceptLanguage)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
}

// post puts one question to the Alexa host; see ask.
func (c *Collector) post(ctx context.Context, retry *collectors.Retrier, path, what string, question any, parse func([]byte) error) error {
	content, err := json.Marshal(question)
	if err != nil {
		return fmt.Errorf("making the request (%s): %w", what, err)
	}
	return c.ask(ctx, retry, http.MethodPost, path, what, &payload{"application/json; charset=utf-8", content}, parse)
}

// ask sends one question to the Alexa host, as often as retry allows, and passes
// the answer's body to parse, whose error is the question's. what says in a log
// what is asked for. Where the session can be renewed, a refusal is answered with
// one renewal and one repeat; a second refusal is final.
func (c *Collector) ask(ctx context.Context, retry *collectors.Retrier, method, path, what string, question *payload, parse func([]byte) error) error {
	generation, err := c.askOnce(ctx, retry, method, path, what, question, parse)
	if collectors.ClassOf(err) != collectors.Authentication || !c.session.renewable(generation) {
		return err
	}
	if err := c.session.renew(ctx, retry, generation); err != nil {
		return err
	}
	_, err = c.askOnce(ctx, retry, method, path, what, question, parse)
	switch {
	case collectors.ClassOf(err) != collectors.Authentication:
		return err
	case !c.session.isAtHome() && !c.session.replaced():
		return noHome(errors.New(err.Error())) // without its class
	}
	return fmt.Errorf("even with cookies that Amazon has just renewed: %w", err)
}

// askOnce is ask without a renewal. It tells the generation of the cookies that
// the last try went with.
func (c *Collector) askOnce(ctx context.Context, retry *collectors.Retrier, method, path, what string, question *payload, parse func([]byte) error) (generation uint64, err error) {
	if err := c.gate.refusal(); err != nil {
		return 0, err
	}
	endpoint := fmt.Sprintf("%s %s%s (%s)", method, c.base(), path, what)
	defer func() { c.gate.note(err) }()
	err = retry.Do(ctx, endpoint, func(ctx context.Context) error {
		if c.timeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, c.timeout)
			defer cancel()
		}
		var (
			body []byte
			err  error
		)
		body, generation, err = c.exchangeOnce(ctx, method, path, question)
		switch {
		case err != nil:
		case isThrottlingMessage(body):
			err = throttled(http.StatusOK, 0, "it answered with a message that says so")
		default:
			err = parse(body)
		}
		if refused, ok := errors.AsType[*collectors.AuthenticationError](err); ok {
			refused.Remedy = c.session.remedy()
		}
		return err
	})
	return generation, err
}

// exchangeOnce sends one request and returns the body of a good answer.
func (c *Collector) exchangeOnce(ctx context.Context, method, path string, question *payload) (body []byte, generation uint64, err error) {
	var (
		content     io.Reader
		contentType string
	)
	if question != nil {
		content, contentType = bytes.NewReader(question.content), question.contentType
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base()+path, content)
	if err != nil {
		return nil, 0, fmt.Errorf("making the request: %w", err)
	}
	setAppHeaders(req, contentType)
	if path == entitiesPath {
		req.Header.Set("Routines-Version", routinesVersion)
	}
	generation = c.session.authorize(req)
	_, body, err = c.exchange(req, func(resp *http.Response) error {
		err := c.fromAnswer(resp)
		if collectors.ClassOf(err) != collectors.Authentication {
			// The answer that ends a session also empties its cookies, which may be
			// wanted again if it was a mistake.
			c.session.learn(resp, generation)
		}
		return err
	})
	return body, generation, err
}

// max1xx bounds the heralds of an answer, as net/http does by itself where nobody
// looks at them.
const max1xx = 5

// refuse1xx ends a request that a retired endpoint answers with status 199:
// net/http would take it for the herald of another answer and wait. It also ends one
// that is answered by heralds without end.
func refuse1xx() func(int, textproto.MIMEHeader) error {
	heralds := 0
	return func(code int, _ textproto.MIMEHeader) error {
		if heralds++; code <= http.StatusEarlyHints && heralds <= max1xx {
			return nil
		}
		return &collectors.PermanentError{
			Kind: "http " + strconv.Itoa(code), StatusCode: code,
			Err: fmt.Errorf("the server answered %d", code),
		}
	}
}

// fromNetwork gives a class to an error of the exchange, and takes out of its
// text what the request held: net/http quotes answers that it can't parse.
func (e *exchanger) fromNetwork(err error) error {
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err // the rest is the address, which the endpoint tells already
	}
	var permanent *collectors.PermanentError
	if errors.As(err, &permanent) {
		return permanent
	}
	if text := err.Error(); e.redact(text) != text {
		err = &redactedError{text: e.redact(text), err: err}
	}
	return collectors.FromNetwork(err)
}

// redactedError is an error whose text held a secret. It still is what it was
// for errors.Is and errors.As.
type redactedError struct {
	text string
	err  error
}

func (e *redactedError) Error() string { return e.text }
func (e *redactedError) Unwrap() error { return e.err }

// fromAnswer gives a class to an answer's status line and headers; nil is an
// answer whose body is worth reading.
func (c *Collector) fromAnswer(resp *http.Response) error {
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		return c.fromRedirect(resp)
	}
	if err := collectors.FromStatus(resp, time.Now()); err != nil {
		return asThrottled(resp, err)
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if kind == "text/html" || kind == "application/xhtml+xml" {
		code := fmt.Sprintf("HTTP %d %s", resp.StatusCode, kind)
		return &collectors.AuthenticationError{
			Code: code,
			Err:  fmt.Errorf("the server answered %s, a page for browsers: the session has ended", code),
		}
	}
	return nil
}

// fromRedirect tells the redirect to the sign-in page, which is how Amazon ends
// a session, from any other.
func (c *Collector) fromRedirect(resp *http.Response) error {
	status := strconv.Itoa(resp.StatusCode)
	to, err := resp.Location()
	if err != nil {
		return &collectors.PermanentError{
			Kind: "http " + status, StatusCode: resp.StatusCode,
			Err: fmt.Errorf("the server answered %s without an address to go to", status),
		}
	}
	// The query is left out: it holds the state of the sign-in.
	target := collectors.CleanText(c.session.redact(to.Host + to.Path))
	if strings.HasPrefix(to.Path, "/ap/") || strings.Contains(to.Path, "/ap/signin") {
		return &collectors.AuthenticationError{
			Code: "redirect to sign-in",
			Err:  fmt.Errorf("the server answered %s to the sign-in page (%s): the session has ended", status, target),
		}
	}
	return &collectors.PermanentError{
		Kind: "http " + status, StatusCode: resp.StatusCode,
		Err: fmt.Errorf("the server answered %s to %s, which is not followed", status, target),
	}
}

// answered says whether err is an answer that came and is an error, other than
// of authentication or throttling: then the host is there, and another way may work.
// Time-outs and refused connections are no answers.
func answered(err error) bool {
	if collectors.ClassOf(err) == collectors.Authentication || collectors.AsThrottled(err) != nil {
		return false
	}
	var (
		renewal   *renewalError
		permanent *collectors.PermanentError
		transient *collectors.TransientError
	)
	switch {
	case errors.As(err, &renewal):
		return false
	case errors.As(err, &permanent):
		return permanent.StatusCode != 0
	case errors.As(err, &transient):
		return transient.StatusCode != 0
	}
	return false
}

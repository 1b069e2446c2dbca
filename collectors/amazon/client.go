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
	"time"

	"hueair2mqtt/collectors"
)

const (
	// maxBody bounds an answer, in bytes. A thousand monitors make 2 MB.
	maxBody = 16 << 20

	// userAgent is that of the Alexa app for iOS, whose interface this is: other
	// agents are sent to pages for browsers.
	userAgent = "AmazonWebView/AmazonAlexa/2.2.663733.0/iOS/18.5/iPhone"

	// acceptLanguage keeps the texts of answers in one language.
	acceptLanguage = "en-US"
)

// newHTTPClient makes the client of one account. It follows no redirect: Alexa
// has none but the one to the sign-in page, and cookies must not follow it.
func newHTTPClient(dial func(context.Context, string, string) (net.Conn, error)) *http.Client {
	transport := &http.Transport{
		DialContext:         dial,
		ForceAttemptHTTP2:   true,
		TLSHandshakeTimeout: 10 * time.Second,
		// Connections serve the requests of one poll; by the next one, the server
		// has closed them, and a request on a closed one would cost a retry.
		IdleConnTimeout: 30 * time.Second,
		MaxIdleConns:    2,
	}
	if dial == nil {
		transport.DialContext = (&net.Dialer{Timeout: 30 * time.Second}).DialContext
		transport.Proxy = http.ProxyFromEnvironment
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// post sends one question, as often as retry allows, and passes the answer's
// body to parse, whose error is the question's. what says in a log what is
// asked for.
func (c *Collector) post(ctx context.Context, retry *collectors.Retrier, path, what string, question any, parse func([]byte) error) error {
	payload, err := json.Marshal(question)
	if err != nil {
		return fmt.Errorf("making the request (%s): %w", what, err)
	}
	endpoint := fmt.Sprintf("%s %s%s (%s)", http.MethodPost, c.base, path, what)
	return retry.Do(ctx, endpoint, func(ctx context.Context) error {
		if c.timeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, c.timeout)
			defer cancel()
		}
		body, err := c.exchange(ctx, path, payload)
		if err == nil {
			err = parse(body)
		}
		var authentication *collectors.AuthenticationError
		if errors.As(err, &authentication) {
			authentication.Remedy = c.session.remedy()
		}
		return err
	})
}

// exchange sends one request and returns the body of a good answer.
func (c *Collector) exchange(ctx context.Context, path string, payload []byte) ([]byte, error) {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: refuse199})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(payload))
	if err != nil {
		return nil, fmt.Errorf("making the request: %w", err)
	}
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Language", acceptLanguage)
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	c.session.authorize(req)

	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.fromNetwork(err)
	}
	defer resp.Body.Close()
	err = c.fromAnswer(resp)
	if err == nil || collectors.ClassOf(err) != collectors.Authentication {
		// The answer that ends a session also empties its cookies, which may be
		// wanted again if it was a mistake.
		c.session.learn(resp)
	}
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, c.fromNetwork(fmt.Errorf("reading the answer: %w", err))
	case len(body) > maxBody:
		return nil, &collectors.PermanentError{
			Kind: "oversized", StatusCode: resp.StatusCode,
			Err: fmt.Errorf("the answer is larger than %d MiB", maxBody>>20),
		}
	}
	return body, nil
}

// refuse199 ends a request that a retired endpoint answers with status 199:
// net/http would take it for the herald of another answer and wait.
func refuse199(code int, _ textproto.MIMEHeader) error {
	if code <= http.StatusEarlyHints {
		return nil
	}
	return &collectors.PermanentError{
		Kind: "http " + strconv.Itoa(code), StatusCode: code,
		Err: fmt.Errorf("the server answered %d", code),
	}
}

// fromNetwork gives a class to an error of the exchange, and takes out of its
// text what the request held: net/http quotes answers that it can't parse.
func (c *Collector) fromNetwork(err error) error {
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err // the rest is the address, which the endpoint tells already
	}
	var permanent *collectors.PermanentError
	if errors.As(err, &permanent) {
		return permanent
	}
	if text := err.Error(); c.session.redact(text) != text {
		err = &redactedError{text: c.session.redact(text), err: err}
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
		return err
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
// of authentication: then the host is there, and another way may work. Time-outs
// and refused connections are no answers.
func answered(err error) bool {
	if collectors.ClassOf(err) == collectors.Authentication {
		return false
	}
	var (
		permanent *collectors.PermanentError
		transient *collectors.TransientError
	)
	switch {
	case errors.As(err, &permanent):
		return permanent.StatusCode != 0
	case errors.As(err, &transient):
		return transient.StatusCode != 0
	}
	return false
}

package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/wire"
)

// Question is one request to the Alexa host.
type Question struct {
	Path    string
	Purpose string // for people: "listing the monitors"
	Header  http.Header
	Body    any // sent as JSON with POST; nil sends a GET
}

// Ask sends a question as often as retry allows and passes the body of the response to
// parse, whose error becomes the question's. If the session can be renewed, a refusal
// is followed by one renewal and one repeat; a second refusal is final.
func (a *Account) Ask(ctx context.Context, retry *collectors.Retrier, q Question, parse func(body []byte) error) error {
	err := a.askOnce(ctx, retry, q, parse)
	if collectors.ClassOf(err) != collectors.Authentication || !a.session.renewable() {
		return err
	}
	if err := a.session.renew(ctx, retry); err != nil {
		return err
	}
	err = a.askOnce(ctx, retry, q, parse)
	switch {
	case collectors.ClassOf(err) != collectors.Authentication:
		return err
	case !a.session.isAtHome() && !a.session.fresh:
		return noHome(errors.New(err.Error())) // without its class
	}
	return fmt.Errorf("even with cookies that Amazon has just renewed: %w", err)
}

// askOnce is Ask without a renewal.
func (a *Account) askOnce(ctx context.Context, retry *collectors.Retrier, q Question, parse func(body []byte) error) error {
	base := a.alexa
	if base == "" {
		base = "https://alexa." + a.session.marketplace()
	}
	request := wire.Request{Method: http.MethodGet, URL: base + q.Path}
	if q.Body != nil {
		content, err := json.Marshal(q.Body)
		if err != nil {
			return fmt.Errorf("making the request (%s): %w", q.Purpose, err)
		}
		request.Method, request.ContentType, request.Body = http.MethodPost, wire.JSONType, content
	}
	return retry.Do(ctx, fmt.Sprintf("%s %s (%s)", request.Method, request.URL, q.Purpose), func(ctx context.Context) error {
		request.Header = http.Header{}
		for name, values := range q.Header {
			request.Header[name] = values
		}
		a.session.jar.authorize(request.Header)
		_, body, err := a.http.Send(ctx, request, func(resp *http.Response) error {
			err := a.refusal(resp)
			if collectors.ClassOf(err) != collectors.Authentication {
				// The response that ends a session also empties its cookies, which may be
				// wanted again if it was a mistake.
				a.session.jar.learn(resp)
			}
			return err
		})
		switch {
		case err != nil:
		case wire.IsThrottling(body):
			err = wire.Throttled(http.StatusOK, 0, "it answered with a message that says so")
		default:
			err = parse(body)
		}
		if refused, ok := errors.AsType[*collectors.AuthenticationError](err); ok {
			refused.Remedy = a.session.remedy()
		}
		return err
	})
}

// refusal returns the error for a status and headers of the Alexa host, or nil if the
// body is worth reading.
func (a *Account) refusal(resp *http.Response) error {
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		return a.redirect(resp)
	}
	if err := wire.StatusError(resp); err != nil {
		return err
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if kind == "text/html" || kind == "application/xhtml+xml" {
		code := fmt.Sprintf("HTTP %d %s", resp.StatusCode, kind)
		return &collectors.AuthenticationError{
			Code: code,
			Err:  fmt.Errorf("the server answered %s, a page for browsers: the session has expired", code),
		}
	}
	return nil
}

// redirect returns the error for a redirect. To the sign-in page is how Amazon ends a
// session.
func (a *Account) redirect(resp *http.Response) error {
	permanent := func(reason string) error {
		return &collectors.PermanentError{
			Kind: "http " + strconv.Itoa(resp.StatusCode), StatusCode: resp.StatusCode,
			Err: fmt.Errorf("the server answered %d %s", resp.StatusCode, reason),
		}
	}
	to, err := resp.Location()
	if err != nil {
		return permanent("without an address to go to")
	}
	// The query is left out: it holds the state of the sign-in.
	target := collectors.CleanText(a.session.redact(to.Host + to.Path))
	if strings.HasPrefix(to.Path, "/ap/") || strings.Contains(to.Path, "/ap/signin") {
		return &collectors.AuthenticationError{
			Code: "redirect to sign-in",
			Err:  fmt.Errorf("the server answered %d to the sign-in page (%s): the session has expired", resp.StatusCode, target),
		}
	}
	return permanent("to " + target + ", which is not followed")
}

// Answered reports whether err is a response of the Alexa host that is neither a refusal
// nor throttling: the host is there, and another way to ask may work. Time-outs and
// refused connections are no responses, and a failed renewal would fail again.
func Answered(err error) bool {
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

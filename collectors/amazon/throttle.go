package amazon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"hueair2mqtt/collectors"
)

const (
	// maxRefusal bounds what is read of the body of a refusal, in bytes. Throttling
	// takes about 300.
	maxRefusal = 4 << 10

	// silence is how long nothing is asked after a throttled answer, which ends the
	// poll, whatever is still to be asked in it.
	silence = time.Minute
)

var (
	// throttlingCode matches UNOFFICIAL_CLIENT_TOO_MANY_REQUESTS of GraphQL, and
	// ThrottlingException of the older interfaces.
	throttlingCode = regexp.MustCompile(`(?i)too_?many_?requests|throttl|rate_?exceeded`)

	// throttlingMessage matches the answers without a code: "Too many requests. Try
	// again in some time." and "Rate exceeded".
	throttlingMessage = regexp.MustCompile(`(?i)^(too many requests?|rate exceeded|throttl)`)

	// throttlingText matches a body that is no JSON object. alexapy and alexa-remote2
	// search bodies for the same words.
	throttlingText = regexp.MustCompile(`(?i)too many requests?|rate exceeded|throttlingexception`)
)

// throttled is the error of an answer that asks for fewer requests.
func throttled(status int, retryAfter time.Duration, what string) error {
	return &collectors.TransientError{
		Kind: collectors.KindThrottled, StatusCode: status, RetryAfter: retryAfter, Throttled: true,
		Err: fmt.Errorf("throttled, as Amazon asks for fewer requests: %s", what),
	}
}

// asThrottled returns the throttling that an unsuccessful answer tells of, and err
// if it tells of none. It may read the body.
func asThrottled(resp *http.Response, err error) error {
	status := resp.StatusCode
	var retryAfter time.Duration
	if transient, ok := errors.AsType[*collectors.TransientError](err); ok {
		retryAfter = transient.RetryAfter
	}
	switch {
	case status == http.StatusTooManyRequests, throttlingCode.MatchString(resp.Header.Get("X-Amzn-Errortype")):
		return throttled(status, retryAfter, fmt.Sprintf("the server answered %d", status))
	case status < 400:
		return err
	}
	body, readErr := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
	if readErr == nil && isThrottlingMessage(body) {
		return throttled(status, retryAfter, fmt.Sprintf("the server answered %d with a message that says so", status))
	}
	return err
}

// isThrottlingMessage reports whether a body is nothing but the refusal of a throttled
// request: the message of /api/phoenix/state, a code, errors of GraphQL with one, or
// plain text. Errors of GraphQL beside data are found by graphQLList.
func isThrottlingMessage(body []byte) bool {
	if body = bytes.TrimSpace(body); len(body) > maxRefusal {
		return false
	}
	if batch, err := list(body); err == nil && len(batch) == 1 {
		body = batch[0]
	}
	var answer struct {
		Message, Type, Code, Errors json.RawMessage
		ServiceType                 json.RawMessage `json:"__type"`
	}
	if object(body, &answer) != nil {
		return throttlingText.Match(body)
	}
	for _, failure := range graphQLErrors(answer.Errors) {
		if throttlingCode.MatchString(failure.codes()) {
			return true
		}
	}
	for _, field := range []json.RawMessage{answer.ServiceType, answer.Type, answer.Code} {
		if code, err := text(field); err == nil && throttlingCode.MatchString(code) {
			return true
		}
	}
	message, err := text(answer.Message)
	return err == nil && throttlingMessage.MatchString(strings.TrimSpace(message))
}

// gate keeps the rest of a poll from asking once an answer was throttled. It may be
// used from many goroutines; the zero gate is open.
type gate struct {
	mu  sync.Mutex
	err error
	at  time.Time
}

// open lets requests pass again.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.err = nil
}

// refusal returns the throttling that forbids a request now, or nil.
func (g *gate) refusal() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil && time.Since(g.at) >= silence {
		g.err = nil
	}
	return g.err
}

// note closes the gate if err is throttling.
func (g *gate) note(err error) {
	if collectors.AsThrottled(err) == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.err, g.at = err, time.Now()
}

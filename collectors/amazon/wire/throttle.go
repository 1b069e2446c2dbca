package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"hueair2mqtt/collectors"
)

// maxRefusal bounds what is read of the body of a refusal, in bytes. Throttling
// takes about 300.
const maxRefusal = 4 << 10

var (
	// throttlingCode matches UNOFFICIAL_CLIENT_TOO_MANY_REQUESTS of GraphQL, and
	// ThrottlingException of the older interfaces.
	throttlingCode = regexp.MustCompile(`(?i)too_?many_?requests|throttl|rate_?exceeded`)

	// throttlingMessage matches the responses without a code: "Too many requests. Try
	// again in some time." and "Rate exceeded".
	throttlingMessage = regexp.MustCompile(`(?i)^(too many requests?|rate exceeded|throttl)`)

	// throttlingText matches a body that is no JSON object. alexapy and alexa-remote2
	// search bodies for the same words.
	throttlingText = regexp.MustCompile(`(?i)too many requests?|rate exceeded|throttlingexception`)
)

// IsThrottlingCode reports whether an error code means that the client is throttled.
func IsThrottlingCode(code string) bool { return throttlingCode.MatchString(code) }

// Throttled returns the error for a response that asks for fewer requests. describe
// names the response.
func Throttled(status int, retryAfter time.Duration, describe string) error {
	return &collectors.TransientError{
		Kind: collectors.KindThrottled, StatusCode: status, RetryAfter: retryAfter, Throttled: true,
		Err: fmt.Errorf("throttled, as Amazon asks for fewer requests: %s", describe),
	}
}

// RetryAfter returns the pause that an error of collectors.FromStatus asks for.
func RetryAfter(err error) time.Duration {
	if transient, ok := errors.AsType[*collectors.TransientError](err); ok {
		return transient.RetryAfter
	}
	return 0
}

// StatusError returns the error for the status of a response, or nil for a success.
// It finds throttling in the status, the headers and the body, which it may read.
func StatusError(resp *http.Response) error {
	err := collectors.FromStatus(resp, time.Now())
	if err == nil {
		return nil
	}
	status := resp.StatusCode
	switch {
	case status == http.StatusTooManyRequests, IsThrottlingCode(resp.Header.Get("X-Amzn-Errortype")):
		return Throttled(status, RetryAfter(err), fmt.Sprintf("the server answered %d", status))
	case status < 400:
		return err
	}
	body, readErr := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
	if readErr == nil && IsThrottling(body) {
		return Throttled(status, RetryAfter(err), fmt.Sprintf("the server answered %d with a message that says so", status))
	}
	return err
}

// IsThrottling reports whether a body is nothing but the refusal of a throttled
// request: the message of /api/phoenix/state, a code, GraphQL errors with one, or plain
// text. It does not look for GraphQL errors beside much data.
func IsThrottling(body []byte) bool {
	if body = bytes.TrimSpace(body); len(body) > maxRefusal {
		return false
	}
	if batch, err := List(body); err == nil && len(batch) == 1 {
		body = batch[0]
	}
	var fields struct {
		Message, Type, Code, Errors json.RawMessage
		ServiceType                 json.RawMessage `json:"__type"`
	}
	if Object(body, &fields) != nil {
		return throttlingText.Match(body)
	}
	for _, e := range GraphQLErrors(fields.Errors) {
		if IsThrottlingCode(e.Code()) {
			return true
		}
	}
	for _, field := range []json.RawMessage{fields.ServiceType, fields.Type, fields.Code} {
		if IsThrottlingCode(FirstText(field)) {
			return true
		}
	}
	return throttlingMessage.MatchString(strings.TrimSpace(FirstText(fields.Message)))
}

package tokenhost

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/wire"
)

// failure is an error as the token host sends it.
type failure struct{ code, message string }

// parseFailure finds the error in a response, in any of the forms of the token host:
// {"response": {"error": {"code", "message"}}}, {"error": {"code"}}, or OAuth's
// {"error": "invalid_grant", "error_description": "..."} (RFC 6749, 5.2). Without an
// error the code is empty.
func parseFailure(body []byte) failure {
	var outer struct {
		Response, Error, Message json.RawMessage
		Description              json.RawMessage `json:"error_description"`
	}
	if wire.Object(body, &outer) != nil {
		return failure{}
	}
	var response struct{ Error, Challenge json.RawMessage }
	if wire.Object(outer.Response, &response) == nil && !wire.IsNull(response.Error) {
		outer.Error = response.Error
	}
	if wire.IsNull(outer.Error) {
		if wire.IsNull(response.Challenge) {
			return failure{}
		}
		// Amazon wants the user to prove something before it registers a device.
		reason, err := wire.TextAt(response.Challenge, "challenge_reason")
		if err != nil || reason == "" {
			reason = "challenge"
		}
		return failure{code: reason}
	}
	var e failure
	var inner struct{ Code, Message json.RawMessage }
	if wire.Object(outer.Error, &inner) == nil {
		e = failure{wire.FirstText(inner.Code), wire.FirstText(inner.Message)}
	} else {
		e = failure{wire.FirstText(outer.Error), wire.FirstText(outer.Description, outer.Message)}
	}
	if e.code == "" {
		e.code = "error"
	}
	return e
}

// refusedCodes are those with which the token host ends a registration. Amazon writes
// them in several ways; case and separators don't count.
var refusedCodes = []string{
	"invalidgrant", "invalidtoken", "unauthorizedclient", "unauthenticated", "unauthorized", "accessdenied", "forbidden",
}

func (f failure) isRefusal() bool {
	code := strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(f.code))
	return slices.Contains(refusedCodes, code)
}

// refusal classifies a response that is no success. retail is that of Host.
func refusal(resp *http.Response, body []byte, retail bool, redact func(string) string) error {
	var (
		e       = parseFailure(body)
		clean   = func(s string) string { return collectors.CleanText(redact(s)) }
		status  = "HTTP " + strconv.Itoa(resp.StatusCode)
		err     = collectors.FromStatus(resp, time.Now())
		details = clean(strings.TrimSpace(e.code + " " + e.message))
	)
	if details != "" {
		details = ": " + details
	}
	if resp.StatusCode == http.StatusTooManyRequests || wire.IsThrottlingCode(e.code) || wire.IsThrottling(body) {
		return wire.Throttled(resp.StatusCode, wire.RetryAfter(err), "the token host answered "+status+details)
	}
	noEntry := resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden
	mayRefuse := noEntry || resp.StatusCode == http.StatusBadRequest || resp.StatusCode == http.StatusOK
	if (noEntry && !retail) || (mayRefuse && e.isRefusal()) {
		code := status
		if e.code != "" && e.code != "error" {
			code += " " + clean(e.code)
		}
		return &collectors.AuthenticationError{
			Code: code, Err: fmt.Errorf("the token host refused the request (%s)%s", status, details),
		}
	}
	permanent := &collectors.PermanentError{Kind: "http " + strconv.Itoa(resp.StatusCode), StatusCode: resp.StatusCode}
	switch {
	case resp.StatusCode == http.StatusOK:
		permanent.Kind, permanent.Err = "malformed", fmt.Errorf("the server answered 200 with an error%s", details)
	case noEntry:
		permanent.Err = fmt.Errorf("the server answered %s%s", status, details)
	case collectors.ClassOf(err) == collectors.Permanent:
		permanent.Err = fmt.Errorf("%w%s", err, details)
	default:
		return err
	}
	return permanent
}

package amazontest

import (
	"fmt"
	"net/http"
	"time"
)

// Throttling is a form in which the Alexa host asks for fewer requests.
type Throttling int

// The forms of throttling.
const (
	NotThrottled Throttling = iota
	// ThrottledByCode is the answer of the path that was asked: an error code of
	// GraphQL with status 200, and a message with status 200 of every other path.
	ThrottledByCode
	// ThrottledByStatus is status 429 without Retry-After, with an empty body.
	ThrottledByStatus
	// ThrottledByBadRequest is status 400 with a message, of every path but GraphQL's.
	ThrottledByBadRequest
)

// Patience is how long a client has to wait at least after it was throttled.
const Patience = 15 * time.Minute

// throttle is the state of throttling.
type throttle struct {
	form      Throttling
	last      time.Time // of the last throttled answer
	answers   int
	impatient []string
}

// answer counts a request and returns the answer if it is throttled, else nil.
func (t *throttle) answer(r *http.Request) http.HandlerFunc {
	if since := time.Since(t.last); !t.last.IsZero() && since < Patience {
		t.impatient = append(t.impatient, fmt.Sprintf("%s %s after %s", r.Method, r.URL.Path, since))
		return Status(http.StatusTeapot, nil, "")
	}
	if t.form == NotThrottled {
		return nil
	}
	t.last = time.Now()
	t.answers++
	const message = `{"message":"Too many requests. Try again in some time."}`
	switch {
	case t.form == ThrottledByStatus:
		return Status(http.StatusTooManyRequests, nil, "")
	case r.URL.Path == GraphQLPath:
		return Body("application/json", `{"errors":[{"message":"Too many requests","path":["listEndpoints"],"extensions":`+
			`{"errorCode":"UNOFFICIAL_CLIENT_TOO_MANY_REQUESTS","isRetryable":false,"classification":"DataFetchingException"}}],`+
			`"data":{"listEndpoints":null},"extensions":{"requestID":"ABCDEFGHJK0123456789","duration":13}}`)
	case t.form == ThrottledByBadRequest:
		return Status(http.StatusBadRequest, http.Header{"Content-Type": {"application/json"}}, message)
	}
	return Body("application/json", message)
}

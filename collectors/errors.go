package collectors

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Class says what is to be done about an error.
type Class int

const (
	// Permanent errors are not tried again within a poll: an answer that can't be
	// parsed, a bad setting, an unknown resource.
	Permanent Class = iota
	// Transient errors go away by themselves: time-outs, refused connections, 5xx.
	Transient
	// Authentication errors need the user: a revoked sign-in, a deleted key.
	Authentication
)

// String gives the class's name as the documentation writes it.
func (c Class) String() string {
	switch c {
	case Transient:
		return "transient"
	case Authentication:
		return "authentication"
	default:
		return "permanent"
	}
}

// TransientError is a failure that is expected to go away.
type TransientError struct {
	// Kind is a short word for logs: "timeout", "refused", "http 503".
	Kind string
	// StatusCode is the HTTP status of the answer; 0 when none came.
	StatusCode int
	// RetryAfter is what the server asked to wait; 0 when it said nothing.
	RetryAfter time.Duration
	// Throttled reports that the server asks for fewer requests. The request is not
	// repeated within the poll unless RetryAfter says when, and the source is left
	// alone for a while after the poll.
	Throttled bool
	Err       error
}

// KindThrottled is the kind of a TransientError that is Throttled.
const KindThrottled = "throttled"

// AsThrottled finds the throttling in err; nil means that there is none.
func AsThrottled(err error) *TransientError {
	if transient, ok := errors.AsType[*TransientError](err); ok && transient.Throttled {
		return transient
	}
	return nil
}

func (e *TransientError) Error() string { return e.Err.Error() }
func (e *TransientError) Unwrap() error { return e.Err }

// AuthenticationError is a refusal that only the user can mend.
type AuthenticationError struct {
	// Code is the status or error code that the alert file shows: "HTTP 401",
	// "Hue error 1".
	Code string
	// Remedy tells the user in imperative words what to do.
	Remedy string
	Err    error
}

func (e *AuthenticationError) Error() string { return e.Err.Error() }
func (e *AuthenticationError) Unwrap() error { return e.Err }

// PermanentError is a failure that trying again would not change.
type PermanentError struct {
	// Kind is a short word for logs: "malformed", "http 404".
	Kind string
	// StatusCode is the HTTP status of the answer; 0 when none came.
	StatusCode int
	Err        error
}

func (e *PermanentError) Error() string { return e.Err.Error() }
func (e *PermanentError) Unwrap() error { return e.Err }

// RemedyError is a failure with what the user can do about it.
type RemedyError struct {
	// Remedy tells the user in imperative words what to do.
	Remedy string
	Err    error
}

func (e *RemedyError) Error() string { return e.Err.Error() + "; " + e.Remedy }
func (e *RemedyError) Unwrap() error { return e.Err }

// RemedyOf tells what is wrong and what the user can do about it, one without the
// other. The remedy is empty if the error knows none.
func RemedyOf(err error) (reason, remedy string) {
	reason = err.Error()
	var (
		refused  *AuthenticationError
		remedied *RemedyError
	)
	switch {
	case errors.As(err, &remedied):
		remedy = remedied.Remedy
		reason = strings.TrimSuffix(reason, "; "+remedy)
	case errors.As(err, &refused):
		remedy = refused.Remedy
	}
	return reason, remedy
}

// CertificateRemedy tells what to do about a certificate of who answered that is
// refused because of the time. It is empty for any other error.
func CertificateRemedy(err error, now time.Time, who string) string {
	var invalid x509.CertificateInvalidError
	if !errors.As(err, &invalid) || invalid.Reason != x509.Expired || invalid.Cert == nil {
		return ""
	}
	clock := "the clock of this machine says " + now.Format(time.DateOnly)
	if now.Before(invalid.Cert.NotBefore) {
		return fmt.Sprintf("set the clock: %s, and the certificate begins %s", clock, invalid.Cert.NotBefore.Format(time.DateOnly))
	}
	return fmt.Sprintf("renew the certificate of %s, which ended %s; or set the clock, if that is wrong: %s",
		who, invalid.Cert.NotAfter.Format(time.DateOnly), clock)
}

// ClassOf finds the class of an error. An error without one counts by what it
// is: whatever a network does is transient, the rest permanent.
func ClassOf(err error) Class {
	var (
		transient      *TransientError
		authentication *AuthenticationError
		permanent      *PermanentError
	)
	switch {
	case errors.As(err, &authentication):
		return Authentication
	case errors.As(err, &permanent):
		return Permanent
	case errors.As(err, &transient):
		return Transient
	case networkKind(err) != "":
		return Transient
	default:
		return Permanent
	}
}

// KindOf gives the short word for an error that logs and bridge/info show.
func KindOf(err error) string {
	var (
		transient      *TransientError
		authentication *AuthenticationError
		permanent      *PermanentError
	)
	switch {
	case errors.As(err, &authentication):
		return "authentication"
	case errors.As(err, &permanent):
		return permanent.Kind
	case errors.As(err, &transient):
		return transient.Kind
	}
	if kind := networkKind(err); kind != "" {
		return kind
	}
	return "permanent"
}

// FromNetwork gives a class to an error of dialing, sending or reading. A nil
// error and a cancelled context stay what they are. The text of err is kept, so
// it must hold no secret.
func FromNetwork(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	if isCertificateError(err) {
		return &PermanentError{Kind: "certificate", Err: err}
	}
	if kind := networkKind(err); kind != "" {
		return &TransientError{Kind: kind, Err: err}
	}
	return &PermanentError{Kind: "permanent", Err: err}
}

func isCertificateError(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		hostname     x509.HostnameError
		invalid      x509.CertificateInvalidError
	)
	return errors.As(err, &verification) || errors.As(err, &authority) ||
		errors.As(err, &hostname) || errors.As(err, &invalid)
}

// networkKind names a failure of the network, or returns "" for anything else.
func networkKind(err error) string {
	var (
		dns       *net.DNSError
		operation *net.OpError
		timeout   interface{ Timeout() bool }
	)
	switch {
	case err == nil:
		return ""
	case errors.As(err, &dns):
		return "dns"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH),
		errors.Is(err, syscall.EHOSTDOWN), errors.Is(err, syscall.ENETDOWN):
		return "unreachable"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "truncated"
	case errors.As(err, &operation):
		return "network"
	// net/http has no type or value for these two.
	case strings.Contains(err.Error(), "server closed idle connection"),
		strings.Contains(err.Error(), "malformed HTTP"),
		strings.Contains(err.Error(), "transport connection broken"):
		return "truncated"
	}
	return ""
}

// FromStatus gives a class to an HTTP status that is no success, and nil to one
// that is (200 to 298; Alexa says 299 for an endpoint that is going away). An
// authentication error still lacks its Remedy, which only the collector knows.
// now is what a Retry-After date is measured against.
func FromStatus(resp *http.Response, now time.Time) error {
	code := resp.StatusCode
	err := fmt.Errorf("the server answered %s", strings.TrimSpace(strconv.Itoa(code)+" "+http.StatusText(code)))
	kind := "http " + strconv.Itoa(code)
	switch {
	case code >= 200 && code <= 298:
		return nil
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return &AuthenticationError{Code: "HTTP " + strconv.Itoa(code), Err: err}
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly,
		code == http.StatusTooManyRequests, code >= 500:
		return &TransientError{
			Kind: kind, StatusCode: code, Err: err,
			RetryAfter: parseRetryAfter(resp.Header.Get("Retry-After"), now),
		}
	default:
		return &PermanentError{Kind: kind, StatusCode: code, Err: err}
	}
}

// parseRetryAfter reads seconds or an HTTP date (RFC 9110, 10.2.3); what it
// can't read, and what lies in the past, is no wish at all.
func parseRetryAfter(s string, now time.Time) time.Duration {
	s = strings.TrimSpace(s)
	if seconds, err := strconv.ParseUint(s, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(s); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}

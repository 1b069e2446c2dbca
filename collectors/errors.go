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

// Class decides what the program does about an error.
type Class int

const (
	// Permanent errors are not retried within a poll: a response that cannot be parsed,
	// a bad setting, an unknown resource.
	Permanent Class = iota
	// Transient errors go away by themselves: timeouts, refused connections, 5xx.
	Transient
	// Authentication errors need the user: a revoked sign-in, a deleted key.
	Authentication
)

// String returns the class's name as in the documentation.
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

// TransientError is a failure that should go away by itself.
type TransientError struct {
	// Kind is a short word for logs: "timeout", "refused", "http 503".
	Kind string
	// StatusCode is the HTTP status of the response, or 0.
	StatusCode int
	// RetryAfter is the delay that the server asks for, or 0.
	RetryAfter time.Duration
	// Throttled means that the server asks for fewer requests. The request is retried
	// only after RetryAfter, and the source is paused after the poll.
	Throttled bool
	Err       error
}

// KindThrottled is the kind of a TransientError that is Throttled.
const KindThrottled = "throttled"

// AsThrottled returns the throttled error in err, or nil.
func AsThrottled(err error) *TransientError {
	if transient, ok := errors.AsType[*TransientError](err); ok && transient.Throttled {
		return transient
	}
	return nil
}

func (e *TransientError) Error() string { return e.Err.Error() }
func (e *TransientError) Unwrap() error { return e.Err }

// AuthenticationError is a refusal that only the user can fix.
type AuthenticationError struct {
	// Code is the status or error code in the alert file: "HTTP 401", "Hue error 1".
	Code string
	// Remedy is what the user should do, in the imperative.
	Remedy string
	Err    error
}

func (e *AuthenticationError) Error() string { return e.Err.Error() }
func (e *AuthenticationError) Unwrap() error { return e.Err }

// PermanentError is a failure that a retry would not change.
type PermanentError struct {
	// Kind is a short word for logs: "malformed", "http 404".
	Kind string
	// StatusCode is the HTTP status of the response, or 0.
	StatusCode int
	Err        error
}

func (e *PermanentError) Error() string { return e.Err.Error() }
func (e *PermanentError) Unwrap() error { return e.Err }

// RemedyError is a failure with a remedy.
type RemedyError struct {
	// Remedy is what the user should do, in the imperative.
	Remedy string
	Err    error
}

func (e *RemedyError) Error() string { return e.Err.Error() + "; " + e.Remedy }
func (e *RemedyError) Unwrap() error { return e.Err }

// RemedyOf returns the reason of an error without its remedy, and the remedy, which
// may be empty.
func RemedyOf(err error) (reason, remedy string) {
	reason = err.Error()
	if remedied, ok := errors.AsType[*RemedyError](err); ok {
		return strings.TrimSuffix(reason, "; "+remedied.Remedy), remedied.Remedy
	}
	if refused, ok := errors.AsType[*AuthenticationError](err); ok {
		remedy = refused.Remedy
	}
	return reason, remedy
}

// CertificateRemedy returns what to do about who's certificate that is expired or not
// yet valid. It is empty for any other error.
func CertificateRemedy(err error, now time.Time, who string) string {
	var invalid x509.CertificateInvalidError
	if !errors.As(err, &invalid) || invalid.Reason != x509.Expired || invalid.Cert == nil {
		return ""
	}
	clock := "the clock of this machine says " + now.Format(time.DateOnly)
	if now.Before(invalid.Cert.NotBefore) {
		return fmt.Sprintf("set the clock: %s, and the certificate is valid from %s", clock, invalid.Cert.NotBefore.Format(time.DateOnly))
	}
	return fmt.Sprintf("renew the certificate of %s, which expired %s; or set the clock, if it is wrong: %s",
		who, invalid.Cert.NotAfter.Format(time.DateOnly), clock)
}

// ClassOf returns the class of an error. Of errors without a class, those of the
// network are transient, others permanent.
func ClassOf(err error) Class {
	class, _ := classify(err)
	return class
}

// KindOf returns the short word for an error in logs and bridge/info.
func KindOf(err error) string {
	_, kind := classify(err)
	return kind
}

func classify(err error) (Class, string) {
	if _, ok := errors.AsType[*AuthenticationError](err); ok {
		return Authentication, "authentication"
	}
	if permanent, ok := errors.AsType[*PermanentError](err); ok {
		return Permanent, permanent.Kind
	}
	if transient, ok := errors.AsType[*TransientError](err); ok {
		return Transient, transient.Kind
	}
	if kind := networkKind(err); kind != "" {
		return Transient, kind
	}
	return Permanent, "permanent"
}

// FromNetwork classifies an error of dialing, sending or reading. It returns nil and
// a canceled context unchanged. The text of err must not contain a secret.
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

// networkKind returns the kind of a network error, "" for other errors.
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

// FromStatus returns a classified error for the status of a response, or nil for 200
// to 298; Alexa returns 299 for an endpoint about to be removed. The Remedy of an
// AuthenticationError is left for the collector to set. A date in Retry-After counts
// from now.
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

// parseRetryAfter parses seconds or an HTTP date (RFC 9110, 10.2.3). Anything else,
// and a date in the past, is 0.
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

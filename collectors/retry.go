package collectors

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	retrygo "github.com/avast/retry-go/v4"
	"go.uber.org/zap"
)

// RetryPolicy decides how often and after which delays a transient error is retried.
type RetryPolicy struct {
	Attempts   int           // including the first, at least 1
	BaseDelay  time.Duration // before the second try
	Multiplier float64       // of the delay from one try to the next, at least 1
	MaxDelay   time.Duration // of the policy; Retry-After may be longer
	Jitter     float64       // random share added to a delay, 0 to 1
}

// DefaultRetryPolicy makes three attempts, with delays of 1 s, 2 s, ... up to 30 s.
var DefaultRetryPolicy = RetryPolicy{
	Attempts: 3, BaseDelay: time.Second, Multiplier: 2, MaxDelay: 30 * time.Second, Jitter: 0.1,
}

// delay returns the delay before attempt k+1, for k from 1.
func (p RetryPolicy) delay(k int, retryAfter time.Duration) time.Duration {
	d := float64(p.BaseDelay)
	for range k - 1 {
		d *= p.Multiplier
		if d >= float64(p.MaxDelay) {
			break
		}
	}
	d = min(d, float64(p.MaxDelay))
	if p.Jitter > 0 {
		d += d * p.Jitter * rand.Float64()
	}
	return max(time.Duration(d), retryAfter)
}

// Retrier retries the requests of one collector, and counts and logs the retries.
type Retrier struct {
	policy  RetryPolicy
	source  string
	log     *zap.Logger
	retries atomic.Int64
	quiet   atomic.Bool
}

// NewRetrier returns the retrier of one collector.
func NewRetrier(policy RetryPolicy, source string, log *zap.Logger) *Retrier {
	return &Retrier{policy: policy, source: source, log: log}
}

// Retries returns the number of retries since the start.
func (r *Retrier) Retries() int64 { return r.retries.Load() }

// SetQuiet sets whether failures are not logged, as once an endpoint is reported to be
// unreachable.
func (r *Retrier) SetQuiet(quiet bool) { r.quiet.Store(quiet) }

// ExhaustedError means that the last attempt failed too. It is already logged.
type ExhaustedError struct {
	Endpoint string
	Attempts int
	Elapsed  time.Duration
	Err      error // of the last attempt
}

func (e *ExhaustedError) Error() string {
	if e.Attempts == 1 {
		return fmt.Sprintf("%s: %v", e.Endpoint, e.Err)
	}
	return fmt.Sprintf("%s: given up after %d attempts in %s: %v",
		e.Endpoint, e.Attempts, e.Elapsed.Round(time.Millisecond), e.Err)
}

func (e *ExhaustedError) Unwrap() error { return e.Err }

// Do calls try until it returns nil or an error that is not transient, or until the
// policy's attempts are exhausted (*ExhaustedError). A throttled request is retried
// only if the server says when; its error is returned without being logged. endpoint
// is for the log and must not contain a secret.
//
// The delay between two attempts is the policy's, or Retry-After if that is longer. Do
// does not retry if the delay would exceed ctx's deadline, the poll's interval. If ctx
// is canceled, Do returns its cause at once.
func (r *Retrier) Do(ctx context.Context, endpoint string, try func(context.Context) error) error {
	var (
		start = time.Now()
		log   = r.log.With(zap.String("collector", r.source), zap.String("endpoint", endpoint))
		calls int
		delay time.Duration
		last  error
	)
	if r.quiet.Load() {
		log = zap.NewNop()
	}
	err := retrygo.Do(
		func() error {
			calls++
			last = try(ctx)
			return last
		},
		retrygo.Context(ctx),
		retrygo.Attempts(uint(max(r.policy.Attempts, 1))),
		retrygo.LastErrorOnly(true),
		retrygo.RetryIf(func(err error) bool {
			if ClassOf(err) != Transient || ctx.Err() != nil {
				return false
			}
			if calls >= r.policy.Attempts {
				return true // retry-go stops here by itself
			}
			var retryAfter time.Duration
			if transient, ok := errors.AsType[*TransientError](err); ok {
				retryAfter = transient.RetryAfter
			}
			if AsThrottled(err) != nil && retryAfter == 0 {
				return false
			}
			delay = r.policy.delay(calls, retryAfter)
			if deadline, ok := ctx.Deadline(); ok && time.Now().Add(delay).After(deadline) {
				log.Warn("not retrying: the wait would outlast the poll's interval",
					zap.String("kind", KindOf(err)), zap.Duration("delay", delay))
				return false
			}
			return true
		}),
		retrygo.DelayType(func(_ uint, err error, _ *retrygo.Config) time.Duration {
			r.retries.Add(1)
			log.Warn("retrying",
				zap.String("kind", KindOf(err)), zap.Error(err),
				zap.Int("attempt", calls+1), zap.Int("of", r.policy.Attempts),
				zap.Duration("delay", delay))
			return delay
		}),
	)
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("%s: %w", endpoint, context.Cause(ctx))
	case ctx.Err() != nil && last != nil:
		err = last // says more than the deadline
	}
	if ClassOf(err) != Transient || AsThrottled(err) != nil {
		return fmt.Errorf("%s: %w", endpoint, err)
	}
	elapsed := time.Since(start)
	log.Error("given up until the next poll",
		zap.String("kind", KindOf(err)), zap.Int("attempts", calls),
		zap.Duration("elapsed", elapsed), zap.Error(err))
	return &ExhaustedError{Endpoint: endpoint, Attempts: calls, Elapsed: elapsed, Err: err}
}

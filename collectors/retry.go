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

// RetryPolicy says how often and how patiently a transient error is retried.
type RetryPolicy struct {
	Attempts   int           // tries in all, at least 1
	BaseDelay  time.Duration // before the second try
	Multiplier float64       // of the delay from one try to the next, at least 1
	MaxDelay   time.Duration // no back-off is longer; Retry-After may be
	Jitter     float64       // up to this share is added to a delay, 0 to 1
}

// DefaultRetryPolicy waits 1 s, 2 s, ... up to 30 s, three tries in all.
var DefaultRetryPolicy = RetryPolicy{
	Attempts: 3, BaseDelay: time.Second, Multiplier: 2, MaxDelay: 30 * time.Second, Jitter: 0.1,
}

// delay is how long to wait before try k+1, for k from 1.
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

// Retrier sends a collector's requests, each as often as its policy allows. A
// collector has one, so that its retries can be counted and told apart in the
// log.
type Retrier struct {
	policy  RetryPolicy
	source  string
	log     *zap.Logger
	retries atomic.Int64
	quiet   atomic.Bool
}

// NewRetrier makes the retrier of one collector.
func NewRetrier(policy RetryPolicy, source string, log *zap.Logger) *Retrier {
	return &Retrier{policy: policy, source: source, log: log}
}

// Retries is how many times a request was sent again since the start.
func (r *Retrier) Retries() int64 { return r.retries.Load() }

// SetQuiet sets whether failures are logged. Whoever has reported that an endpoint is
// away for long does not need them.
func (r *Retrier) SetQuiet(quiet bool) { r.quiet.Store(quiet) }

// ExhaustedError says that the last permitted try failed too. It has already
// been logged, with the time it all took.
type ExhaustedError struct {
	Endpoint string
	Attempts int
	Elapsed  time.Duration
	Err      error // of the last try
}

func (e *ExhaustedError) Error() string {
	if e.Attempts == 1 {
		return fmt.Sprintf("%s: %v", e.Endpoint, e.Err)
	}
	return fmt.Sprintf("%s: given up after %d attempts in %s: %v",
		e.Endpoint, e.Attempts, e.Elapsed.Round(time.Millisecond), e.Err)
}

func (e *ExhaustedError) Unwrap() error { return e.Err }

// Do calls try until it returns nil, an error that is not transient, or the
// policy's attempts are used up (*ExhaustedError). A throttled try is repeated only
// if the server said when, and its error is returned without having been logged.
// endpoint names what is asked in the log and must hold no secret.
//
// The delay between two tries is the policy's, or Retry-After if that is longer.
// A delay that would end after ctx's deadline is not begun: the poll's interval
// bounds it, and the next poll asks again anyway. When ctx is cancelled, a wait
// ends at once and Do returns the cause.
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
			var transient *TransientError
			var retryAfter time.Duration
			if errors.As(err, &transient) {
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
		err = last // the deadline came in the middle: what went wrong before it says more
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

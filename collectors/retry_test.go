package collectors_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"hueair2mqtt/collectors"
)

var steady = collectors.RetryPolicy{Attempts: 3, BaseDelay: time.Second, Multiplier: 2, MaxDelay: 30 * time.Second}

func timeout() error { return collectors.FromNetwork(context.DeadlineExceeded) }

func status(code int, retryAfter string) error {
	header := http.Header{}
	if retryAfter != "" {
		header.Set("Retry-After", retryAfter)
	}
	return collectors.FromStatus(&http.Response{StatusCode: code, Header: header}, time.Now())
}

// answers returns a try that gives these errors in turn, and the count of calls.
func answers(errs ...error) (try func(context.Context) error, calls *int) {
	calls = new(int)
	return func(context.Context) error {
		err := errs[min(*calls, len(errs)-1)]
		*calls++
		return err
	}, calls
}

func TestRetry(t *testing.T) {
	permanent := &collectors.PermanentError{Kind: "malformed", Err: errors.New("no JSON")}
	for name, test := range map[string]struct {
		policy  collectors.RetryPolicy
		errs    []error
		calls   int
		elapsed time.Duration
		good    bool
	}{
		"success at once":                    {steady, []error{nil}, 1, 0, true},
		"time-out twice, then success":       {steady, []error{timeout(), timeout(), nil}, 3, 3 * time.Second, true},
		"given up after three":               {steady, []error{timeout()}, 3, 3 * time.Second, false},
		"429 backs off 1 s, then 2 s":        {steady, []error{status(429, ""), status(429, ""), nil}, 3, 3 * time.Second, true},
		"503, then success":                  {steady, []error{status(503, ""), nil}, 2, time.Second, true},
		"authentication is not retried":      {steady, []error{status(401, "")}, 1, 0, false},
		"permanent is not retried":           {steady, []error{permanent}, 1, 0, false},
		"permanent ends the retries":         {steady, []error{timeout(), permanent}, 2, time.Second, false},
		"Retry-After in seconds":             {steady, []error{status(429, "7"), nil}, 2, 7 * time.Second, true},
		"Retry-After beats the longest":      {steady, []error{status(503, "45"), nil}, 2, 45 * time.Second, true},
		"a short Retry-After does not hurry": {steady, []error{status(503, "0"), nil}, 2, time.Second, true},
		"delays are capped": {
			collectors.RetryPolicy{Attempts: 5, BaseDelay: time.Second, Multiplier: 10, MaxDelay: 5 * time.Second},
			[]error{timeout()}, 5, 16 * time.Second, false,
		},
		"one attempt": {collectors.RetryPolicy{Attempts: 1, BaseDelay: time.Second, Multiplier: 2, MaxDelay: time.Second}, []error{timeout()}, 1, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				try, calls := answers(test.errs...)
				start := time.Now()
				retry := collectors.NewRetrier(test.policy, "hue", zap.NewNop())
				err := retry.Do(t.Context(), "GET http://bridge", try)
				if (err == nil) != test.good || *calls != test.calls || time.Since(start) != test.elapsed {
					t.Errorf("error %v after %d calls in %v; want success %v after %d calls in %v",
						err, *calls, time.Since(start), test.good, test.calls, test.elapsed)
				}
				if got, want := retry.Retries(), int64(test.calls-1); got != want {
					t.Errorf("%d retries counted, want %d", got, want)
				}
				if err != nil && !strings.Contains(err.Error(), "GET http://bridge") {
					t.Errorf("the error does not name the endpoint: %v", err)
				}
				if _, exhausted := errors.AsType[*collectors.ExhaustedError](err); exhausted != (err != nil && collectors.ClassOf(err) == collectors.Transient) {
					t.Errorf("exhausted %v for %v", exhausted, err)
				}
			})
		})
	}
}

// Throttling is repeated only when the server said, and is the caller's to log.
func TestRetryOfThrottledRequest(t *testing.T) {
	throttled := func(after time.Duration) error {
		return &collectors.TransientError{Kind: collectors.KindThrottled, Throttled: true, RetryAfter: after, Err: errors.New("too many requests")}
	}
	for name, test := range map[string]struct {
		errs    []error
		calls   int
		elapsed time.Duration
		good    bool
	}{
		"not repeated":            {[]error{throttled(0)}, 1, 0, false},
		"repeated when it may be": {[]error{throttled(7 * time.Second), nil}, 2, 7 * time.Second, true},
		"given up":                {[]error{throttled(2 * time.Second)}, 3, 4 * time.Second, false},
		"after another failure":   {[]error{timeout(), throttled(0)}, 2, time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				core, logs := observer.New(zapcore.ErrorLevel)
				try, calls := answers(test.errs...)
				start := time.Now()
				err := collectors.NewRetrier(steady, "x", zap.New(core)).Do(t.Context(), "GET http://x", try)
				if (err == nil) != test.good || *calls != test.calls || time.Since(start) != test.elapsed {
					t.Errorf("error %v after %d calls in %v; want %d in %v", err, *calls, time.Since(start), test.calls, test.elapsed)
				}
				_, exhausted := errors.AsType[*collectors.ExhaustedError](err)
				if err != nil && (collectors.AsThrottled(err) == nil || exhausted || collectors.ClassOf(err) != collectors.Transient) {
					t.Errorf("error %v of %T", err, err)
				}
				if logs.Len() > 0 {
					t.Errorf("logged %v", logs.All())
				}
			})
		})
	}
}

func TestRetryAfterDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := time.Now().Add(12 * time.Second).UTC().Format(http.TimeFormat)
		try, _ := answers(status(429, at), nil)
		start := time.Now()
		if err := collectors.NewRetrier(steady, "hue", zap.NewNop()).Do(t.Context(), "x", try); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(start); d != 12*time.Second {
			t.Errorf("waited %v, want 12s", d)
		}
	})
}

func TestIntervalBoundsRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		try, calls := answers(status(429, "3600"))
		start := time.Now()
		err := collectors.NewRetrier(steady, "hue", zap.NewNop()).Do(ctx, "x", try)
		if time.Since(start) != 0 || *calls != 1 || collectors.ClassOf(err) != collectors.Transient {
			t.Errorf("%d calls in %v: %v; want to give up at once", *calls, time.Since(start), err)
		}
	})
}

func TestJitterIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		policy := steady
		policy.Jitter = 0.1
		differ := false
		for range 50 {
			try, _ := answers(timeout(), nil)
			start := time.Now()
			if err := collectors.NewRetrier(policy, "hue", zap.NewNop()).Do(t.Context(), "x", try); err != nil {
				t.Fatal(err)
			}
			d := time.Since(start)
			if d < time.Second || d > 1100*time.Millisecond {
				t.Fatalf("waited %v, want 1 s to 1.1 s", d)
			}
			differ = differ || d != time.Second
		}
		if !differ {
			t.Error("no delay differed from the others")
		}
	})
}

func TestCancelInterruptsDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		try, calls := answers(status(503, "1000"))
		start := time.Now()
		time.AfterFunc(500*time.Millisecond, cancel)
		err := collectors.NewRetrier(steady, "hue", zap.NewNop()).Do(ctx, "x", try)
		if !errors.Is(err, context.Canceled) || *calls != 1 || time.Since(start) != 500*time.Millisecond {
			t.Errorf("%v after %d calls in %v", err, *calls, time.Since(start))
		}
	})
}

func TestDeadlineDuringAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.DebugLevel)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		err := collectors.NewRetrier(steady, "hue", zap.New(core)).Do(ctx, "x", func(ctx context.Context) error {
			<-ctx.Done()
			return collectors.FromNetwork(ctx.Err())
		})
		if _, ok := errors.AsType[*collectors.ExhaustedError](err); !ok {
			t.Errorf("got %v, want an exhausted retry", err)
		}
		if n := logs.FilterMessage("given up until the next poll").Len(); n != 1 {
			t.Errorf("logged %d times, want once", n)
		}
	})
}

func TestRetriesAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.DebugLevel)
		try, _ := answers(status(503, ""))
		err := collectors.NewRetrier(steady, "amazon", zap.New(core)).Do(t.Context(), "POST https://alexa", try)
		if err == nil {
			t.Fatal("no error")
		}
		var lines []string
		for _, entry := range logs.All() {
			fields := entry.ContextMap()
			lines = append(lines, fmt.Sprint(entry.Message, " ", fields["collector"], " ", fields["endpoint"], " ", fields["kind"], " ",
				fields["attempt"], "/", fields["of"], " ", fields["delay"], " ", fields["elapsed"], " ", fields["error"]))
		}
		want := []string{
			"retrying amazon POST https://alexa http 503 2/3 1s <nil> the server answered 503 Service Unavailable",
			"retrying amazon POST https://alexa http 503 3/3 2s <nil> the server answered 503 Service Unavailable",
			"given up until the next poll amazon POST https://alexa http 503 <nil>/<nil> <nil> 3s the server answered 503 Service Unavailable",
		}
		if got := strings.Join(lines, "\n"); got != strings.Join(want, "\n") {
			t.Errorf("logged\n%s\nwant\n%s", got, strings.Join(want, "\n"))
		}
	})
}

func TestClassOfNetworkErrors(t *testing.T) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for name, test := range map[string]struct {
		err   error
		class collectors.Class
		kind  string
	}{
		"time-out":         {context.DeadlineExceeded, collectors.Transient, "timeout"},
		"refused":          {dial(syscall.ECONNREFUSED), collectors.Transient, "refused"},
		"reset":            {dial(syscall.ECONNRESET), collectors.Transient, "reset"},
		"no route":         {dial(syscall.EHOSTUNREACH), collectors.Transient, "unreachable"},
		"DNS":              {dial(&net.DNSError{Err: "no such host", Name: "hue"}), collectors.Transient, "dns"},
		"DNS time-out":     {dial(&net.DNSError{Err: "time-out", IsTimeout: true}), collectors.Transient, "dns"},
		"truncated":        {io.ErrUnexpectedEOF, collectors.Transient, "truncated"},
		"other network":    {dial(errors.New("odd")), collectors.Transient, "network"},
		"request timeout":  {status(408, ""), collectors.Transient, "http 408"},
		"too early":        {status(425, ""), collectors.Transient, "http 425"},
		"too many":         {status(429, ""), collectors.Transient, "http 429"},
		"server error":     {status(500, ""), collectors.Transient, "http 500"},
		"gateway time-out": {status(504, ""), collectors.Transient, "http 504"},
		"unauthorized":     {status(401, ""), collectors.Authentication, "authentication"},
		"forbidden":        {status(403, ""), collectors.Authentication, "authentication"},
		"not found":        {status(404, ""), collectors.Permanent, "http 404"},
		"redirect":         {status(302, ""), collectors.Permanent, "http 302"},
		"deprecated":       {status(299, ""), collectors.Permanent, "http 299"},
		"unknown":          {errors.New("odd"), collectors.Permanent, "permanent"},
		"cancelled":        {context.Canceled, collectors.Permanent, "permanent"},
	} {
		t.Run(name, func(t *testing.T) {
			err := fmt.Errorf("reading: %w", test.err)
			if class, kind := collectors.ClassOf(err), collectors.KindOf(err); class != test.class || kind != test.kind {
				t.Errorf("%v is %v, %q; want %v, %q", err, class, kind, test.class, test.kind)
			}
		})
	}
	if err := status(204, ""); err != nil {
		t.Errorf("204 is an error: %v", err)
	}
}

package harness

import (
	"errors"
	"testing"
	"time"
)

// Patience is how long a test waits for an event that has no deadline of its own. It
// is not a measure of speed.
const Patience = 60 * time.Second

// Eventually waits until a condition holds.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	wait(t, 5*time.Millisecond, Patience, what, func() error {
		if holds() {
			return nil
		}
		return errors.New("it never did")
	})
}

// Within waits until check returns nil and returns how long that took. After the
// limit it fails the test with the last error.
func Within(t testing.TB, limit time.Duration, what string, check func() error) time.Duration {
	t.Helper()
	return wait(t, 50*time.Millisecond, limit, what, check)
}

func wait(t testing.TB, pause, limit time.Duration, what string, check func() error) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		err := check()
		took := time.Since(began)
		if err == nil {
			return took
		}
		if took > limit {
			t.Fatalf("%s: not within %s: %v", what, limit, err)
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
}

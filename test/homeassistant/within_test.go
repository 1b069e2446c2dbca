//go:build homeassistant

package homeassistant_test

import (
	"testing"
	"time"

	"hueair2mqtt/test/harness"
)

// within is harness.Within and logs the time.
func within(t *testing.T, limit time.Duration, what string, check func() error) {
	t.Helper()
	t.Logf("%s: after %v", what, harness.Within(t, limit, what, check).Round(100*time.Millisecond))
}

//go:build faults && linux

package faults

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hueair2mqtt/test/harness"
)

// TestDescriptorsExhausted leaves the program without a free descriptor, so that it can open
// neither a connection nor a file.
func TestDescriptorsExhausted(t *testing.T) {
	t.Parallel()
	h := newTestHome(t, layout{})
	p := h.run()
	h.holds(harness.Patience, "before")
	before := p.atRest()

	var usual unix.Rlimit
	if err := unix.Prlimit(p.PID(), unix.RLIMIT_NOFILE, nil, &usual); err != nil {
		t.Fatal(err)
	}
	limit := func(n uint64) {
		t.Helper()
		if err := unix.Prlimit(p.PID(), unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: usual.Max}, nil); err != nil {
			t.Fatal(err)
		}
	}
	cutSources := func() {
		for _, to := range []*proxy{h.toHue, h.toOld, h.toAlexa, h.toTokens} {
			to.cutAll()
		}
	}
	limit(3)
	cutSources()
	for _, part := range []string{"hue", "old", "amazon"} {
		h.actual.lost[part] = true
	}
	h.holds(harness.Patience, "without descriptors")
	clear(h.actual.lost)
	limit(usual.Cur)
	took := h.holds(soon, "with descriptors again")

	limit(3)
	cutSources()
	h.toBroker.cutAll()
	h.change()
	h.Amazon.KillCookies()
	wait(t, 8*time.Second)
	limit(usual.Cur)
	tookBroker := h.holds(afterReconnect, "with descriptors again, the broker being lost too")
	after := p.shrinks(before)
	report(t, "true again after %s, and %s with the broker lost; before %s; after %s", took.Round(time.Millisecond), tookBroker.Round(time.Millisecond), before, after)
	p.stop()
}

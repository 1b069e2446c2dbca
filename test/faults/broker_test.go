//go:build faults && linux

package faults

import (
	"syscall"
	"testing"
	"time"

	"hueair2mqtt/test/harness"
)

// TestBrokerRestartedHundredTimes stops or kills the broker at random moments. It has forgotten
// everything each time.
func TestBrokerRestartedHundredTimes(t *testing.T) {
	t.Parallel()
	const restarts = 100
	h := newTestHome(t, layout{})
	p := h.run()
	h.holds(harness.Patience, "before")
	before := p.atRest()
	var slowest time.Duration
	for i := range restarts {
		signal := syscall.SIGTERM
		if h.random.IntN(2) == 0 {
			signal = syscall.SIGKILL
		}
		h.Broker.StopWith(signal)
		h.change()
		wait(t, time.Duration(h.random.IntN(200))*time.Millisecond)
		h.Broker.Start()
		wait(t, time.Duration(h.random.IntN(600))*time.Millisecond)
		if i%20 == 19 {
			slowest = max(slowest, h.holds(afterReconnect, "after a restart"))
		}
	}
	after := p.shrinks(before)
	report(t, "true again %s after it at most; before %s; after %s", slowest.Round(time.Millisecond), before, after)
	p.stop()
}

// TestNamesGone makes the broker's host name unresolvable in every way that a name server can fail.
// The program also starts without it.
func TestNamesGone(t *testing.T) {
	t.Parallel() // no other test calls anything by a name
	defer names.Store(namesKnown)
	h := newTestHome(t, layout{brokerHost: "broker.test"})
	names.Store(namesUnknown)
	p := h.run()
	wait(t, 2*time.Second)
	names.Store(namesKnown)
	h.holds(afterReconnect, "started without names")
	before := p.atRest()
	for mode, name := range []string{namesSilent: "silent", namesFailing: "failing", namesUnknown: "unknown"} {
		if mode == namesKnown {
			continue
		}
		names.Store(int32(mode))
		h.toBroker.cutAll()
		h.change()
		wait(t, 6*time.Second)
		names.Store(namesKnown)
		took := h.holds(afterReconnect, name)
		report(t, "%-8s true again after %s", name, took.Round(time.Millisecond))
	}
	after := p.shrinks(before)
	report(t, "before %s; after %s", before, after)
	p.stop()
}

//go:build faults && linux

package faults

import (
	"syscall"
	"testing"
	"time"

	"hueair2mqtt/test/harness"
)

// TestTenThousandDevices runs ten Hue bridges with 1,000 sensors each: a bridge may list 16,384
// resources, and a sensor has seven. All change at once, which is more than the event streams hold.
// Then the broker restarts without its retained messages, and the program is killed and restarted.
func TestTenThousandDevices(t *testing.T) {
	t.Parallel()
	const bridges, sensors, every = 10, 1000, 30 * time.Second
	h := newTestHome(t, layout{crowd: bridges, sensors: sensors, interval: every})
	began := time.Now()
	p := h.run()
	h.holds(harness.Patience, "after the start")
	report(t, "%d devices, everything true %s after the start; %s", len(h.expected())/2, time.Since(began).Round(time.Millisecond), p.footprint())

	h.change()
	took := h.holds(2*every, "after all have changed")
	report(t, "true %s after all had changed; %s", took.Round(time.Millisecond), p.footprint())

	h.Broker.StopWith(syscall.SIGKILL)
	h.Broker.Start()
	took = h.holds(afterReconnect+every, "after the broker forgot all")
	report(t, "true %s after the broker had forgotten all; %s", took.Round(time.Millisecond), p.footprint())

	p.Kill()
	h.change()
	began = time.Now()
	p = h.run()
	h.holds(harness.Patience, "restarted")
	report(t, "true %s after a new start; %s", time.Since(began).Round(time.Millisecond), p.footprint())
	p.stop()
}

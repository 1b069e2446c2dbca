//go:build homeassistant

package homeassistant_test

import (
	"syscall"
	"testing"
	"time"

	"hueair2mqtt/test/harness"
)

const (
	// backWithin is the maximum time from a restart until everything is back.
	backWithin = 10 * time.Second

	// reconnects is the interval of Home Assistant's attempts to reconnect to a broker
	// (RECONNECT_INTERVAL_SECONDS of its MQTT client), which comes on top.
	reconnects = 10 * time.Second
)

// TestRestarts restarts each part while the others continue. Everything must be back soon, once,
// and under its old name.
func TestRestarts(t *testing.T) {
	h, ha := newHome(t)
	h.startBridge()
	ha.isComplete(h, harness.Patience)
	first := ha.mustRegistry()
	ha.checkLog()
	// Home Assistant logs that the broker is away and that it cannot subscribe meanwhile.
	ha.expects(`\[homeassistant\.components\.mqtt\.client\] Error returned from MQTT server: The connection was lost`,
		`(?s)Task exception was never retrieved.*Error talking to MQTT: The client is not currently connected`)

	// whole runs a restart and waits until Home Assistant shows new values.
	whole := func(name string, limit time.Duration, restart func(t *testing.T)) {
		t.Run(name, func(t *testing.T) {
			restart(t)
			h.hall.Temperature++
			h.livingRoom.PM25++
			h.publish()
			ha := ha.in(t)
			ha.isComplete(h, limit)
			if err := sameNames(first, ha.mustRegistry()); err != nil {
				t.Error(err)
			}
			ha.checkLog()
		})
	}
	whole("the bridge", backWithin, func(*testing.T) {
		h.stopBridge(syscall.SIGTERM)
		h.startBridge()
	})
	whole("Home Assistant", backWithin, func(t *testing.T) {
		ha.in(t).restart()
	})
	whole("Home Assistant while the bridge is away", backWithin, func(t *testing.T) {
		ha := ha.in(t)
		h.stopBridge(syscall.SIGKILL)
		ha.restart()
		ha.isAway(harness.Patience)
		h.startBridge()
	})
	whole("the broker, which has forgotten all", reconnects+backWithin, func(*testing.T) {
		h.Broker.Stop()
		h.Broker.Start()
	})
	whole("the broker, which has kept all", reconnects+backWithin, func(t *testing.T) {
		h.Broker.Stop() // what it retains, it keeps from its next start on
		h.Broker.Configure("persistence true", "persistence_location "+h.Dir+"/")
		h.Broker.Start()
		ha.in(t).isComplete(h, reconnects+backWithin)
		h.Broker.Stop()
		h.Broker.Start()
	})
	whole("everything", reconnects+backWithin, func(t *testing.T) {
		h.stopBridge(syscall.SIGTERM)
		ha.in(t).stop()
		h.Broker.Stop()
		h.Broker.Start()
		h.startBridge()
		ha.in(t).start()
	})
}

// restart ends Home Assistant and starts it again.
func (ha *hass) restart() {
	ha.t.Helper()
	ha.stop()
	ha.checkLog()
	ha.start()
}

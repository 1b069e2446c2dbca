//go:build homeassistant

package homeassistant_test

import (
	"syscall"
	"testing"
	"time"
)

const (
	// backWithin is how soon all must be back when something has come up again.
	backWithin = 10 * time.Second

	// reconnects is how often Home Assistant tries to reach a broker that it lost
	// (RECONNECT_INTERVAL_SECONDS of its MQTT client), which comes on top.
	reconnects = 10 * time.Second
)

// TestRestarts restarts each part of the house while the others go on. Whatever
// restarts, all must be back soon, once, and under its old name.
func TestRestarts(t *testing.T) {
	h, ha := newHome(t)
	h.startBridge()
	ha.isComplete(h, patience)
	first := ha.mustRegistry()
	ha.checkLog()
	// A broker that goes away is for Home Assistant itself to tell.
	ha.expects(`\[homeassistant\.components\.mqtt\.client\] Error returned from MQTT server: The connection was lost`)

	// whole runs a restart, and then checks that values follow again.
	whole := func(name string, limit time.Duration, restart func(ha *hass)) {
		t.Run(name, func(t *testing.T) {
			ha := ha.with(t)
			h.hall.Temperature++
			h.livingRoom.PM25++
			restart(ha)
			h.tell()
			ha.isComplete(h, limit)
			if err := sameNames(first, ha.mustRegistry()); err != nil {
				t.Error(err)
			}
		})
	}
	whole("the bridge", backWithin, func(*hass) {
		h.stopBridge(syscall.SIGTERM)
		h.startBridge()
	})
	whole("Home Assistant", backWithin, func(restarted *hass) {
		restarted.checkLog()
		ha.process = restarted.restart()
	})
	whole("Home Assistant while the bridge is away", backWithin, func(restarted *hass) {
		h.stopBridge(syscall.SIGKILL)
		ha.process = restarted.restart()
		within(restarted.t, patience, "everything is unavailable", func() error {
			r, err := restarted.registry()
			if err != nil {
				return err
			}
			return r.ghosts()
		})
		h.startBridge()
	})
	whole("the broker, which has forgotten all", reconnects+backWithin, func(*hass) {
		h.broker.stop()
		h.broker.start()
	})
	whole("the broker, which has kept all", reconnects+backWithin, func(*hass) {
		h.broker.stop() // it keeps what is retained from its next start on
		h.broker.persist(true)
		h.broker.start()
		ha.isComplete(h, reconnects+backWithin)
		h.broker.stop()
		h.broker.start()
	})
	whole("everything", reconnects+backWithin, func(restarted *hass) {
		h.stopBridge(syscall.SIGTERM)
		restarted.stop()
		h.broker.stop()
		h.broker.start()
		h.startBridge()
		restarted.start()
		ha.process = restarted.process
	})
	ha.checkLog()
}

// restart restarts Home Assistant and returns its new process.
func (ha *hass) restart() *process {
	ha.t.Helper()
	ha.stop()
	ha.start()
	return ha.process
}

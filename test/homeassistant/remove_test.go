//go:build homeassistant

package homeassistant_test

import (
	"fmt"
	"syscall"
	"testing"

	"hueair2mqtt/test/harness"
)

// TestDiscoveryRemove removes everything from Home Assistant and brings it back.
func TestDiscoveryRemove(t *testing.T) {
	h, ha := newHome(t)
	h.startBridge()
	ha.isComplete(h, harness.Patience)
	first := ha.mustRegistry()
	ha.checkLog()

	h.stopBridge(syscall.SIGTERM)
	h.run("discovery", "remove")
	within(t, harness.Patience, "nothing is left", func() error {
		r, err := ha.registry()
		if err != nil {
			return err
		}
		if len(r.devices)+len(r.entities) > 0 {
			return fmt.Errorf("there still are the devices %v and the entities %v", r.deviceIDs(), r.names())
		}
		return nil
	})
	// Home Assistant logs the removal of devices with a disabled entity.
	ha.expects(`\[homeassistant\.components\.mqtt\.discovery\] No device components to cleanup for (hue|amazon)_`)
	ha.checkLog()

	h.startBridge()
	ha.isComplete(h, harness.Patience)
	for id, name := range first.names() {
		if got := ha.mustRegistry().names()[id]; got != name {
			t.Errorf("%s is now %q, was %q", id, got, name)
		}
	}
	ha.checkLog()
}

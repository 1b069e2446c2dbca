package cli

import (
	"strings"
	"testing"

	"hueair2mqtt/test/harness"
)

func TestDiscoveryRemoveKeepsForeignTopics(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args    []string
		prefix  string // of the topics to remove
		removed string
		foreign map[string]string
	}{
		"announcements": {nil, "homeassistant/", "homeassistant/device/" + harness.HallID + "/config", map[string]string{
			"homeassistant/device/zigbee/config":  `{"device":{"identifiers":["z"]},"origin":{"name":"zigbee2mqtt"},"components":{}}`,
			"homeassistant/device/nothing/config": `no JSON`,
			"homeassistant/device/attic/config":   `{"origin":{"name":"hueair2mqtt"},"availability":[{"topic":"attic/bridge/state"}],"components":{}}`,
			"homeassistant/sensor/old/config":     `{}`,
		}},
		// Both sources may be disabled, and other settings may be invalid.
		"--all": {[]string{"--all", "--hue.enabled=false", "--amazon.enabled=false", "--retry.attempts=0"}, "", "hueair2mqtt/bridge/state", map[string]string{
			"homeassistant/device/zigbee/config":  `{"device":{"identifiers":["z"]},"origin":{"name":"zigbee2mqtt"},"components":{}}`,
			"hueair2mqtt/thermostat":              `{"temperature":20}`,
			"hueair2mqtt/thermostat/availability": "online",
			"hueair2mqtt/washer/problem":          `{"problem":"door open"}`,
			"hueair2mqtt/notes/of/mine":           "keep",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newTestHome(t)
			l := h.Broker.Subscribe()
			for topic, payload := range test.foreign {
				l.Publish(topic, payload, true)
			}
			p := h.run()
			for _, id := range []string{harness.MonitorID, harness.HallID} {
				l.WaitFor("homeassistant/device/"+id+"/config", "{")
				l.WaitFor("hueair2mqtt/"+id+"/availability", "online")
			}
			p.Stop()

			args := append([]string{"discovery", "remove", "--config", h.Config}, test.args...)
			code, stdout, stderr := run(t, args...)
			if code != exitGood || !strings.Contains(stdout, "removed "+test.removed+"\n") {
				t.Errorf("exit code %d, printed %s%s", code, stdout, stderr)
			}
			retained := h.Broker.Retained()
			for topic := range retained {
				if _, ok := test.foreign[topic]; !ok && strings.HasPrefix(topic, test.prefix) {
					t.Errorf("%s was not removed", topic)
				}
			}
			for topic, payload := range test.foreign {
				if retained[topic] != payload {
					t.Errorf("%s was removed", topic)
				}
			}
			code, stdout, _ = run(t, args...)
			if code != exitGood || !strings.Contains(stdout, "nothing to remove") {
				t.Errorf("a second time: exit code %d, printed %s", code, stdout)
			}
		})
	}
}

func TestConfiguredExitCode(t *testing.T) {
	h := newTestHome(t)
	for name, test := range map[string]struct {
		args []string
		code int
	}{
		"two sources":                    {nil, exitGood},
		"one source":                     {[]string{"--hue.enabled=false"}, exitGood},
		"nothing to read":                {[]string{"--hue.enabled=false", "--amazon.enabled=false"}, exitFailed},
		"a fault, which run reports":     {[]string{"--hue.interval=never"}, exitGood},
		"no file, which run reports":     {[]string{"--config", h.Config + ".away"}, exitGood},
		"an argument that there is none": {[]string{"--nonsense"}, exitUnusable},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, stderr := run(t, append([]string{"configured", "--config", h.Config}, test.args...)...)
			if code != test.code {
				t.Errorf("the exit code is %d, want %d (%s)", code, test.code, stderr)
			}
			if advised := strings.Contains(stderr, "set hue.enabled or amazon.enabled"); advised != (test.code == exitFailed) {
				t.Errorf("it said %q", stderr)
			}
		})
	}
}

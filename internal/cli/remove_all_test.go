package cli

import (
	"strings"
	"testing"

	"hueair2mqtt/test/harness"
)

func TestRemoveAllKeepsForeignTopics(t *testing.T) {
	h := newTestHome(t)
	l := h.Broker.Subscribe()
	foreign := map[string]string{
		"homeassistant/device/zigbee/config":  `{"device":{"identifiers":["z"]},"origin":{"name":"zigbee2mqtt"},"components":{}}`,
		"hueair2mqtt/thermostat":              `{"temperature":20}`,
		"hueair2mqtt/thermostat/availability": "online",
		"hueair2mqtt/washer/problem":          `{"problem":"door open"}`,
		"hueair2mqtt/notes/of/mine":           "keep",
	}
	for topic, payload := range foreign {
		l.Publish(topic, payload, true)
	}
	p := h.run()
	l.WaitFor("hueair2mqtt/"+harness.MonitorID+"/availability", "online")
	l.WaitFor("hueair2mqtt/"+harness.HallID+"/availability", "online")
	p.Stop()

	// Both sources may be disabled, and other settings may be invalid.
	code, stdout, stderr := run(t, "discovery", "remove", "--all", "--config", h.Config,
		"--hue.enabled=false", "--amazon.enabled=false", "--retry.attempts=0")
	if code != exitGood || !strings.Contains(stdout, "removed hueair2mqtt/bridge/state\n") {
		t.Errorf("exit code %d, printed %s%s", code, stdout, stderr)
	}
	retained := h.Broker.Retained()
	for topic := range retained {
		if _, ok := foreign[topic]; !ok {
			t.Errorf("%s is still there", topic)
		}
	}
	for topic, payload := range foreign {
		if retained[topic] != payload {
			t.Errorf("%s was taken away", topic)
		}
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
		"a fault, which run is to tell":  {[]string{"--hue.interval=never"}, exitGood},
		"no file, which run is to tell":  {[]string{"--config", h.Config + ".away"}, exitGood},
		"an argument that there is none": {[]string{"--nonsense"}, exitUnusable},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, stderr := run(t, append([]string{"configured", "--config", h.Config}, test.args...)...)
			if code != test.code {
				t.Errorf("the exit code is %d, want %d (%s)", code, test.code, stderr)
			}
			if told := strings.Contains(stderr, "set hue.enabled or amazon.enabled"); told != (test.code == exitFailed) {
				t.Errorf("it said %q", stderr)
			}
		})
	}
}

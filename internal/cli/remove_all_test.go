package cli

import (
	"strings"
	"syscall"
	"testing"
)

func TestRemoveAllLeavesOnlyWhatIsOthers(t *testing.T) {
	h := newHouse(t)
	l := h.broker.listen()
	foreign := map[string]string{
		"homeassistant/device/zigbee/config":  `{"device":{"identifiers":["z"]},"origin":{"name":"zigbee2mqtt"},"components":{}}`,
		"hueair2mqtt/thermostat":              `{"temperature":20}`,
		"hueair2mqtt/thermostat/availability": "online",
		"hueair2mqtt/washer/problem":          `{"problem":"door open"}`,
		"hueair2mqtt/notes/of/mine":           "keep",
	}
	for topic, payload := range foreign {
		l.publish(topic, payload, true)
	}
	p := h.run()
	l.waitFor("hueair2mqtt/"+monitor+"/availability", "online")
	l.waitFor("hueair2mqtt/"+hall+"/availability", "online")
	p.signal(syscall.SIGTERM)
	p.wait()

	// Both sources may be switched off by then, and no other setting needs to be good.
	code, stdout, stderr := run(t, "discovery", "remove", "--all", "--config", h.config,
		"--hue.enabled=false", "--amazon.enabled=false", "--retry.attempts=0")
	if code != exitGood || !strings.Contains(stdout, "removed hueair2mqtt/bridge/state\n") {
		t.Errorf("exit code %d, printed %s%s", code, stdout, stderr)
	}
	retained := h.broker.retained()
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

func TestConfiguredTellsByItsExitCode(t *testing.T) {
	h := newHouse(t)
	for name, test := range map[string]struct {
		args []string
		code int
	}{
		"two sources":                    {nil, exitGood},
		"one source":                     {[]string{"--hue.enabled=false"}, exitGood},
		"nothing to read":                {[]string{"--hue.enabled=false", "--amazon.enabled=false"}, exitFailed},
		"a fault, which run is to tell":  {[]string{"--hue.interval=never"}, exitGood},
		"no file, which run is to tell":  {[]string{"--config", h.config + ".away"}, exitGood},
		"an argument that there is none": {[]string{"--nonsense"}, exitUnusable},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, stderr := run(t, append([]string{"configured", "--config", h.config}, test.args...)...)
			if code != test.code {
				t.Errorf("the exit code is %d, want %d (%s)", code, test.code, stderr)
			}
			if told := strings.Contains(stderr, "set hue.enabled or amazon.enabled"); told != (test.code == exitFailed) {
				t.Errorf("it said %q", stderr)
			}
		})
	}
}

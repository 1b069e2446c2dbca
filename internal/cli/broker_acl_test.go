package cli

import (
	"path/filepath"
	"strings"
	"testing"

	"hueair2mqtt/test/harness"
)

// startGuardedBroker starts a Mosquitto with the shipped ACL file. The test may read and write
// everything as a user of its own.
func startGuardedBroker(t *testing.T) *harness.Mosquitto {
	t.Helper()
	acl := filepath.Join(t.TempDir(), "acl")
	shipped := harness.ReadFile(t, filepath.Join("..", "..", "packaging", "deb", "hueair2mqtt.acl"))
	harness.WriteFile(t, acl, shipped+"\nuser test\ntopic readwrite #\n", 0o600)
	users := map[string]string{"hueair2mqtt": brokerPassword, "test": "password of the test"}
	broker := harness.StartMosquitto(t, append(harness.Passwords(t, users), "acl_file "+acl)...)
	broker.Username, broker.Password = "test", users["test"]
	return broker
}

// TestShippedACLIsSufficient exercises the whole program on a broker that grants only what the
// shipped file grants.
func TestShippedACLIsSufficient(t *testing.T) {
	t.Parallel()
	guarded := startGuardedBroker(t)
	h := newTestHome(t)
	password := h.StateFile("password")
	harness.WriteFile(t, password, brokerPassword+"\n", 0o600)
	args := []string{"--config", h.Config, "--mqtt.broker", guarded.URL(), "--mqtt.username", "hueair2mqtt", "--mqtt.password_file", password}
	if code, stdout, stderr := run(t, append([]string{"check"}, args...)...); code != exitGood {
		t.Errorf("check: exit code %d, printed %s%s", code, stdout, stderr)
	}
	l := guarded.Subscribe()
	p := start(t, append([]string{"run"}, args...)...)
	for topic, text := range map[string]string{
		"hueair2mqtt/bridge/state":                           "online",
		"hueair2mqtt/bridge/devices":                         harness.MonitorID,
		"hueair2mqtt/bridge/info":                            `"devices":2`,
		"hueair2mqtt/" + harness.HallID:                      `"temperature":21.34`,
		"hueair2mqtt/" + harness.MonitorID + "/availability": "online",
		"hueair2mqtt/hue/problem":                            `"problem":false`,
		"homeassistant/device/" + harness.HallID + "/config": "Hall",
	} {
		l.WaitFor(topic, text)
	}
	l.Publish("hueair2mqtt/bridge/request/refresh", "", false)
	l.WaitFor("hueair2mqtt/bridge/response/refresh", `"ok"`)
	h.Hue.DeleteKey()
	l.WaitFor("hueair2mqtt/hue/problem", `"problem":true`)
	l.Publish("hueair2mqtt/bridge/request/acknowledge", "hue", false)
	l.WaitFor("hueair2mqtt/hue/problem", `"acknowledged":true`)
	l.Publish("homeassistant/status", "online", false)
	p.Logs("Home Assistant has started")

	p.Kill()
	l.WaitFor("hueair2mqtt/bridge/state", "offline")
	// The devices of the previous run are known from its retained messages.
	h.Amazon.RemoveMonitor(harness.AirMonitor.Serial)
	p = start(t, append([]string{"run"}, args...)...)
	l.WaitFor("hueair2mqtt/bridge/state", "online")
	l.WaitFor("hueair2mqtt/"+harness.MonitorID+"/availability", "offline")
	if log := p.Stderr.String(); strings.Contains(log, "refused a subscription") || strings.Contains(log, "did not accept a message") {
		t.Errorf("something was not granted:\n%s", log)
	}
	p.Stop()
	code, stdout, stderr := run(t, append([]string{"discovery", "remove"}, args...)...)
	if code != exitGood || !strings.Contains(stdout, "/"+harness.HallID+"/config") {
		t.Errorf("discovery remove: exit code %d, printed %s%s", code, stdout, stderr)
	}
	for topic := range guarded.Retained() {
		if strings.HasPrefix(topic, "homeassistant/") {
			t.Errorf("%s is still there", topic)
		}
	}
	if code, stdout, stderr := run(t, append([]string{"discovery", "remove", "--all"}, args...)...); code != exitGood {
		t.Errorf("discovery remove --all: exit code %d, printed %s%s", code, stdout, stderr)
	}
	for topic := range guarded.Retained() {
		if strings.HasPrefix(topic, "hueair2mqtt/") {
			t.Errorf("%s is still there", topic)
		}
	}
}

// TestShippedACLGrantsNothingElse uses the program's password for other topics.
func TestShippedACLGrantsNothingElse(t *testing.T) {
	guarded := startGuardedBroker(t)
	l, thief := guarded.Subscribe(), guarded.SubscribeAs("hueair2mqtt", brokerPassword)
	foreign := []string{
		"zigbee2mqtt/bridge/request/permit_join", "homeassistant/sensor/door/config", "homeassistant/device/door/state", "homeassistant/status",
		"hueair2mqtt/bridge/request/refresh", "hueair2mqtt/a/b/c", "alarm/disarm", "hueair2mqttx",
	}
	for _, topic := range foreign {
		thief.Publish(topic, "stolen", false)
	}
	thief.Publish("hueair2mqtt/bridge/state", "the end", false)
	l.WaitFor("hueair2mqtt/bridge/state", "the end")
	for _, topic := range foreign {
		if l.Get(topic) != "" {
			t.Errorf("it could write to %s", topic)
		}
		l.Publish(topic, "secret", false)
	}
	l.Publish("hueair2mqtt/"+harness.HallID, "secret", false)
	l.Publish("homeassistant/device/x/config", "the end", false)
	thief.WaitFor("homeassistant/device/x/config", "the end")
	for _, topic := range append(foreign, "hueair2mqtt/"+harness.HallID) {
		granted := topic == "homeassistant/status" || topic == "hueair2mqtt/bridge/request/refresh"
		if heard := thief.Get(topic) == "secret"; heard != granted {
			t.Errorf("reading %s: heard is %t, granted is %t", topic, heard, granted)
		}
	}
}

package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"hueair2mqtt/test/harness"
)

func TestRunPublishesEverything(t *testing.T) {
	h := newTestHome(t)
	l := h.Broker.Subscribe()
	h.run()
	l.WaitFor("hueair2mqtt/"+harness.HallID+"/availability", "online")
	l.WaitFor("hueair2mqtt/"+harness.MonitorID+"/availability", "online")
	l.WaitFor("hueair2mqtt/bridge/info", `"devices":2`)

	retained := h.Broker.Retained()
	states := map[string]string{
		harness.HallID:    `{"battery":87,"connectivity":true,"illuminance":120,"motion":true,"temperature":21.34}`,
		harness.MonitorID: `{"carbon_monoxide":1,"connectivity":true,"humidity":48,"indoor_air_quality":92,"pm10":9,"pm25":6,"temperature":21.5,"voc_index":12}`,
	}
	for id, want := range states {
		var state map[string]any
		if err := json.Unmarshal([]byte(retained["hueair2mqtt/"+id]), &state); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		if at, err := time.Parse(time.RFC3339, fmt.Sprint(state["last_seen"])); err != nil || time.Since(at).Abs() > time.Minute {
			t.Errorf("%s was last seen %v (%v)", id, state["last_seen"], err)
		}
		delete(state, "last_seen")
		if lux, ok := state["illuminance"].(float64); ok && lux > 119.9 && lux < 120.1 {
			state["illuminance"] = 120 // the light level is a logarithm in whole steps
		}
		if got, _ := json.Marshal(state); string(got) != want {
			t.Errorf("%s is\n%s, want\n%s", id, got, want)
		}
	}
	for topic, want := range map[string]string{
		"hueair2mqtt/bridge/state":                              "online",
		"hueair2mqtt/hue/problem":                               `"problem":false`,
		"hueair2mqtt/amazon/problem":                            `"problem":false`,
		"hueair2mqtt/bridge/info":                               `"uptime_start":`,
		"homeassistant/device/" + harness.HallID + "/config":    `"suggested_area":"Hall"`,
		"homeassistant/device/" + harness.CellarID + "/config":  `"name":"Cellar"`,
		"homeassistant/device/" + harness.MonitorID + "/config": `"via_device":"hueair2mqtt_amazon"`,
		"homeassistant/device/hueair2mqtt_bridge/config":        `"refresh"`,
		"homeassistant/device/hueair2mqtt_hue/config":           `"acknowledge"`,
		"homeassistant/device/hueair2mqtt_amazon/config":        `"problem"`,
	} {
		if !strings.Contains(retained[topic], want) {
			t.Errorf("%s is %q, want %q in it", topic, retained[topic], want)
		}
	}
}

func TestValuesFollow(t *testing.T) {
	t.Parallel()
	h := newTestHome(t)
	l := h.Broker.Subscribe()
	h.run()
	l.WaitFor("hueair2mqtt/"+harness.HallID, `"temperature":21.34`)
	warmer := harness.HallSensor
	warmer.Temperature, warmer.Motion = 23.5, false
	h.Hue.SetMotionSensor(warmer)
	l.WaitFor("hueair2mqtt/"+harness.HallID, `"motion":false,"temperature":23.5`)
	away := harness.AirMonitor
	away.Reachable = false
	h.Amazon.SetMonitor(away)
	l.WaitFor("hueair2mqtt/"+harness.MonitorID+"/availability", "offline")
	if problem := l.Get("hueair2mqtt/amazon/problem"); !strings.Contains(problem, `"problem":false`) {
		t.Errorf("an unreachable monitor is no authentication failure: %s", problem)
	}
	h.Amazon.SetMonitor(harness.AirMonitor)
	l.WaitFor("hueair2mqtt/"+harness.MonitorID+"/availability", "online")
}

func TestLastWillAfterSIGKILL(t *testing.T) {
	h := newTestHome(t)
	l := h.Broker.Subscribe()
	p := h.run()
	l.WaitFor("hueair2mqtt/"+harness.HallID+"/availability", "online")
	l.WaitFor("hueair2mqtt/bridge/state", "online")
	p.Signal(syscall.SIGKILL)
	l.WaitFor("hueair2mqtt/bridge/state", "offline")
	if got := h.Broker.Retained()["hueair2mqtt/bridge/state"]; got != "offline" {
		t.Errorf("a new subscriber gets %q", got)
	}
	h.run()
	l.WaitFor("hueair2mqtt/bridge/state", "online")
}

func TestSIGTERMPublishesOffline(t *testing.T) {
	h := newTestHome(t)
	l := h.Broker.Subscribe()
	p := h.run()
	l.WaitFor("hueair2mqtt/bridge/state", "online")
	began := time.Now()
	p.StopCleanly()
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("took %v to end", d)
	}
	l.WaitFor("hueair2mqtt/bridge/state", "offline")
	if log := p.Stderr.String(); strings.Contains(log, "Last Will") || !strings.Contains(log, "has stopped") {
		t.Errorf("the log's end:\n%s", log)
	}
	if log := h.Broker.Log(); !strings.Contains(log, "disconnected.") {
		t.Errorf("it did not say goodbye to the broker:\n%s", log)
	}
}

func TestRepublishAfterBrokerRestart(t *testing.T) {
	t.Parallel()
	h := newTestHome(t)
	p := h.run()
	h.Broker.Subscribe().WaitFor("hueair2mqtt/"+harness.HallID, `"temperature":21.34`)
	h.Broker.Stop()
	polls := h.Hue.Requests()
	for i := range 3 {
		s := harness.HallSensor
		s.Temperature = 10 + float64(i)
		h.Hue.SetMotionSensor(s)
		harness.Eventually(t, "a poll without a broker", func() bool { return h.Hue.Requests() > polls+i })
	}
	h.Broker.Start() // without persistence: it has forgotten everything
	l := h.Broker.Subscribe()
	l.WaitFor("hueair2mqtt/bridge/state", "online")
	retained := h.Broker.Retained()
	if got := retained["hueair2mqtt/"+harness.HallID]; !strings.Contains(got, `"temperature":12`) {
		t.Errorf("the newest state is not there: %s", got)
	}
	for _, id := range []string{harness.HallID, harness.CellarID, harness.MonitorID, "hueair2mqtt_bridge", "hueair2mqtt_hue", "hueair2mqtt_amazon"} {
		if retained["homeassistant/device/"+id+"/config"] == "" {
			t.Errorf("%s is not announced", id)
		}
	}
	for _, message := range l.All() {
		if message.Topic == "hueair2mqtt/"+harness.HallID && strings.Contains(message.Payload, `"temperature":21.34`) {
			t.Errorf("an old state came after the newest: %v", message)
		}
	}
	p.Stop()
}

func TestRepublishAfterBirth(t *testing.T) {
	t.Parallel()
	h := newTestHome(t)
	l := h.Broker.Subscribe()
	h.run()
	l.WaitFor("hueair2mqtt/bridge/state", "online")
	l.WaitFor("hueair2mqtt/"+harness.MonitorID+"/availability", "online")
	topic := "homeassistant/device/" + harness.HallID + "/config"
	before := l.Count(topic, "")
	l.Publish("homeassistant/status", "offline", false)
	l.Publish("homeassistant/status", "online", false)
	harness.Eventually(t, "another announcement", func() bool { return l.Count(topic, "") > before })
}

func TestAlertIsRaisedAndCleared(t *testing.T) {
	t.Parallel()
	for source, test := range map[string]struct {
		file           string
		refuse, let    func(h *testHome)
		code, inRemedy string
	}{
		"hue": {
			"ALERT_HUE_PAIRING_NEEDED.txt",
			func(h *testHome) { h.Hue.DeleteKey() }, func(h *testHome) { h.Hue.RestoreKey() },
			"Hue error 1", "hue.bridges[0].username",
		},
		"amazon": {
			"ALERT_TOKEN_REFRESH_NEEDED.txt",
			func(h *testHome) { h.Amazon.Revoke() }, func(h *testHome) { h.Amazon.Restore() },
			"HTTP 401", "cookies.json",
		},
	} {
		t.Run(source, func(t *testing.T) {
			h := newTestHome(t)
			file := filepath.Join(h.StateDir, test.file)
			l := h.Broker.Subscribe()
			p := h.run()
			l.WaitFor("hueair2mqtt/"+source+"/problem", `"problem":false`)
			test.refuse(h)
			l.WaitFor("hueair2mqtt/"+source+"/problem", `"problem":true`)
			problem := l.Get("hueair2mqtt/" + source + "/problem")
			if !strings.Contains(problem, test.code) || !strings.Contains(problem, test.inRemedy) {
				t.Errorf("the problem is %s", problem)
			}
			inFile := func(texts ...string) {
				harness.Eventually(t, fmt.Sprintf("%q in the alert file", texts), func() bool {
					content, err := os.ReadFile(file)
					missing := func(text string) bool { return !strings.Contains(string(content), text) }
					return err == nil && !slices.ContainsFunc(texts, missing)
				})
			}
			inFile(test.code, test.inRemedy)
			l.Publish("hueair2mqtt/bridge/request/acknowledge", source, false)
			l.WaitFor("hueair2mqtt/"+source+"/problem", `"acknowledged":true`)
			inFile("Acknowledged: ")

			p.Kill()
			h.run()
			l.WaitFor("hueair2mqtt/bridge/state", "online")
			l.WaitFor("hueair2mqtt/"+source+"/problem", `"problem":true`)
			l.WaitFor("hueair2mqtt/"+source+"/problem", `"acknowledged":true`)
			test.let(h)
			l.WaitFor("hueair2mqtt/"+source+"/problem", `"problem":false`)
			harness.Eventually(t, "the file is gone", func() bool { return !harness.Exists(t, file) })
		})
	}
}

func TestNoSecretIsPrinted(t *testing.T) {
	h := newTestHome(t)
	l := h.Broker.Subscribe()
	p := h.run()
	l.WaitFor("hueair2mqtt/"+harness.HallID+"/availability", "online")
	h.Hue.DeleteKey()
	h.Amazon.Revoke()
	l.WaitFor("hueair2mqtt/hue/problem", `"problem":true`)
	l.WaitFor("hueair2mqtt/amazon/problem", `"problem":true`)
	_, stdout, stderr := run(t, "check", "--config", h.Config)
	p.Stop()

	said := stdout + stderr + p.Output() + l.Text()
	for _, name := range []string{"ALERT_HUE_PAIRING_NEEDED.txt", "ALERT_TOKEN_REFRESH_NEEDED.txt"} {
		said += harness.ReadFile(t, h.StateFile(name))
	}
	secrets := []string{harness.HueKey}
	for _, value := range h.Amazon.Cookies() {
		secrets = append(secrets, value)
	}
	harness.Lacks(t, said, secrets...)
}

func TestBrokerRefusalIsExplained(t *testing.T) {
	h := newTestHome(t)
	closed := harness.StartMosquitto(t, "allow_anonymous false")
	p := h.run("--mqtt.broker", closed.URL())
	p.Logs("check mqtt.username and mqtt.password")
	code, stdout, _ := run(t, "check", "--config", h.Config, "--mqtt.broker", closed.URL())
	if code != exitFailed || !strings.Contains(stdout, "check mqtt.username") {
		t.Errorf("check: exit code %d, printed %s", code, stdout)
	}
}

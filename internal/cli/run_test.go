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
)

func TestASubscriberSeesTheHouse(t *testing.T) {
	h := newHouse(t)
	l := h.broker.listen()
	h.run()
	l.waitFor("hueair2mqtt/"+hall+"/availability", "online")
	l.waitFor("hueair2mqtt/"+monitor+"/availability", "online")
	l.waitFor("hueair2mqtt/bridge/info", `"devices":2`)

	retained := h.broker.retained()
	states := map[string]string{
		hall:    `{"battery":87,"connectivity":true,"illuminance":120,"motion":true,"temperature":21.34}`,
		monitor: `{"carbon_monoxide":1,"connectivity":true,"humidity":48,"indoor_air_quality":92,"pm10":9,"pm25":6,"temperature":21.5,"voc_index":12}`,
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
		"hueair2mqtt/bridge/state":                       "online",
		"hueair2mqtt/hue/problem":                        `"problem":false`,
		"hueair2mqtt/amazon/problem":                     `"problem":false`,
		"hueair2mqtt/bridge/info":                        `"uptime_start":`,
		"homeassistant/device/" + hall + "/config":       `"suggested_area":"Hall"`,
		"homeassistant/device/" + cellar + "/config":     `"name":"Cellar"`,
		"homeassistant/device/" + monitor + "/config":    `"via_device":"hueair2mqtt_amazon"`,
		"homeassistant/device/hueair2mqtt_bridge/config": `"refresh"`,
		"homeassistant/device/hueair2mqtt_hue/config":    `"acknowledge"`,
		"homeassistant/device/hueair2mqtt_amazon/config": `"problem"`,
	} {
		if !strings.Contains(retained[topic], want) {
			t.Errorf("%s is %q, want %q in it", topic, retained[topic], want)
		}
	}
}

func TestValuesFollow(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	l := h.broker.listen()
	h.run()
	l.waitFor("hueair2mqtt/"+hall, `"temperature":21.34`)
	warmer := hallSensor
	warmer.Temperature, warmer.Motion = 23.5, false
	h.hue.SetMotionSensor(warmer)
	l.waitFor("hueair2mqtt/"+hall, `"motion":false,"temperature":23.5`)
	away := airMonitor
	away.Reachable = false
	h.amazon.SetMonitor(away)
	l.waitFor("hueair2mqtt/"+monitor+"/availability", "offline")
	if problem := l.get("hueair2mqtt/amazon/problem"); !strings.Contains(problem, `"problem":false`) {
		t.Errorf("an unreachable monitor is no authentication failure: %s", problem)
	}
	h.amazon.SetMonitor(airMonitor)
	l.waitFor("hueair2mqtt/"+monitor+"/availability", "online")
}

func TestTheLastWillAfterSIGKILL(t *testing.T) {
	h := newHouse(t)
	l := h.broker.listen()
	p := h.run()
	l.waitFor("hueair2mqtt/"+hall+"/availability", "online")
	l.waitFor("hueair2mqtt/bridge/state", "online")
	p.signal(syscall.SIGKILL)
	l.waitFor("hueair2mqtt/bridge/state", "offline")
	if got := h.broker.retained()["hueair2mqtt/bridge/state"]; got != "offline" {
		t.Errorf("a new subscriber gets %q", got)
	}
	h.run()
	l.waitFor("hueair2mqtt/bridge/state", "online")
}

func TestSIGTERMEndsItWithOffline(t *testing.T) {
	h := newHouse(t)
	l := h.broker.listen()
	p := h.run()
	l.waitFor("hueair2mqtt/bridge/state", "online")
	began := time.Now()
	p.signal(syscall.SIGTERM)
	if code := p.wait(); code != exitGood {
		t.Errorf("exit code %d", code)
	}
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("took %v to end", d)
	}
	l.waitFor("hueair2mqtt/bridge/state", "offline")
	if log := p.stderr.String(); strings.Contains(log, "Last Will") || !strings.Contains(log, "has stopped") {
		t.Errorf("the log's end:\n%s", log)
	}
	if log := h.broker.log.String(); !strings.Contains(log, "disconnected.") {
		t.Errorf("it did not say goodbye to the broker:\n%s", log)
	}
}

func TestTheBrokerGoneAndBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.run()
	h.broker.listen().waitFor("hueair2mqtt/"+hall, `"temperature":21.34`)
	h.broker.stop()
	polls := h.hue.Requests()
	for i := range 3 {
		s := hallSensor
		s.Temperature = 10 + float64(i)
		h.hue.SetMotionSensor(s)
		eventually(t, "a poll without a broker", func() bool { return h.hue.Requests() > polls+i })
	}
	h.broker.start() // without persistence: it has forgotten everything
	l := h.broker.listen()
	l.waitFor("hueair2mqtt/bridge/state", "online")
	retained := h.broker.retained()
	if got := retained["hueair2mqtt/"+hall]; !strings.Contains(got, `"temperature":12`) {
		t.Errorf("the newest state is not there: %s", got)
	}
	for _, id := range []string{hall, cellar, monitor, "hueair2mqtt_bridge", "hueair2mqtt_hue", "hueair2mqtt_amazon"} {
		if retained["homeassistant/device/"+id+"/config"] == "" {
			t.Errorf("%s is not announced", id)
		}
	}
	for _, message := range l.all() {
		if message.topic == "hueair2mqtt/"+hall && strings.Contains(message.payload, `"temperature":21.34`) {
			t.Errorf("an old state came after the newest: %v", message)
		}
	}
	p.signal(syscall.SIGTERM)
	p.wait()
}

func TestBirth(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	l := h.broker.listen()
	h.run()
	l.waitFor("hueair2mqtt/bridge/state", "online")
	l.waitFor("hueair2mqtt/"+monitor+"/availability", "online")
	topic := "homeassistant/device/" + hall + "/config"
	announced := func() (n int) {
		for _, m := range l.all() {
			if m.topic == topic {
				n++
			}
		}
		return n
	}
	before := announced()
	l.publish("homeassistant/status", "offline", false)
	l.publish("homeassistant/status", "online", false)
	eventually(t, "another announcement", func() bool { return announced() > before })
}

func TestAuthenticationFailureAndRecovery(t *testing.T) {
	t.Parallel()
	for source, test := range map[string]struct {
		file           string
		refuse, let    func(h *house)
		code, inRemedy string
	}{
		"hue": {
			"ALERT_HUE_PAIRING_NEEDED.txt",
			func(h *house) { h.hue.DeleteKey() }, func(h *house) { h.hue.RestoreKey() },
			"Hue error 1", "hue.bridges[0].username",
		},
		"amazon": {
			"ALERT_TOKEN_REFRESH_NEEDED.txt",
			func(h *house) { h.amazon.Revoke() }, func(h *house) { h.amazon.Restore() },
			"HTTP 401", "cookies.json",
		},
	} {
		t.Run(source, func(t *testing.T) {
			h := newHouse(t)
			file := filepath.Join(h.stateDir, test.file)
			l := h.broker.listen()
			p := h.run()
			l.waitFor("hueair2mqtt/"+source+"/problem", `"problem":false`)
			test.refuse(h)
			l.waitFor("hueair2mqtt/"+source+"/problem", `"problem":true`)
			problem := l.get("hueair2mqtt/" + source + "/problem")
			if !strings.Contains(problem, test.code) || !strings.Contains(problem, test.inRemedy) {
				t.Errorf("the problem is %s", problem)
			}
			inFile := func(texts ...string) {
				eventually(t, fmt.Sprintf("%q in the alert file", texts), func() bool {
					content, err := os.ReadFile(file)
					missing := func(text string) bool { return !strings.Contains(string(content), text) }
					return err == nil && !slices.ContainsFunc(texts, missing)
				})
			}
			inFile(test.code, test.inRemedy)
			l.publish("hueair2mqtt/bridge/request/acknowledge", source, false)
			l.waitFor("hueair2mqtt/"+source+"/problem", `"acknowledged":true`)
			inFile("Acknowledged: ")

			p.signal(syscall.SIGKILL)
			p.wait()
			h.run()
			l.waitFor("hueair2mqtt/bridge/state", "online")
			l.waitFor("hueair2mqtt/"+source+"/problem", `"problem":true`)
			l.waitFor("hueair2mqtt/"+source+"/problem", `"acknowledged":true`)
			test.let(h)
			l.waitFor("hueair2mqtt/"+source+"/problem", `"problem":false`)
			eventually(t, "the file is gone", func() bool {
				_, err := os.Stat(file)
				return os.IsNotExist(err)
			})
		})
	}
}

func TestDiscoveryRemoveTakesOnlyItsOwn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	l := h.broker.listen()
	foreign := map[string]string{
		"homeassistant/device/zigbee/config":  `{"device":{"identifiers":["z"]},"origin":{"name":"zigbee2mqtt"},"components":{}}`,
		"homeassistant/device/nothing/config": `no JSON`,
		"homeassistant/device/attic/config":   `{"origin":{"name":"hueair2mqtt"},"availability":[{"topic":"attic/bridge/state"}],"components":{}}`,
		"homeassistant/sensor/old/config":     `{}`,
	}
	for topic, payload := range foreign {
		l.publish(topic, payload, true)
	}
	p := h.run()
	l.waitFor("homeassistant/device/"+monitor+"/config", "{")
	l.waitFor("homeassistant/device/"+hall+"/config", "{")
	p.signal(syscall.SIGTERM)
	p.wait()

	code, stdout, stderr := run(t, "discovery", "remove", "--config", h.config)
	if code != exitGood || !strings.Contains(stdout, "removed homeassistant/device/"+hall+"/config\n") {
		t.Errorf("exit code %d, printed %s%s", code, stdout, stderr)
	}
	retained := h.broker.retained()
	for topic := range retained {
		if _, ok := foreign[topic]; !ok && strings.HasPrefix(topic, "homeassistant/") {
			t.Errorf("%s is still there", topic)
		}
	}
	for topic, payload := range foreign {
		if retained[topic] != payload {
			t.Errorf("%s was taken away", topic)
		}
	}
	code, stdout, _ = run(t, "discovery", "remove", "--config", h.config)
	if code != exitGood || !strings.Contains(stdout, "nothing to remove") {
		t.Errorf("a second time: exit code %d, printed %s", code, stdout)
	}
}

func TestNoSecretIsEverPrinted(t *testing.T) {
	h := newHouse(t)
	l := h.broker.listen()
	p := h.run()
	l.waitFor("hueair2mqtt/"+hall+"/availability", "online")
	h.hue.DeleteKey()
	h.amazon.Revoke()
	l.waitFor("hueair2mqtt/hue/problem", `"problem":true`)
	l.waitFor("hueair2mqtt/amazon/problem", `"problem":true`)
	_, stdout, stderr := run(t, "check", "--config", h.config)
	p.signal(syscall.SIGTERM)
	p.wait()

	said := stdout + stderr + p.stdout.String() + p.stderr.String()
	for _, m := range l.all() {
		said += m.topic + m.payload
	}
	for _, name := range []string{"ALERT_HUE_PAIRING_NEEDED.txt", "ALERT_TOKEN_REFRESH_NEEDED.txt"} {
		content, err := os.ReadFile(filepath.Join(h.stateDir, name))
		if err != nil {
			t.Fatal(err)
		}
		said += string(content)
	}
	secrets := []string{hueKey}
	for _, value := range h.amazon.Cookies() {
		secrets = append(secrets, value)
	}
	for _, secret := range secrets {
		if strings.Contains(said, secret) {
			t.Errorf("%q was printed or published", secret)
		}
	}
}

func TestABrokerThatRefusesSaysWhatToDo(t *testing.T) {
	h := newHouse(t)
	closed := startMosquitto(t, "allow_anonymous false")
	p := start(t, "run", "--config", h.config, "--mqtt.broker", closed.url())
	eventually(t, "the remedy in the log", func() bool {
		return strings.Contains(p.stderr.String(), "check mqtt.username and mqtt.password")
	})
	code, stdout, _ := run(t, "check", "--config", h.config, "--mqtt.broker", closed.url())
	if code != exitFailed || !strings.Contains(stdout, "check mqtt.username") {
		t.Errorf("check: exit code %d, printed %s", code, stdout)
	}
}

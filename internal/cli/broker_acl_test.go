package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"hueair2mqtt/test/harness"
)

// guardedBroker is a Mosquitto with the shipped ACL file, on which nobody else but
// the test may do everything.
func guardedBroker(t *testing.T) (program, everybody *mosquitto) {
	t.Helper()
	dir := t.TempDir()
	shipped, err := os.ReadFile(filepath.Join("..", "..", "packaging", "deb", "hueair2mqtt.acl"))
	if err != nil {
		t.Fatal(err)
	}
	acl, passwords := filepath.Join(dir, "acl"), filepath.Join(dir, "passwords")
	if err := os.WriteFile(acl, append(shipped, "\nuser test\ntopic readwrite #\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, user := range []string{"hueair2mqtt", "test"} {
		args := []string{"-b", passwords, user, "password-of-" + user}
		if i == 0 {
			args = append([]string{"-c"}, args...)
		}
		if out, err := exec.Command("mosquitto_passwd", args...).CombinedOutput(); err != nil {
			t.Fatalf("mosquitto_passwd: %v\n%s", err, out)
		}
	}
	open := harness.Reserve(t)
	program = startMosquitto(t, asRoot, "per_listener_settings true", "allow_anonymous false", "password_file "+passwords, "acl_file "+acl,
		fmt.Sprintf("listener %d 127.0.0.1", open), "allow_anonymous true")
	return program, &mosquitto{t: t, port: open}
}

// as connects as a user of the guarded broker.
func (m *mosquitto) as(user string) *listener {
	m.t.Helper()
	l := &listener{t: m.t, latest: make(map[string]string)}
	options := mqtt.NewClientOptions().AddBroker(m.url()).SetAutoReconnect(false).SetUsername(user).SetPassword("password-of-" + user)
	l.client = mqtt.NewClient(options)
	l.done(l.client.Connect())
	l.done(l.client.Subscribe("#", 1, func(_ mqtt.Client, message mqtt.Message) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.latest[message.Topic()] = string(message.Payload())
	}))
	m.t.Cleanup(func() { l.client.Disconnect(100) })
	return l
}

// TestTheShippedACLGrantsAllThatIsNeeded has the program do everything that it
// does on a broker that grants it nothing but what the shipped file says.
func TestTheShippedACLGrantsAllThatIsNeeded(t *testing.T) {
	t.Parallel()
	guarded, open := guardedBroker(t)
	h := newHouse(t)
	password := filepath.Join(h.stateDir, "password")
	if err := os.WriteFile(password, []byte("password-of-hueair2mqtt\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--config", h.config, "--mqtt.broker", guarded.url(), "--mqtt.username", "hueair2mqtt", "--mqtt.password_file", password}
	if code, stdout, stderr := run(t, append([]string{"check"}, args...)...); code != exitGood {
		t.Errorf("check: exit code %d, printed %s%s", code, stdout, stderr)
	}
	l := open.listen()
	p := start(t, append([]string{"run"}, args...)...)
	for topic, text := range map[string]string{
		"hueair2mqtt/bridge/state":                 "online",
		"hueair2mqtt/bridge/devices":               monitor,
		"hueair2mqtt/bridge/info":                  `"devices":2`,
		"hueair2mqtt/" + hall:                      `"temperature":21.34`,
		"hueair2mqtt/" + monitor + "/availability": "online",
		"hueair2mqtt/hue/problem":                  `"problem":false`,
		"homeassistant/device/" + hall + "/config": "Hall",
	} {
		l.waitFor(topic, text)
	}
	l.publish("hueair2mqtt/bridge/request/refresh", "", false)
	l.waitFor("hueair2mqtt/bridge/response/refresh", `"ok"`)
	h.hue.DeleteKey()
	l.waitFor("hueair2mqtt/hue/problem", `"problem":true`)
	l.publish("hueair2mqtt/bridge/request/acknowledge", "hue", false)
	l.waitFor("hueair2mqtt/hue/problem", `"acknowledged":true`)
	l.publish("homeassistant/status", "online", false)
	eventually(t, "the birth is heard", func() bool { return strings.Contains(p.stderr.String(), "Home Assistant has started") })

	p.signal(syscall.SIGKILL)
	p.wait()
	l.waitFor("hueair2mqtt/bridge/state", "offline")
	// An earlier run's devices are known by what it has told.
	h.amazon.RemoveMonitor(airMonitor.Serial)
	p = start(t, append([]string{"run"}, args...)...)
	l.waitFor("hueair2mqtt/bridge/state", "online")
	l.waitFor("hueair2mqtt/"+monitor+"/availability", "offline")
	if log := p.stderr.String(); strings.Contains(log, "refused a subscription") || strings.Contains(log, "did not accept a message") {
		t.Errorf("something was not granted:\n%s", log)
	}
	p.signal(syscall.SIGTERM)
	p.wait()
	code, stdout, stderr := run(t, append([]string{"discovery", "remove"}, args...)...)
	if code != exitGood || !strings.Contains(stdout, "/"+hall+"/config") {
		t.Errorf("discovery remove: exit code %d, printed %s%s", code, stdout, stderr)
	}
	for topic := range open.retained() {
		if strings.HasPrefix(topic, "homeassistant/") {
			t.Errorf("%s is still there", topic)
		}
	}
	if code, stdout, stderr := run(t, append([]string{"discovery", "remove", "--all"}, args...)...); code != exitGood {
		t.Errorf("discovery remove --all: exit code %d, printed %s%s", code, stdout, stderr)
	}
	for topic := range open.retained() {
		if strings.HasPrefix(topic, "hueair2mqtt/") {
			t.Errorf("%s is still there", topic)
		}
	}
}

// TestTheShippedACLGrantsNothingElse has somebody sign in with the program's
// password and try other things.
func TestTheShippedACLGrantsNothingElse(t *testing.T) {
	guarded, open := guardedBroker(t)
	l, thief := open.listen(), guarded.as("hueair2mqtt")
	foreign := []string{
		"zigbee2mqtt/bridge/request/permit_join", "homeassistant/sensor/door/config", "homeassistant/device/door/state", "homeassistant/status",
		"hueair2mqtt/bridge/request/refresh", "hueair2mqtt/a/b/c", "alarm/disarm", "hueair2mqttx",
	}
	for _, topic := range foreign {
		thief.publish(topic, "stolen", false)
	}
	thief.publish("hueair2mqtt/bridge/state", "the end", false)
	l.waitFor("hueair2mqtt/bridge/state", "the end")
	for _, topic := range foreign {
		if l.get(topic) != "" {
			t.Errorf("it could write to %s", topic)
		}
		l.publish(topic, "secret", false)
	}
	l.publish("hueair2mqtt/"+hall, "secret", false)
	l.publish("homeassistant/device/x/config", "the end", false)
	thief.waitFor("homeassistant/device/x/config", "the end")
	for _, topic := range append(foreign, "hueair2mqtt/"+hall) {
		granted := topic == "homeassistant/status" || topic == "hueair2mqtt/bridge/request/refresh"
		if heard := thief.get(topic) == "secret"; heard != granted {
			t.Errorf("reading %s: heard is %t, granted is %t", topic, heard, granted)
		}
	}
}

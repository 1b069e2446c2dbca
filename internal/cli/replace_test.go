package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"hueair2mqtt/collectors/hue/huetest"
	"hueair2mqtt/test/harness"
)

// pairWith runs "hue pair" with a Hue bridge whose button is pressed.
func pairWith(t *testing.T, bridge *huetest.Bridge, server *huetest.Server, stateDir string) {
	t.Helper()
	bridge.PressLinkButton()
	if out, err := runHue(t, finderOf(server), stateDir, "pair"); err != nil {
		t.Fatal(err, out)
	}
}

// A running service takes up a Bridge Pro that replaces a BSB002. The devices keep ids, names,
// areas and topics; the old bridge is reported once as missing, and then forgotten.
func TestMoveToABridgePro(t *testing.T) {
	const oldID, proID = "001788fffe010203", "c42996fffe0a0b0c"
	oldBridge, oldServer := newHueServer(t, oldID)
	oldBridge.SetRoom("Hallway", "00:17:88:01:02:03:04:05")
	pro := huetest.NewBridge(proID, "another key")
	pro.SetModel("BSB003")
	proServer := huetest.StartTLS(pro, huetest.WithSelfSigned())
	t.Cleanup(proServer.Close)

	broker, dir := harness.StartMosquitto(t), t.TempDir()
	pairWith(t, oldBridge, oldServer, dir)
	config := filepath.Join(t.TempDir(), "hueair2mqtt.yaml")
	text := fmt.Sprintf("mqtt: {broker: %q}\nhue: {enabled: true, interval: 1s, timeout: 1s}\nretry: {base_delay: 20ms, max_delay: 100ms}\nstate_dir: %s\n",
		broker.URL(), dir)
	harness.WriteFile(t, config, text, 0o600)
	p := start(t, "run", "--config", config)
	l := broker.Subscribe()
	const availability, info = "hueair2mqtt/" + harness.HallID + "/availability", "hueair2mqtt/bridge/info"
	l.WaitFor(availability, "online")
	announced := l.Get("homeassistant/device/" + harness.HallID + "/config")

	pairWith(t, pro, proServer, dir)
	l.WaitFor(info, proID)
	// The app moves the devices, and the old bridge is unplugged.
	moved := huetest.MotionSensor{MAC: "00:17:88:01:02:03:04:05", Name: "Hall", Temperature: 22.5, Lux: 28.6, Battery: 86, Reachable: true}
	pro.SetMotionSensor(moved)
	pro.SetDial(huetest.Dial{MAC: "00:17:88:01:02:03:04:06", Name: "Dial", Battery: 33, Reachable: true})
	pro.SetRoom("Hallway", moved.MAC)
	oldServer.Close()
	l.WaitFor("hueair2mqtt/"+harness.HallID, "22.5")
	remedy := "hue forget " + oldID
	p.Logs(remedy)
	l.WaitFor(availability, "online")
	version := regexp.MustCompile(`"sw_version":"[^"]*"`) // of the sensor alone
	if now := l.Get("homeassistant/device/" + harness.HallID + "/config"); version.ReplaceAllString(now, "") != version.ReplaceAllString(announced, "") {
		t.Errorf("announced %s\nbefore    %s", now, announced)
	}

	if out, err := runHue(t, finderOf(), dir, "forget", strings.ToUpper(oldID)); err != nil {
		t.Fatal(err, out)
	}
	harness.Eventually(t, "the end of the old bridge", func() bool { return !strings.Contains(l.Get(info), oldID) })
	moved.Temperature = 23.5
	pro.SetMotionSensor(moved)
	l.WaitFor("hueair2mqtt/"+harness.HallID, "23.5")
	if got := l.Get(availability); got != "online" {
		t.Errorf("the sensor is %s", got)
	}
	if stored, err := os.ReadFile(filepath.Join(dir, "hue.json")); err != nil || strings.Contains(string(stored), oldID) || !strings.Contains(string(stored), proID) {
		t.Errorf("%v: %s", err, stored)
	}
	_, err := runHue(t, finderOf(), dir, "forget", oldID)
	if exitCode(err) != exitFailed || !strings.Contains(err.Error(), proID) {
		t.Error(err)
	}
}

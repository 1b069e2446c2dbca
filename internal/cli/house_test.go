package cli

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/collectors/hue/huetest"
)

// house is a Hue bridge, an Amazon account, a broker, and the settings of a
// hueair2mqtt that reads and tells them.
type house struct {
	t        *testing.T
	broker   *mosquitto
	hue      *huetest.Bridge
	amazon   *amazontest.Account
	stateDir string
	config   string
}

const (
	hueKey  = "hue-key-that-nobody-may-see"
	hall    = "hue_0017880102030405"
	cellar  = "hue_0017880102030406"
	monitor = "amazon_g0a0testserial1"
)

var (
	hallSensor = huetest.MotionSensor{
		MAC: "00:17:88:01:02:03:04:05", Name: "Hall", Temperature: 21.34, Motion: true, Lux: 120, Battery: 87, Reachable: true,
	}
	cellarSensor = huetest.MotionSensor{
		MAC: "00:17:88:01:02:03:04:06", Name: "Cellar", Temperature: 14, Lux: 3, Battery: 41, Reachable: true,
	}
	airMonitor = amazontest.Monitor{
		Serial: "G0A0TESTSERIAL1", EntityID: "7d0f5e5c-1111-4222-8333-444455556666", ApplianceID: "AAA_SonarCloudService_x",
		Name: "Living Room Air", Temperature: 70.7, Scale: "FAHRENHEIT", Humidity: 48, PM25: 6, PM10: 9, CO: 1, VOCIndex: 12,
		AirQuality: 92, Reachable: true,
	}
)

// newHouse builds a house with two motion sensors and one monitor.
func newHouse(t *testing.T) *house {
	h := &house{
		t: t, broker: startMosquitto(t), stateDir: t.TempDir(),
		hue: huetest.NewBridge("001788fffe010203", hueKey), amazon: amazontest.NewAccount(),
	}
	h.hue.SetMotionSensor(hallSensor)
	h.hue.SetMotionSensor(cellarSensor)
	h.amazon.SetMonitor(airMonitor)
	hueServer, alexa := httptest.NewServer(h.hue), httptest.NewServer(h.amazon)
	t.Cleanup(hueServer.Close)
	t.Cleanup(alexa.Close)

	cookies, err := json.Marshal(h.amazon.Cookies())
	if err != nil {
		t.Fatal(err)
	}
	cookiesFile := filepath.Join(h.stateDir, "cookies.json")
	h.config = filepath.Join(h.stateDir, "hueair2mqtt.yaml")
	config := fmt.Sprintf(`
mqtt: {broker: %q}
hue:
  enabled: true
  interval: 1s
  timeout: 1s
  bridges: [{host: %q, id: 001788fffe010203, username: %s}]
  areas: {"00:17:88:01:02:03:04:05": Hall}
amazon:
  enabled: true
  interval: 1s
  timeout: 1s
  cookies_file: %s
  areas: {G0A0TESTSERIAL1: Living Room}
  endpoints: {alexa: %q}
retry: {base_delay: 20ms, max_delay: 100ms}
state_dir: %s
log: {level: debug}
`, h.broker.url(), hueServer.URL, hueKey, cookiesFile, alexa.URL, h.stateDir)
	for file, content := range map[string]string{cookiesFile: string(cookies), h.config: config} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// run starts the bridge of the house.
func (h *house) run() *program {
	h.t.Helper()
	return start(h.t, "run", "--config", h.config)
}

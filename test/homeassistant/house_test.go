//go:build homeassistant

package homeassistant_test

import (
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/huetest"
)

// Identifiers of the house's devices.
const (
	hallSensor    = "hue_0017880102030405"
	cellarSensor  = "hue_0017880102030406"
	frontDoor     = "hue_0017880102030407"
	kitchenDimmer = "hue_0017880102030408"
	lampDial      = "hue_0017880102030409"
	wallTap       = "hue_000000000175e383"
	stairsSensor  = "hue_0017880102030411"
	readingLamp   = "hue_0017880102030412"
	fanPlug       = "hue_0017880102030413"
	livingRoomAir = "amazon_g0a0000000000001"
	bedroomAir    = "amazon_g0a0000000000002"
	hueSource     = "hueair2mqtt_hue"
	amazonSource  = "hueair2mqtt_amazon"
	bridgeItself  = "hueair2mqtt_bridge"
)

// house is a home with a device of each kind, a broker, and a bridge that is set
// up as a user sets it up. The device fields are what the test servers hold.
type house struct {
	t      *testing.T
	hue    *huetest.Bridge
	amazon *amazontest.Account
	broker *broker
	bridge *process // nil: does not run
	config string
	dir    string

	hall, cellar        huetest.MotionSensor
	door                huetest.ContactSensor
	dimmer              huetest.Switch
	dial                huetest.Dial
	tap                 huetest.Switch
	stairs              huetest.MotionSensor // in the hall, as the other one
	doorbell            huetest.Camera
	sofa                huetest.MotionArea
	lamp, plug          huetest.Light
	livingRoom, bedroom amazontest.Monitor
}

// doorbellID, sofaCorner and hallRoom are of the ids of resources.
func (h *house) doorbellID() string {
	return collectors.DeviceID(hue.Source, h.hue.DeviceID(h.doorbell.MAC))
}

func (h *house) sofaCorner() string {
	return collectors.DeviceID(hue.Source, h.hue.MotionAreaID(h.sofa.Name))
}

func (h *house) hallRoom() string { return collectors.DeviceID(hue.Source, h.hue.RoomID("Hall")) }

// newHouse builds the house; the bridge does not run yet. The cellar's sensor is
// out of reach.
func newHouse(t *testing.T) *house {
	t.Helper()
	dir := t.TempDir()
	h := &house{
		t: t, dir: dir, config: filepath.Join(dir, "hueair2mqtt.yaml"), broker: newBroker(t),
		hue: huetest.NewBridge("001788fffe010203", "nobody's key"), amazon: amazontest.NewAccount(),

		hall:     huetest.MotionSensor{MAC: "00:17:88:01:02:03:04:05", Name: "Hall sensor", Temperature: 20.57, Lux: 120, Battery: 87, Reachable: true},
		cellar:   huetest.MotionSensor{MAC: "00:17:88:01:02:03:04:06", Name: "Cellar sensor", Temperature: 14.2, Lux: 3, Battery: 41},
		door:     huetest.ContactSensor{MAC: "00:17:88:01:02:03:04:07", Name: "Front door", Battery: 73, Reachable: true},
		dimmer:   huetest.Switch{MAC: "00:17:88:01:02:03:04:08", Name: "Kitchen dimmer", Type: "ZLLSwitch", Battery: 66, Reachable: true},
		dial:     huetest.Dial{MAC: "00:17:88:01:02:03:04:09", Name: "Lamp dial", Battery: 92, Reachable: true},
		tap:      huetest.Switch{MAC: "00:00:00:00:01:75:e3:83", Name: "Wall tap", Type: "ZGPSwitch"},
		stairs:   huetest.MotionSensor{MAC: "00:17:88:01:02:03:04:11", Name: "Stairs sensor", Temperature: 19.02, Lux: 25, Battery: 15, Reachable: true, Off: true},
		doorbell: huetest.Camera{MAC: "c4:29:96:01:02:03", Name: "Doorbell", Doorbell: true},
		sofa:     huetest.MotionArea{Name: "Sofa corner", Room: "Kitchen", Motion: true, Lights: true},
		lamp:     huetest.Light{MAC: "00:17:88:01:02:03:04:12", Name: "Reading lamp", On: true, Brightness: 62.06, Mirek: 400, Reachable: true},
		plug:     huetest.Light{MAC: "00:17:88:01:02:03:04:13", Name: "Fan plug", Plug: true, Reachable: true},
		livingRoom: amazontest.Monitor{
			Serial: "G0A0000000000001", EntityID: "0d0e0f00-0000-4000-8000-000000000001", ApplianceID: "AAA_1", Name: "Living Room Air",
			Temperature: 21.4, Humidity: 47, PM25: 6, PM10: 9, CO: 1, VOCIndex: 12, AirQuality: 92, Reachable: true,
		},
		bedroom: amazontest.Monitor{
			Serial: "G0A0000000000002", EntityID: "0d0e0f00-0000-4000-8000-000000000002", ApplianceID: "AAA_2", Name: "Bedroom Air",
			Temperature: 64.4, Scale: "FAHRENHEIT", Humidity: 51, PM25: 4, CO: 0, VOCIndex: 8, AirQuality: 97, NoPM10: true, Reachable: true,
		},
	}
	h.hue.SetRoom("Hall", h.hall.MAC, h.door.MAC, h.stairs.MAC, h.doorbell.MAC)
	h.hue.SetRoom("Cellar", h.cellar.MAC)
	h.hue.SetRoom("Kitchen", h.dimmer.MAC, h.tap.MAC, h.lamp.MAC)
	h.tell()

	hueServer := huetest.StartTLS(h.hue, huetest.WithSelfSigned())
	t.Cleanup(hueServer.Close)
	alexa := httptest.NewServer(h.amazon)
	t.Cleanup(alexa.Close)
	config := fmt.Sprintf(`
mqtt: {broker: %q}
hue: {enabled: true, interval: 2s, timeout: 1s, lights: true, button_events: standard}
amazon:
  enabled: true
  interval: 2s
  timeout: 1s
  areas: {%s: Living Room, %s: Bedroom}
  endpoints: {alexa: %q, auth: %[4]q}
retry: {base_delay: 20ms, max_delay: 100ms}
state_dir: %[5]s
`, h.broker.url(), h.livingRoom.Serial, h.bedroom.Serial, alexa.URL, dir)
	if err := os.WriteFile(h.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	h.hue.PressLinkButton()
	h.run("hue", "pair", "--host", hueServer.Host())
	h.signIn()
	return h
}

// tell gives the test servers what the fields hold.
func (h *house) tell() {
	h.hue.SetMotionSensor(h.hall)
	h.hue.SetMotionSensor(h.cellar)
	h.hue.SetContactSensor(h.door)
	h.hue.SetSwitch(h.dimmer)
	h.hue.SetDial(h.dial)
	h.hue.SetSwitch(h.tap)
	h.hue.SetMotionSensor(h.stairs)
	h.hue.SetCamera(h.doorbell)
	h.hue.SetMotionArea(h.sofa)
	h.hue.SetLight(h.lamp)
	h.hue.SetLight(h.plug)
	h.hue.SetSoftwareUpdate(h.door.MAC, "ready_to_install")
	h.amazon.SetMonitor(h.livingRoom)
	h.amazon.SetMonitor(h.bedroom)
}

// command is the program with the house's settings.
func (h *house) command(args ...string) *exec.Cmd {
	return exec.Command(program, append(args, "--config", h.config)...)
}

// run runs a command to its end, which must be good, and returns what it printed.
func (h *house) run(args ...string) string {
	h.t.Helper()
	p := start(h.t, "hueair2mqtt "+args[0], h.command(args...))
	if code := p.wait(); code != 0 {
		h.t.Fatalf("hueair2mqtt %v ended with %d:\n%s", args, code, &p.out)
	}
	return p.out.String()
}

var signInAddress = regexp.MustCompile(`(?m)^https://www\.amazon\.\S+/ap/signin\?\S+$`)

// signIn signs in to Amazon, with the test's account for the user's browser.
func (h *house) signIn() {
	h.t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		h.t.Fatal(err)
	}
	defer writer.Close()
	cmd := h.command("amazon", "login")
	cmd.Stdin = reader
	p := start(h.t, "hueair2mqtt amazon login", cmd)
	reader.Close() // the program has it
	var address string
	within(h.t, patience, "Amazon's address", func() error {
		if address = signInAddress.FindString(p.out.String()); address == "" {
			return fmt.Errorf("not in %q", p.out.String())
		}
		return nil
	})
	landing, err := h.amazon.Consent(address)
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := io.WriteString(writer, landing+"\n"); err != nil {
		h.t.Fatal(err)
	}
	if code := p.wait(); code != 0 {
		h.t.Fatalf("amazon login ended with %d:\n%s", code, &p.out)
	}
}

// revoke ends the sign-in, as a changed password does.
func (h *house) revoke() {
	h.amazon.RevokeTokens()
	h.amazon.KillCookies()
}

func (h *house) startBridge() {
	h.t.Helper()
	h.bridge = start(h.t, "hueair2mqtt run", h.command("run"))
}

// stopBridge ends the bridge and returns when that was.
func (h *house) stopBridge(signal syscall.Signal) time.Time {
	h.t.Helper()
	h.bridge.stop(signal)
	return time.Now()
}

//go:build homeassistant

package homeassistant_test

import (
	"os/exec"
	"syscall"
	"testing"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/huetest"
	"hueair2mqtt/test/harness"
)

// Identifiers of the devices.
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

// testHome is a home with a device of each kind and a bridge that is set up as a user does. The
// device fields are the state of the test servers after publish.
type testHome struct {
	*harness.Home
	t      *testing.T
	bridge *harness.Process // nil: not running

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

// doorbellID, sofaCorner and hallRoom return identifiers that derive from resource ids.
func (h *testHome) doorbellID() string {
	return collectors.DeviceID(hue.Source, h.Hue.DeviceID(h.doorbell.MAC))
}

func (h *testHome) sofaCorner() string {
	return collectors.DeviceID(hue.Source, h.Hue.MotionAreaID(h.sofa.Name))
}

func (h *testHome) hallRoom() string { return collectors.DeviceID(hue.Source, h.Hue.RoomID("Hall")) }

// newTestHome starts the home without the bridge. The cellar's sensor is unreachable.
func newTestHome(t *testing.T) *testHome {
	t.Helper()
	h := &testHome{
		t: t, Home: harness.NewHome(t, harness.Options{}),

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
	h.Hue.SetRoom("Hall", h.hall.MAC, h.door.MAC, h.stairs.MAC, h.doorbell.MAC)
	h.Hue.SetRoom("Cellar", h.cellar.MAC)
	h.Hue.SetRoom("Kitchen", h.dimmer.MAC, h.tap.MAC, h.lamp.MAC)
	h.publish()

	h.Configure(`
hue: {enabled: true, interval: 2s, timeout: 1s, lights: true, button_events: standard}
amazon:
  enabled: true
  interval: 2s
  timeout: 1s
  areas: {%s: Living Room, %s: Bedroom}
  endpoints: {alexa: %q, auth: %[3]q}
log: {}
`, h.livingRoom.Serial, h.bedroom.Serial, h.Alexa.URL)
	h.Hue.PressLinkButton()
	h.run("hue", "pair", "--host", h.HueTLS.Host())
	h.signIn()
	return h
}

// publish sets the devices of the test servers.
func (h *testHome) publish() {
	h.Hue.SetMotionSensor(h.hall)
	h.Hue.SetMotionSensor(h.cellar)
	h.Hue.SetContactSensor(h.door)
	h.Hue.SetSwitch(h.dimmer)
	h.Hue.SetDial(h.dial)
	h.Hue.SetSwitch(h.tap)
	h.Hue.SetMotionSensor(h.stairs)
	h.Hue.SetCamera(h.doorbell)
	h.Hue.SetMotionArea(h.sofa)
	h.Hue.SetLight(h.lamp)
	h.Hue.SetLight(h.plug)
	h.Hue.SetSoftwareUpdate(h.door.MAC, "ready_to_install")
	h.Amazon.SetMonitor(h.livingRoom)
	h.Amazon.SetMonitor(h.bedroom)
}

// command returns a command of the program.
func (h *testHome) command(args ...string) *exec.Cmd {
	return exec.Command(program, append(args, "--config", h.Config)...)
}

// run runs a command of the program, which must succeed.
func (h *testHome) run(args ...string) {
	h.t.Helper()
	if code, stdout, stderr := harness.Run(h.t, h.command(args...)); code != 0 {
		h.t.Fatalf("hueair2mqtt %v ended with %d:\n%s%s", args, code, stdout, stderr)
	}
}

// signIn signs in to Amazon.
func (h *testHome) signIn() {
	h.t.Helper()
	harness.SignIn(h.t, h.Amazon, h.command("amazon", "login"))
}

// revoke ends the sign-in, as a changed password does.
func (h *testHome) revoke() {
	h.Amazon.RevokeTokens()
	h.Amazon.KillCookies()
}

func (h *testHome) startBridge() {
	h.t.Helper()
	h.bridge = harness.Start(h.t, h.command("run"))
}

// stopBridge ends the bridge with a signal and returns the time of its end.
func (h *testHome) stopBridge(signal syscall.Signal) time.Time {
	h.t.Helper()
	h.bridge.Signal(signal)
	h.bridge.Wait()
	return time.Now()
}

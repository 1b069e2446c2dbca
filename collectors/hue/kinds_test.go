package hue_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/huetest"
)

const bellMAC = "c4:29:96:01:02:03"

func TestMotionAwareAreaIsADevice(t *testing.T) {
	known, unknown := collectors.Bool, collectors.Unknown
	tests := []struct {
		name   string
		area   huetest.MotionArea
		motion collectors.Value
	}{
		{"convenience", huetest.MotionArea{Lights: true, Motion: true}, known(true)},
		{"convenience, no motion", huetest.MotionArea{Lights: true}, known(false)},
		{"security", huetest.MotionArea{Motion: true}, known(true)},
		{"security, no motion", huetest.MotionArea{}, known(false)},
		{"degraded", huetest.MotionArea{Motion: true, Health: "degraded"}, known(true)},
		{"not running", huetest.MotionArea{Motion: true, Health: "not_running"}, unknown},
		{"switched off", huetest.MotionArea{Motion: true, Lights: true, Off: true}, unknown},
		{"reports nothing", huetest.MotionArea{Silent: true}, unknown},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newTestHomeV2(t, nil, nil)
				h.bridge.SetModel("BSB003")
				furnish(h.bridge)
				test.area.Name, test.area.Room = "Sofa corner", "Hallway"
				h.bridge.SetMotionArea(test.area)
				id := collectors.DeviceID(hue.Source, h.bridge.MotionAreaID("Sofa corner"))
				s := h.follow(t)
				d := deviceIn(t, s, id)
				want := readings{collectors.Motion: test.motion, collectors.Enabled: known(!test.area.Off)}
				if !d.Online || d.Name != "Sofa corner" || d.Area != "Hallway" || d.Model != "MotionAware area" || !maps.Equal(d.Readings, want) || d.LastSeen.IsZero() == !test.area.Silent {
					t.Errorf("%+v, want %v", d, want)
				}
				if len(s.Devices) != 6 {
					t.Errorf("%d devices, want one for the area", len(s.Devices))
				}
			})
		})
	}
}

// An area's events change it, and its room's name moves it.
func TestMotionAwareAreaFollowsEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, nil)
		furnish(h.bridge)
		area := huetest.MotionArea{Name: "Sofa corner", Room: "Hallway", Lights: true}
		h.bridge.SetMotionArea(area)
		id := collectors.DeviceID(hue.Source, h.bridge.MotionAreaID(area.Name))
		h.follow(t)
		for _, change := range []struct {
			change func()
			motion collectors.Value
		}{
			{func() { area.Motion = true }, collectors.Bool(true)},
			{func() { area.Lights = false }, collectors.Bool(true)},
			{func() { area.Off = true }, collectors.Unknown},
			{func() { area.Off = false }, collectors.Bool(true)},
			{func() { area.Health = "not_running" }, collectors.Unknown},
			{func() { area.Health = "recovering" }, collectors.Bool(true)},
			{func() { area.Motion = false }, collectors.Bool(false)},
		} {
			time.Sleep(time.Second)
			change.change()
			h.bridge.SetMotionArea(area)
			d := h.nextOf(t, id, func(collectors.Device) bool { return true })
			if d.Readings[collectors.Motion] != change.motion || d.Area != "Hallway" {
				t.Errorf("%+v: %+v, want %s", area, d, change.motion)
			}
		}
		h.bridge.RemoveMotionArea(area.Name)
		h.nextResync(t)
		if s := h.mustCollect(t); slices.ContainsFunc(s.Devices, func(d collectors.Device) bool { return d.ID == id }) {
			t.Error("the area is still there")
		}
	})
}

// nextOf waits for an update of a device that is as it should be; others may come
// before.
func (h *testHome) nextOf(t *testing.T, id string, is func(collectors.Device) bool) collectors.Device {
	t.Helper()
	for {
		for _, d := range h.next(t).Devices {
			if d.ID == id && is(d) {
				return d
			}
		}
	}
}

func TestDoorbellRingsAndSeesMotion(t *testing.T) {
	for names, eventType := range map[hue.ButtonEvents]string{"": "initial_press", hue.HueEvents: "initial_press", hue.StandardEvents: "ring"} {
		t.Run(string(names), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newTestHomeV2(t, nil, func(o *hue.Options) { o.ButtonEvents = names })
				h.bridge.SetMotionSensor(hall)
				h.bridge.SetCamera(huetest.Camera{MAC: bellMAC, Name: "Doorbell", Doorbell: true, Off: true})
				id := collectors.DeviceID(hue.Source, h.bridge.DeviceID(bellMAC))
				d := deviceIn(t, h.follow(t), id)
				if !slices.Equal(d.EventTypes["bell"], []string{eventType}) || len(d.EventTypes) != 1 || !d.Online ||
					!d.Readings[collectors.Motion].IsUnknown() || d.Readings[collectors.Enabled] != collectors.Bool(false) {
					t.Errorf("%+v", d)
				}
				for range 2 {
					time.Sleep(time.Second)
					h.bridge.Ring(bellMAC)
					if u := h.next(t); len(u.Events) != 1 || u.Events[0].DeviceID != id || u.Events[0].Key != "bell" || u.Events[0].Type != eventType {
						t.Errorf("%+v", u)
					}
				}
			})
		})
	}
}

// A room is a device from two sensors on.
func TestRoomWithTwoSensorsIsADevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, nil)
		furnish(h.bridge) // one sensor in the Hallway, beside door and lamp
		id := collectors.DeviceID(hue.Source, h.bridge.RoomID("Hallway"))
		s := h.follow(t)
		if slices.ContainsFunc(s.Devices, func(d collectors.Device) bool { return d.ID == id }) {
			t.Error("a room with one sensor is a device")
		}
		other := hall
		other.MAC, other.Name, other.Motion, other.Lux = "00:17:88:01:02:03:04:99", "Hall 2", false, 99.5
		h.bridge.SetMotionSensor(other)
		h.bridge.SetRoom("Hallway", hallMAC, doorMAC, lampMAC, other.MAC)
		h.nextResync(t)
		d := deviceIn(t, h.mustCollect(t), id)
		want := readings{collectors.Motion: collectors.Bool(true), collectors.Illuminance: collectors.Number(99.49)}
		if !d.Online || d.Name != "Hallway" || d.Area != "Hallway" || !maps.Equal(d.Readings, want) || d.LastSeen.IsZero() {
			t.Errorf("%+v, want %v", d, want)
		}

		time.Sleep(time.Second)
		sensor := hall
		sensor.Motion = false
		h.bridge.SetMotionSensor(sensor)
		if d := h.nextOf(t, id, func(d collectors.Device) bool { return d.Readings[collectors.Motion] == collectors.Bool(false) }); d.Area != "Hallway" {
			t.Errorf("%+v", d)
		}

		// It goes with the second sensor: the room's event is followed by one of its
		// members, which shows that it was taken.
		h.bridge.SetRoom("Hallway", hallMAC, doorMAC)
		h.bridge.SetMotionSensor(hall)
		h.nextOf(t, hallID, func(d collectors.Device) bool { return d.Readings[collectors.Motion] == collectors.Bool(true) })
		if s := h.mustCollect(t); slices.ContainsFunc(s.Devices, func(d collectors.Device) bool { return d.ID == id }) {
			t.Error("a room with one sensor is still a device")
		}
	})
}

// A device is switched on if all of its sensors are.
func TestDisabledSensorsAreUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, nil)
		s := hall
		s.Off = true
		h.bridge.SetMotionSensor(s)
		h.bridge.SetContactSensor(huetest.ContactSensor{MAC: doorMAC, Name: "Door", Reachable: true, Off: true})
		snapshot := h.follow(t)
		for _, id := range []string{hallID, doorID} {
			if d := deviceIn(t, snapshot, id); d.Readings[collectors.Enabled] != collectors.Bool(false) || !d.Online {
				t.Errorf("%+v", d)
			}
		}
		h.bridge.SetMotionSensor(hall)
		if d := h.next(t).Devices[0]; d.Readings[collectors.Enabled] != collectors.Bool(true) {
			t.Errorf("%+v", d)
		}
		// What is out of reach has no readings.
		h.bridge.SetConnectivity(hallMAC, "disconnected")
		if d := h.next(t).Devices[0]; !d.Readings[collectors.Enabled].IsUnknown() || d.Online {
			t.Errorf("%+v", d)
		}
	})
	t.Run("one of two", func(t *testing.T) {
		d := deviceOf(t, hue.Options{}, `{"id":"m","type":"motion","owner":{"rid":"d"},"enabled":true},{"id":"l","type":"light_level","owner":{"rid":"d"},"enabled":false}`)
		if d.Readings[collectors.Enabled] != collectors.Bool(false) {
			t.Errorf("%v", d.Readings)
		}
	})
}

// deviceOf is the one device of an answer with these resources, whose owner is d.
func deviceOf(t *testing.T, o hue.Options, resources string) collectors.Device {
	t.Helper()
	o.Host, o.Username, o.Setting = "192.168.1.2", key, "hue.bridges[0]"
	c := newCollector(t, o)
	c.SetTransport2(body(`{"data":[{"id":"d","type":"device"},{"id":"z","type":"zigbee_connectivity","owner":{"rid":"d"},"mac_address":"` + hallMAC + `"},` + resources + `]}`))
	s, err := collectOnce(t, c)
	if err != nil || len(s.Devices) != 1 {
		t.Fatalf("%+v, %v", s, err)
	}
	return s.Devices[0]
}

func TestBatteryStateIsReported(t *testing.T) {
	for state, want := range map[string]collectors.Value{
		`"normal"`: collectors.Text("normal"), `"low"`: collectors.Text("low"), `"critical"`: collectors.Text("critical"),
		`"weak"`: collectors.Unknown, `null`: collectors.Unknown,
	} {
		d := deviceOf(t, hue.Options{}, `{"id":"m","type":"motion","owner":{"rid":"d"}},{"id":"p","type":"device_power","owner":{"rid":"d"},"power_state":{"battery_level":null,"battery_state":`+state+`}}`)
		if _, is := d.Readings[collectors.BatteryState]; d.Readings[collectors.BatteryState] != want || is == (state == "null") {
			t.Errorf("%s: %v", state, d.Readings)
		}
		if v, ok := d.Readings[collectors.Battery]; !ok || !v.IsUnknown() {
			t.Errorf("%s: %v", state, d.Readings)
		}
	}
}

func TestSoftwareUpdateIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, nil)
		h.bridge.SetMotionSensor(hall)
		if d := deviceIn(t, h.follow(t), hallID); d.Readings[collectors.SoftwareUpdate] != collectors.Text("no_update") {
			t.Errorf("%+v", d)
		}
		for _, state := range []string{"update_pending", "ready_to_install", "installing", "no_update"} {
			h.bridge.SetSoftwareUpdate(hallMAC, state)
			if d := h.next(t).Devices[0]; d.Readings[collectors.SoftwareUpdate] != collectors.Text(state) {
				t.Errorf("%s: %+v", state, d)
			}
		}
		h.bridge.SetSoftwareUpdate(hallMAC, "thinking")
		if d := h.next(t).Devices[0]; !d.Readings[collectors.SoftwareUpdate].IsUnknown() {
			t.Errorf("%+v", d)
		}
	})
}

func TestLightsAreReadOnlyIfEnabled(t *testing.T) {
	const plugMAC = "00:17:88:01:02:03:04:10"
	for _, read := range []bool{false, true} {
		t.Run(fmt.Sprint(read), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newTestHomeV2(t, nil, func(o *hue.Options) { o.Lights = read })
				furnish(h.bridge)
				lamp := huetest.Light{MAC: lampMAC, Name: "Lamp", On: true, Brightness: 62.06, Mirek: 369, Reachable: true}
				h.bridge.SetLight(lamp)
				h.bridge.SetLight(huetest.Light{MAC: plugMAC, Name: "Plug", Plug: true, Reachable: false})
				s := h.follow(t)
				lampID, plugID := collectors.DeviceID(hue.Source, lampMAC), collectors.DeviceID(hue.Source, plugMAC)
				if !read {
					if len(s.Devices) != 5 {
						t.Errorf("%d devices, want no light", len(s.Devices))
					}
					lamp.Brightness = 5
					h.bridge.SetLight(lamp)
					h.quiet(t)
					return
				}
				d := deviceIn(t, s, lampID)
				want := readings{
					collectors.On: collectors.Bool(true), collectors.Brightness: collectors.Number(62.06),
					collectors.ColorTemperature: collectors.Number(2710.03), collectors.SoftwareUpdate: collectors.Text("no_update"),
				}
				if !maps.Equal(d.Readings, want) || d.Area != "Hallway" || !d.Online {
					t.Errorf("%+v, want %v", d, want)
				}
				lamp.On, lamp.Colored = false, true
				h.bridge.SetLight(lamp)
				want[collectors.On], want[collectors.ColorTemperature] = collectors.Bool(false), collectors.Unknown
				if d := h.next(t).Devices[0]; d.ID != lampID || !maps.Equal(d.Readings, want) {
					t.Errorf("%+v, want %v", d, want)
				}
				// A plug without power goes offline.
				if d = deviceIn(t, s, plugID); d.Online || len(d.Readings) != 2 || !d.Readings[collectors.On].IsUnknown() {
					t.Errorf("%+v", d)
				}
				h.bridge.SetLight(huetest.Light{MAC: plugMAC, Name: "Plug", Plug: true, On: true, Reachable: true})
				h.nextOf(t, plugID, func(d collectors.Device) bool { return d.Online && d.Readings[collectors.On] == collectors.Bool(true) })
			})
		})
	}
	d := deviceOf(t, hue.Options{Lights: true}, `{"id":"l","type":"light","owner":{"rid":"d"},"on":{"on":true},"color_temperature":{"mirek":0,"mirek_valid":true},"dimming":{}}`)
	if v, ok := d.Readings[collectors.ColorTemperature]; !ok || !v.IsUnknown() || !d.Readings[collectors.Brightness].IsUnknown() || d.Readings[collectors.On] != collectors.Bool(true) {
		t.Errorf("%v", d.Readings)
	}
}

// Buttons speak Home Assistant's words where the user wants it.
func TestStandardButtonEventNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, func(o *hue.Options) { o.ButtonEvents = hue.StandardEvents })
		furnish(h.bridge)
		s := h.follow(t)
		if got := strings.Join(deviceIn(t, s, dimmerID).EventTypes["button_1"], " "); got != "long_press_end long_press_start press_end press_start repeat" {
			t.Errorf("a dimmer's button makes %s", got)
		}
		if got := deviceIn(t, s, tapID).EventTypes["button_1"]; !slices.Equal(got, []string{"press_end"}) {
			t.Errorf("a tap's button makes %s", got)
		}
		if got := deviceIn(t, s, dialID).EventTypes["dial"]; !slices.Equal(got, []string{"repeat", "start"}) {
			t.Errorf("a dial makes %s", got)
		}
		for _, press := range []struct{ mac, hue, want string }{
			{dimmerMAC, "initial_press", "press_start"}, {dimmerMAC, "repeat", "repeat"}, {dimmerMAC, "short_release", "press_end"},
			{dimmerMAC, "long_press", "long_press_start"}, {dimmerMAC, "long_release", "long_press_end"}, {tapMAC, "initial_press", "press_end"},
		} {
			time.Sleep(time.Second)
			h.bridge.PressButton(press.mac, 2, press.hue)
			if u := h.next(t); len(u.Events) != 1 || u.Events[0].Type != press.want || u.Events[0].Attributes != nil ||
				!slices.Contains(u.Devices[0].EventTypes["button_2"], press.want) {
				t.Errorf("%s: %+v, want %s", press.hue, u, press.want)
			}
		}
		id := h.collector.ServiceID(dimmerID, "button")
		updates, _ := h.collector.Take(`[{"type":"update","data":[{"id":"` + id + `","type":"button","button":{"button_report":{"event":"double_short_release","updated":"2025-11-18T14:30:01Z"}}}]}]`)
		if len(updates) != 1 || updates[0].Events[0].Type != "multi_press_end" || updates[0].Events[0].Attributes["multi_press_count"] != 2 {
			t.Errorf("%+v", updates)
		}
	})
	d := deviceOf(t, hue.Options{ButtonEvents: hue.StandardEvents}, `{"id":"b","type":"button","owner":{"rid":"d"},"button":{"event_values":["triple_press","initial_press"]}}`)
	if got := d.EventTypes["button_1"]; !slices.Equal(got, []string{"press_start", "triple_press"}) {
		t.Errorf("%s", got)
	}
}

package hue_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/huetest"
)

const friendsMAC, friendsID = "00:00:00:00:01:75:e3:83", "hue_000000000175e383"

// Switches that take their power from the press can't be asked.
func TestGreenPowerSwitchesAreNeverOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, nil)
		h.bridge.SetSwitch(huetest.Switch{MAC: tapMAC, Name: "Tap", Type: "ZGPSwitch"})
		h.bridge.SetSwitch(huetest.Switch{MAC: friendsMAC, Name: "Friends", Type: "ZGPSwitch", FriendsOfHue: true})
		s := h.follow(t)
		if d := deviceIn(t, s, tapID); !d.Online || !slices.Equal(d.EventTypes["button_1"], []string{"initial_press"}) {
			t.Errorf("%+v", d)
		}
		if d := deviceIn(t, s, friendsID); !d.Online || d.Serial != friendsMAC || d.Manufacturer != "PhilipsFoH" || len(d.EventTypes["button_4"]) != 5 {
			t.Errorf("%+v", d)
		}
		h.bridge.PressButton(friendsMAC, 2, "initial_press")
		u := h.next(t)
		if len(u.Events) != 1 || u.Events[0].DeviceID != friendsID || u.Events[0].Key != "button_2" || !u.Devices[0].Online {
			t.Errorf("%+v", u)
		}
	})
}

func TestRadioStatusDecidesOnline(t *testing.T) {
	for status, online := range map[string]bool{
		"connected": true, "unidirectional_incoming": true, "pending_discovery": true, "a new one": true, "": true,
		"disconnected": false, "connectivity_issue": false,
	} {
		t.Run(status, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newTestHomeV2(t, nil, nil)
				h.bridge.SetMotionSensor(hall)
				h.bridge.SetSwitch(huetest.Switch{MAC: tapMAC, Name: "Tap", Type: "ZGPSwitch"})
				for mac, id := range map[string]string{hallMAC: hallID, tapMAC: tapID} {
					h.bridge.SetConnectivity(mac, status)
					if d := deviceIn(t, h.mustCollect(t), id); d.Online != online {
						t.Errorf("%s: online %t", id, d.Online)
					}
				}
			})
		})
	}
}

// A Hue Tap has nothing to read by v1, and is there.
func TestV1TapIsADevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHome(t, nil, nil)
		h.bridge.SetSwitch(huetest.Switch{MAC: tapMAC, Name: "Tap", Type: "ZGPSwitch"})
		h.bridge.SetSwitch(huetest.Switch{MAC: friendsMAC, Name: "Friends", Type: "ZGPSwitch", FriendsOfHue: true, ButtonEvent: 1000})
		h.bridge.SetRaw("77", `{"type":"ZGPSwitch","name":"a rule's","uniqueid":"00:00:00:00:01:75:e3:84-f2","state":{},"config":{"on":true}}`)
		h.bridge.SetRaw("78", `{"type":"ZGPSwitch","name":"Unreachable","uniqueid":"00:00:00:00:01:75:e3:85-f2","modelid":"ZGPSWITCH",
			"state":{"buttonevent":34,"lastupdated":"2021-11-18T14:30:00"},"config":{"on":true,"reachable":false}}`)
		s := h.mustCollect(t)
		if len(s.Devices) != 3 || len(s.Faults) != 0 {
			t.Fatalf("%+v, faults %v", s.Devices, s.Faults)
		}
		for id, seen := range map[string]bool{tapID: false, friendsID: true, "hue_000000000175e385": true} {
			if d := deviceIn(t, s, id); !d.Online || d.LastSeen.IsZero() == seen || len(d.Readings) != 0 || d.Model == "" {
				t.Errorf("%+v", d)
			}
		}
	})
}

// What has no Zigbee radio is known by its resource id, whatever addresses others
// have; what has one is not, should the Hue bridge leave its address out for once.
func TestDevicesWithoutRadioUseResourceID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const mac = "c4:29:96:01:02:03"
		h := newTestHomeV2(t, nil, nil)
		h.bridge.SetMotionSensor(hall)
		h.bridge.SetCamera(huetest.Camera{MAC: mac, Name: "Porch camera", Motion: true})
		h.bridge.SetRoom("Porch", mac)
		s := h.follow(t)
		id := collectors.DeviceID(hue.Source, h.bridge.DeviceID(mac))
		d := deviceIn(t, s, id)
		if !d.Online || d.Name != "Porch camera" || d.Area != "Porch" || d.Model != "CMW004" || d.LastSeen.IsZero() ||
			d.Readings[collectors.Motion] != collectors.Bool(true) {
			t.Errorf("%+v", d)
		}
		h.bridge.SetCamera(huetest.Camera{MAC: mac, Name: "Porch camera"})
		if u := h.next(t); len(u.Devices) != 1 || u.Devices[0].ID != id || u.Devices[0].Readings[collectors.Motion] != collectors.Bool(false) {
			t.Errorf("%+v", u)
		}
	})
	c := newCollector(t, hue.Options{Host: "192.168.1.2", Username: key, Setting: "hue.bridges[0]"})
	c.SetTransport2(body(`{"data":[{"id":"b","type":"device","services":[]},
		{"id":"d","type":"device","services":[{"rid":"m","rtype":"motion"},{"rid":"z","rtype":"zigbee_connectivity"}]},
		{"id":"m","type":"motion","owner":{"rid":"d"}},
		{"id":"e","type":"device","services":[{"rid":"n","rtype":"motion"},{"rid":"y","rtype":"zigbee_connectivity"}]},
		{"id":"n","type":"motion","owner":{"rid":"e"}},{"id":"y","type":"zigbee_connectivity","owner":{"rid":"e"},"mac_address":"` + hallMAC + `"}]}`))
	s, err := collectOnce(t, c)
	if err != nil || len(s.Devices) != 1 || s.Devices[0].ID != hallID || len(s.Faults) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
}

package hue_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/huetest"
)

// Software of before 2023 has the values beside the reports alone.
func TestSoftwareWithoutReportsIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, nil)
		h.bridge.SetSoftware("1948086000")
		furnish(h.bridge)
		d := deviceIn(t, h.follow(t), hallID)
		want := map[collectors.Measurement]collectors.Value{
			collectors.Temperature: collectors.Number(21.34), collectors.Motion: collectors.Bool(true), collectors.Illuminance: collectors.Number(28.6),
		}
		check := func(d collectors.Device) {
			t.Helper()
			for m, v := range want {
				if d.Readings[m] != v {
					t.Errorf("%s is %s, want %s", m, d.Readings[m], v)
				}
			}
		}
		check(d)
		if !d.Online || !d.LastSeen.IsZero() {
			t.Errorf("%+v", d)
		}

		s := hall
		s.Motion, s.Temperature = false, 18.14
		h.bridge.SetMotionSensor(s)
		want[collectors.Motion], want[collectors.Temperature] = collectors.Bool(false), collectors.Number(18.14)
		check(h.next(t).Devices[0])

		// A press comes without a time: the same one twice is two.
		for range 2 {
			h.bridge.PressButton(dimmerMAC, 3, "initial_press")
			if u := h.next(t); len(u.Events) != 1 || u.Events[0].Key != "button_3" || u.Events[0].Type != "initial_press" {
				t.Errorf("%+v", u)
			}
		}
		h.bridge.Turn(dialMAC, "clock_wise", 15)
		if u := h.next(t); len(u.Events) != 1 || u.Events[0].Type != "start" || u.Events[0].Attributes["steps"] != 15 {
			t.Errorf("%+v", u)
		}

		s.NeverReported = true
		h.bridge.SetMotionSensor(s)
		want = map[collectors.Measurement]collectors.Value{
			collectors.Temperature: collectors.Unknown, collectors.Motion: collectors.Unknown, collectors.Illuminance: collectors.Unknown,
		}
		check(h.next(t).Devices[0])
	})
}

// A time of 1970 means never; one that can't be read costs itself alone.
func TestReportTimes(t *testing.T) {
	for _, test := range []struct {
		text     string
		measured bool
		pressed  bool
		faults   int
	}{
		{"1970-01-01T00:00:00.000Z", false, false, 0},
		{"1970-01-01T00:00:00Z", false, false, 0},
		{"none", true, true, 5},
		{"yesterday", true, true, 5},
		{"9999-12-31T23:59:59-14:00", true, true, 5},
	} {
		t.Run(test.text, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newTestHomeV2(t, nil, nil)
				h.bridge.SetReportTimes(test.text)
				h.bridge.SetMotionSensor(hall)
				h.bridge.SetContactSensor(huetest.ContactSensor{MAC: doorMAC, Name: "Door", Open: true, Battery: 64, Reachable: true})
				h.bridge.SetSwitch(huetest.Switch{MAC: dimmerMAC, Name: "Dimmer", Type: "ZLLSwitch", Battery: 12, Reachable: true})
				h.bridge.PressButton(dimmerMAC, 1, "initial_press")
				if _, err := h.collect(t); err != nil {
					t.Fatal(err)
				}
				h.nextResync(t)
				s, err := h.collect(t)
				if err != nil {
					t.Fatal(err)
				}
				for id, want := range map[string]map[collectors.Measurement]collectors.Value{
					hallID: {collectors.Motion: collectors.Bool(true), collectors.Temperature: collectors.Number(21.34), collectors.Illuminance: collectors.Number(28.6)},
					doorID: {collectors.Contact: collectors.Bool(true)},
				} {
					d := deviceIn(t, s, id)
					for m, v := range want {
						if !test.measured {
							v = collectors.Unknown
						}
						if d.Readings[m] != v {
							t.Errorf("%s of %s is %s, want %s", m, id, d.Readings[m], v)
						}
					}
					if !d.Online || !d.LastSeen.IsZero() || d.Readings[collectors.Battery].IsUnknown() {
						t.Errorf("%+v", d)
					}
				}
				if len(s.Faults) != test.faults {
					t.Errorf("faults %v, want %d", s.Faults, test.faults)
				}
				for _, fault := range s.Faults {
					if !strings.Contains(fault.Error(), `the time of its report is "`+test.text+`", which is not a time`) {
						t.Errorf("fault %q", fault)
					}
				}
				h.bridge.PressButton(dimmerMAC, 1, "short_release")
				if !test.pressed {
					h.quiet(t)
				} else if u := h.next(t); len(u.Events) != 1 || u.Events[0].Type != "short_release" {
					t.Errorf("%+v", u)
				}
			})
		})
	}
}

// By v1, too, 1970 means never.
func TestV1TimeOf1970MeansNever(t *testing.T) {
	h := newTestHome(t, nil, nil)
	h.bridge.SetRaw("10", entry("ZLLPresence", `{"presence":true,"lastupdated":"1970-01-01T00:00:00"}`, `{"on":true,"battery":90,"reachable":true}`))
	s := h.mustCollect(t)
	if d := deviceIn(t, s, hallID); d.Online || !d.LastSeen.IsZero() || !d.Readings[collectors.Motion].IsUnknown() || len(s.Faults) != 0 {
		t.Errorf("%+v, faults %v", d, s.Faults)
	}
}

// Of the reports of tampering the newest counts, wherever it is in the list.
func TestNewestTamperReportCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, nil)
		door := huetest.ContactSensor{MAC: doorMAC, Name: "Door", Battery: 64, Reachable: true}
		h.bridge.SetContactSensor(door)
		h.follow(t)
		for _, tampered := range []bool{true, false, true} {
			time.Sleep(time.Minute)
			door.Tampered = tampered
			h.bridge.SetContactSensor(door)
			if d := h.next(t).Devices[0]; d.Readings[collectors.Tamper] != collectors.Bool(tampered) || !d.LastSeen.Equal(time.Now()) {
				t.Errorf("%+v, want %t", d, tampered)
			}
			if d := deviceIn(t, h.mustCollect(t), doorID); d.Readings[collectors.Tamper] != collectors.Bool(tampered) {
				t.Errorf("%+v, want %t", d, tampered)
			}
		}
	})
	for reports, want := range map[string]collectors.Value{
		`[{"changed":"2025-11-18T14:30:00Z","state":"not_tampered"},{"changed":"2025-11-17T14:30:00Z","state":"tampered"}]`:              collectors.Bool(false),
		`[{"changed":"2025-11-17T14:30:00Z","state":"not_tampered"},{"changed":"2025-11-18T14:30:00Z","state":"tampered"}]`:              collectors.Bool(true),
		`[{"changed":"1970-01-01T00:00:00Z","state":"tampered"},{"changed":"2025-11-18T14:30:00Z","state":"not_tampered"}]`:              collectors.Bool(false),
		`[{"changed":"2025-11-18T14:30:00Z","state":"ajar"},{"changed":"2025-11-17T14:30:00Z","state":"tampered"}]`:                      collectors.Unknown,
		`[{"changed":"none","state":"tampered"},{"changed":"2025-11-17T14:30:00Z","source":"battery_door","state":"not_tampered"}]`:      collectors.Bool(false),
		`[{"changed":"2025-11-18T14:30:00+02:00","state":"tampered"},{"changed":"2025-11-18T13:30:00Z","state":"not_tampered"},{"x":1}]`: collectors.Bool(false),
	} {
		t.Run(reports, func(t *testing.T) {
			c := newCollector(t, hue.Options{Host: "192.168.1.2", Username: key, Setting: "hue.bridges[0]"})
			c.SetTransport2(body(`{"data":[{"id":"d","type":"device"},{"id":"z","type":"zigbee_connectivity","owner":{"rid":"d"},"mac_address":"` + hallMAC + `"},` +
				`{"id":"t","type":"tamper","owner":{"rid":"d"},"tamper_reports":` + reports + `}]}`))
			s, err := collectOnce(t, c)
			if err != nil {
				t.Fatal(err)
			}
			if got := deviceIn(t, s, hallID).Readings[collectors.Tamper]; got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}

// An emulator may write a whole number with a decimal point.
func TestLightLevelMayBeFractional(t *testing.T) {
	for _, light := range []string{`"light_level":1e4`, `"light_level_report":{"changed":"2025-11-18T14:30:00Z","light_level":10000.0}`} {
		d := deviceOf(t, hue.Options{}, `{"id":"l","type":"light_level","owner":{"rid":"d"},"light":{`+light+`}}`)
		if got := d.Readings[collectors.Illuminance]; got != collectors.Number(10) {
			t.Errorf("%s: %v, want 10", light, d.Readings)
		}
	}
}

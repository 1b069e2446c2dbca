package hue_test

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/huetest"
)

type readings = map[collectors.Measurement]collectors.Value

func TestMotionSensorIsOneDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHome(t, nil, func(o *hue.Options) {
			o.Areas = map[string]string{strings.ToUpper("00:17:88:01:02:03:04:0a"): "Cellar", hallMAC: "Ground floor"}
		})
		cellar := huetest.MotionSensor{MAC: "00:17:88:01:02:03:04:0A", Name: "Keller", Temperature: -3.25, Lux: 0, Battery: 0, Reachable: true}
		h.bridge.SetMotionSensor(cellar)
		h.bridge.SetMotionSensor(hall)
		now := time.Now().UTC()
		want := []collectors.Device{
			{
				ID: hallID, Name: "Hall", Area: "Ground floor", Serial: hallMAC,
				Manufacturer: "Signify Netherlands B.V.", Model: "SML001", SoftwareVersion: "6.1.1.27575",
				Online: true, LastSeen: now,
				Readings: readings{
					collectors.Temperature: collectors.Number(21.34), collectors.Motion: collectors.Bool(true),
					collectors.Illuminance: collectors.Number(28.6), collectors.Battery: collectors.Number(87),
				},
			},
			{
				ID: "hue_001788010203040a", Name: "Keller", Area: "Cellar", Serial: "00:17:88:01:02:03:04:0A",
				Manufacturer: "Signify Netherlands B.V.", Model: "SML001", SoftwareVersion: "6.1.1.27575",
				Online: true, LastSeen: now,
				Readings: readings{
					collectors.Temperature: collectors.Number(-3.25), collectors.Motion: collectors.Bool(false),
					collectors.Illuminance: collectors.Number(0), collectors.Battery: collectors.Number(0),
				},
			},
		}
		if got := h.mustCollect(t).Devices; !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		h.bridge.Remove(hallMAC)
		if got := h.mustCollect(t).Devices; !reflect.DeepEqual(got, want[1:]) {
			t.Errorf("after removal: got %+v", got)
		}
	})
}

func TestSwitchHasABattery(t *testing.T) {
	h := newTestHome(t, nil, nil)
	for i, kind := range []string{"ZLLSwitch", "ZLLRelativeRotary", "ZGPSwitch"} {
		h.bridge.SetSwitch(huetest.Switch{MAC: fmt.Sprintf("00:17:88:01:02:03:04:%02x", i), Name: kind, Type: kind, Battery: 40 + i, Reachable: true})
	}
	// A dial has an entry for its ring, too.
	h.bridge.SetRaw("99", `{"type":"ZLLSwitch","name":"ring","uniqueid":"00:17:88:01:02:03:04:01-02-fc00",
		"config":{"on":true,"battery":41,"reachable":true},"state":{"buttonevent":1002,"lastupdated":"2025-11-18T14:30:00"}}`)
	snapshot := h.mustCollect(t)
	if len(snapshot.Devices) != 3 {
		t.Errorf("%d devices, want dimmer, dial and tap: %+v", len(snapshot.Devices), snapshot.Devices)
	}
	for i, id := range []string{"hue_0017880102030400", "hue_0017880102030401"} {
		d := deviceIn(t, snapshot, id)
		if want := (readings{collectors.Battery: collectors.Number(float64(40 + i))}); !maps.Equal(d.Readings, want) || !d.Online {
			t.Errorf("%s: %+v", id, d)
		}
	}
	if d := deviceIn(t, snapshot, "hue_0017880102030401"); d.Name != "ZLLRelativeRotary" {
		t.Errorf("name %q, want that of the entry with the lowest id", d.Name)
	}
}

func TestSoftwareSensorsAreIgnored(t *testing.T) {
	kinds := []string{
		"Daylight", "Geofence", "CLIPGenericStatus", "CLIPGenericFlag", "CLIPTemperature", "CLIPPresence",
		"CLIPLightlevel", "CLIPSwitch", "ZGPGateway", "ZHATemperature", "", "ZLLTemperature",
	}
	h := newTestHome(t, nil, nil)
	for i, kind := range kinds {
		unique := hallMAC + "-02-0402"
		if kind == "ZLLTemperature" {
			unique = "00:17:88:01:02:03-02-0402" // a network address, not a Zigbee one
		}
		h.bridge.SetRaw(fmt.Sprint(i+10), fmt.Sprintf(
			`{"type":%q,"uniqueid":%q,"state":{"temperature":2000,"presence":true},"config":{"battery":50,"reachable":true}}`, kind, unique))
	}
	if devices := h.mustCollect(t).Devices; len(devices) != 0 {
		t.Errorf("%+v", devices)
	}
}

// entry is a sensor of the hall in JSON.
func entry(kind, state, config string) string {
	return fmt.Sprintf(`{"type":%q,"name":"%s of the hall","uniqueid":"%s-02-0400","modelid":"SML001","state":%s,"config":%s}`, kind, kind, hallMAC, state, config)
}

func TestV1EntriesBecomeReadings(t *testing.T) {
	const (
		good      = `{"on":true,"battery":90,"reachable":true}`
		updated   = `"lastupdated":"2025-11-18T14:30:00"`
		noBattery = `{"on":true,"reachable":true}`
	)
	seen := time.Date(2025, 11, 18, 14, 30, 0, 0, time.UTC)
	temperature := entry("ZLLTemperature", `{"temperature":2134,`+updated+`}`, noBattery)
	tests := []struct {
		name    string
		entries []string // under the ids 10, 11, ...
		want    readings // nil: no device
		offline bool
		seen    time.Time
		faults  []string // words of each
	}{
		{"good", []string{temperature}, readings{"temperature": collectors.Number(21.34)}, false, seen, nil},
		{"null", []string{entry("ZLLTemperature", `{"temperature":null,`+updated+`}`, good)},
			readings{"temperature": collectors.Unknown, "battery": collectors.Number(90)}, false, seen, nil},
		{"absent", []string{entry("ZLLPresence", `{`+updated+`}`, noBattery)}, readings{"motion": collectors.Unknown}, false, seen, nil},
		{"state is null", []string{entry("ZLLLightLevel", `null`, `null`)}, readings{"illuminance": collectors.Unknown}, false, time.Time{}, nil},
		{"text for a number", []string{entry("ZLLTemperature", `{"temperature":"warm",`+updated+`}`, good)},
			readings{"temperature": collectors.Unknown, "battery": collectors.Number(90)}, false, seen,
			[]string{`sensor "10": state.temperature is a text, not a number`}},
		{"number for a boolean", []string{entry("ZLLPresence", `{"presence":1,`+updated+`}`, good)},
			readings{"motion": collectors.Unknown, "battery": collectors.Number(90)}, false, seen, []string{"state.presence is a number"}},
		{"object for a number", []string{entry("ZLLLightLevel", `{"lightlevel":{"a":1},`+updated+`}`, good)},
			readings{"illuminance": collectors.Unknown, "battery": collectors.Number(90)}, false, seen, []string{"state.lightlevel is an object"}},
		{"list for a battery", []string{entry("ZLLPresence", `{"presence":true,`+updated+`}`, `{"battery":[1]}`)},
			readings{"motion": collectors.Bool(true), "battery": collectors.Unknown}, false, seen, []string{"config.battery is a list"}},
		{"battery null", []string{entry("ZLLPresence", `{"presence":true,`+updated+`}`, `{"battery":null}`)},
			readings{"motion": collectors.Bool(true), "battery": collectors.Unknown}, false, seen, nil},
		{"battery 101", []string{entry("ZLLPresence", `{"presence":true,`+updated+`}`, `{"battery":101}`)},
			readings{"motion": collectors.Bool(true), "battery": collectors.Unknown}, false, seen, []string{"config.battery is 101"}},
		{"battery -1", []string{entry("ZLLSwitch", `{}`, `{"battery":-1}`)}, readings{"battery": collectors.Unknown}, false, time.Time{}, []string{"not between 0 and 100"}},
		{"too hot", []string{entry("ZLLTemperature", `{"temperature":10001,`+updated+`}`, noBattery)},
			readings{"temperature": collectors.Unknown}, false, seen, []string{"state.temperature is 10001"}},
		{"as cold as may be", []string{entry("ZLLTemperature", `{"temperature":-10000,`+updated+`}`, noBattery)},
			readings{"temperature": collectors.Number(-100)}, false, seen, nil},
		{"too bright", []string{entry("ZLLLightLevel", `{"lightlevel":65536,`+updated+`}`, noBattery)},
			readings{"illuminance": collectors.Unknown}, false, seen, []string{"state.lightlevel is 65536"}},
		{"the documented light level", []string{entry("ZLLLightLevel", `{"lightlevel":14561,`+updated+`}`, noBattery)},
			readings{"illuminance": collectors.Number(28.58)}, false, seen, nil},
		{"switched off", []string{entry("ZLLPresence", `{"presence":true,`+updated+`}`, `{"on":false,"battery":90,"reachable":true}`), temperature},
			readings{"motion": collectors.Unknown, "temperature": collectors.Number(21.34), "battery": collectors.Number(90)}, false, seen, nil},
		{"one is unreachable", []string{entry("ZLLPresence", `{"presence":true,`+updated+`}`, `{"battery":90,"reachable":false}`), temperature},
			readings{"motion": collectors.Unknown, "temperature": collectors.Unknown, "battery": collectors.Unknown}, true, seen, nil},
		{"one never reported", []string{entry("ZLLPresence", `{"presence":false,"lastupdated":"none"}`, noBattery), temperature},
			readings{"motion": collectors.Unknown, "temperature": collectors.Number(21.34)}, false, seen, nil},
		{"none ever reported", []string{entry("ZLLPresence", `{"presence":false,"lastupdated":"none"}`, good), entry("ZLLTemperature", `{"temperature":2000,"lastupdated":"none"}`, good)},
			readings{"motion": collectors.Unknown, "temperature": collectors.Unknown, "battery": collectors.Unknown}, true, time.Time{}, nil},
		{"reachable is a text", []string{entry("ZLLPresence", `{"presence":true,`+updated+`}`, `{"reachable":"no"}`)},
			readings{"motion": collectors.Bool(true)}, false, seen, []string{"config.reachable is a text, not true or false"}},
		{"on is null", []string{entry("ZLLPresence", `{"presence":true,`+updated+`}`, `{"on":null,"reachable":null}`)},
			readings{"motion": collectors.Bool(true)}, false, seen, nil},
		{"time with Z", []string{entry("ZLLPresence", `{"presence":true,"lastupdated":"2025-11-18T14:30:00Z"}`, noBattery)},
			readings{"motion": collectors.Bool(true)}, false, seen, nil},
		{"time with zone", []string{entry("ZLLPresence", `{"presence":true,"lastupdated":"2025-11-18T15:30:00+01:00"}`, noBattery)},
			readings{"motion": collectors.Bool(true)}, false, seen, nil},
		{"no time", []string{entry("ZLLPresence", `{"presence":true,"lastupdated":"yesterday"}`, noBattery)},
			readings{"motion": collectors.Bool(true)}, false, time.Time{}, []string{`state.lastupdated is "yesterday"`}},
		{"time out of range", []string{entry("ZLLPresence", `{"presence":true,"lastupdated":"9999-12-31T23:59:59-14:00"}`, noBattery)},
			readings{"motion": collectors.Bool(true)}, false, time.Time{}, []string{"state.lastupdated"}},
		{"time as a number", []string{entry("ZLLPresence", `{"presence":true,"lastupdated":1763476200}`, noBattery)},
			readings{"motion": collectors.Bool(true)}, false, time.Time{}, []string{"state.lastupdated is a number, not a time"}},
		{"newest time", []string{entry("ZLLPresence", `{"presence":true,"lastupdated":"2024-01-01T00:00:00"}`, noBattery), temperature},
			readings{"motion": collectors.Bool(true), "temperature": collectors.Number(21.34)}, false, seen, nil},
		{"the same type twice", []string{temperature, entry("ZLLTemperature", `{"temperature":1000,`+updated+`}`, noBattery)},
			readings{"temperature": collectors.Number(21.34)}, false, seen, nil},
		{"no reading at all", []string{entry("ZLLSwitch", `{"buttonevent":1002}`, noBattery)}, nil, false, time.Time{}, nil},

		{"state is a list", []string{entry("ZLLPresence", `[]`, good), temperature},
			readings{"temperature": collectors.Number(21.34)}, false, seen, []string{`sensor "10": state is of type array, not an object`}},
		{"config is a text", []string{entry("ZLLPresence", `{}`, `"x"`), temperature},
			readings{"temperature": collectors.Number(21.34)}, false, seen, []string{"config is of type string"}},
		{"name is a number", []string{strings.Replace(entry("ZLLPresence", `{}`, good), `"ZLLPresence of the hall"`, `5`, 1), temperature},
			readings{"temperature": collectors.Number(21.34)}, false, seen, []string{"name is of type number, not a text"}},
		{"number beyond all bounds", []string{entry("ZLLPresence", `{"x":1e999}`, good), temperature},
			readings{"temperature": collectors.Number(21.34)}, false, seen, []string{`sensor "10": state`}},
		{"entry is null", []string{`null`, temperature}, readings{"temperature": collectors.Number(21.34)}, false, seen, []string{`sensor "10": it is null`}},
		{"entry is a list", []string{`[{}]`, temperature}, readings{"temperature": collectors.Number(21.34)}, false, seen, []string{"it is a list"}},
		{"entry is a text", []string{`"x"`, temperature}, readings{"temperature": collectors.Number(21.34)}, false, seen, []string{"it is a text"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newTestHome(t, nil, nil)
			for i, text := range test.entries {
				h.bridge.SetRaw(fmt.Sprint(10+i), text)
			}
			snapshot, err := h.collect(t)
			if err != nil {
				t.Fatal(err)
			}
			if len(snapshot.Faults) != len(test.faults) {
				t.Fatalf("faults %q, want %q", snapshot.Faults, test.faults)
			}
			for i, words := range test.faults {
				if !strings.Contains(snapshot.Faults[i].Error(), words) {
					t.Errorf("fault %q, want %q", snapshot.Faults[i], words)
				}
			}
			if test.want == nil {
				if len(snapshot.Devices) != 0 {
					t.Errorf("%+v", snapshot.Devices)
				}
				return
			}
			d := deviceIn(t, snapshot, hallID)
			if !maps.Equal(d.Readings, test.want) {
				t.Errorf("readings %v, want %v", d.Readings, test.want)
			}
			if d.Online == test.offline || !d.LastSeen.Equal(test.seen) || d.LastSeen.Location() != time.UTC {
				t.Errorf("online %t, last seen %s; want %t, %s", d.Online, d.LastSeen, !test.offline, test.seen)
			}
		})
	}
}

func TestInvalidSensorIDIsAFault(t *testing.T) {
	for _, id := range []string{"abc", "", "0", "-1", "+3", "03", "1.5", "1e3", "99999999999999999999", "\x1b[31mred\nred"} {
		t.Run(fmt.Sprintf("%q", id), func(t *testing.T) {
			h := newTestHome(t, nil, nil)
			h.bridge.SetRaw(id, entry("ZLLPresence", `{}`, `{}`))
			h.bridge.SetMotionSensor(hall)
			snapshot, err := h.collect(t)
			if err != nil {
				t.Fatal(err)
			}
			if d := deviceIn(t, snapshot, hallID); d.Readings[collectors.Temperature] != collectors.Number(21.34) {
				t.Errorf("%+v", d)
			}
			if len(snapshot.Faults) != 1 || !strings.Contains(snapshot.Faults[0].Error(), "the id is not a positive number") ||
				strings.ContainsAny(snapshot.Faults[0].Error(), "\x1b\n") {
				t.Errorf("faults %q", snapshot.Faults)
			}
		})
	}
}

func TestNamesAreCleaned(t *testing.T) {
	tests := map[string]struct{ sent, want string }{
		"control characters": {`"Ha\u0000ll\u001b[31m\nway"`, "Ha ll [31m way"},
		"not UTF-8":          {"\"Ha\xffll\"", "Ha\ufffdll"},
		"half a surrogate":   {`"Hall \ud83d"`, "Hall \ufffd"},
		"emoji":              {`"Küche 🍳"`, "Küche 🍳"},
		"huge":               {`"` + strings.Repeat(`\u00e4`, 1<<20) + `"`, strings.Repeat("ä", 64)},
		"null":               {`null`, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := newTestHome(t, nil, nil)
			h.bridge.SetRaw("10", strings.Replace(entry("ZLLPresence", `{"presence":true}`, `{}`), `"ZLLPresence of the hall"`, test.sent, 1))
			if d := deviceIn(t, h.mustCollect(t), hallID); d.Name != test.want || d.Readings[collectors.Motion] != collectors.Bool(true) {
				t.Errorf("name %q, want %q; readings %v", d.Name, test.want, d.Readings)
			}
		})
	}
	t.Run("presence entry lost", func(t *testing.T) {
		h := newTestHome(t, nil, nil)
		h.bridge.SetMotionSensor(hall) // 3 to 5
		h.bridge.SetRaw("4", "null")
		snapshot, err := h.collect(t)
		if d := deviceIn(t, snapshot, hallID); err != nil || d.Name != "" || len(d.Readings) != 3 || d.Model != "SML001" {
			t.Errorf("err = %v, %+v", err, d)
		}
		h.bridge.SetMotionSensor(hall)
		if d := deviceIn(t, h.mustCollect(t), hallID); d.Name != "Hall" || len(d.Readings) != 4 {
			t.Errorf("mended: %+v", d)
		}
	})
}

func TestFaultsAreLimited(t *testing.T) {
	h := newTestHome(t, nil, nil)
	for i := range 1000 {
		h.bridge.SetRaw(fmt.Sprintf("%d-%s", i, strings.Repeat("x", 5000)), "{}")
	}
	snapshot, err := h.collect(t)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(snapshot.Faults); n != hue.MaxFaults+1 {
		t.Fatalf("%d faults, want %d", n, hue.MaxFaults+1)
	}
	for _, fault := range snapshot.Faults {
		if len(fault.Error()) > 300 {
			t.Errorf("a fault of %d bytes", len(fault.Error()))
		}
	}
	if last := snapshot.Faults[hue.MaxFaults].Error(); !strings.Contains(last, "980 more") {
		t.Errorf("the last is %q", last)
	}
}

// What the server makes of a lux value is the same lux value again.
func TestLuxRoundTrip(t *testing.T) {
	h := newTestHome(t, nil, nil)
	for _, lux := range []float64{0, 1, 2.5, 40, 99.5, 1000, 65000, 120000} {
		s := hall
		s.Lux = lux
		h.bridge.SetMotionSensor(s)
		got, ok := deviceIn(t, h.mustCollect(t), hallID).Readings[collectors.Illuminance].Number()
		if !ok || math.Abs(got-lux) > 0.005+lux*0.0002 {
			t.Errorf("%g lx became %g", lux, got)
		}
	}
}

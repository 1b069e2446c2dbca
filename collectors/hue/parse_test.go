package hue_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/huetest"
)

// answerOf is what a bridge with some motion sensors answers.
func answerOf(t testing.TB, sensors int) string {
	t.Helper()
	bridge := huetest.NewBridge(bridgeID, key)
	for i := range sensors {
		s := hall
		s.MAC = fmt.Sprintf("00:17:88:01:02:03:%02x:%02x", i/256, i%256)
		bridge.SetMotionSensor(s)
	}
	w := httptest.NewRecorder()
	bridge.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/"+key+"/sensors", nil))
	return w.Body.String()
}

var idPattern = regexp.MustCompile(`^hue_[a-z0-9_]+$`)

func FuzzParseSensors(f *testing.F) {
	f.Add(answerOf(f, 1))
	f.Add(`{"1":` + entry("ZLLTemperature", `{"temperature":null,"lastupdated":"none"}`, `{"battery":101,"reachable":false}`) + `}`)
	f.Add(`{"1":` + entry("ZLLLightLevel", `{"lightlevel":1e308,"lastupdated":"9999-12-31T23:59:59-14:00"}`, `{"on":false}`) + `}`)
	f.Add(`{"1":{"name":7},"x":{},"2":null,"3":[],"4":{"state":[]},"5":` + entry("ZLLSwitch", `{}`, `{"battery":"x"}`) + `}`)
	f.Add(`[{"error":{"type":1,"address":"/sensors","description":"unauthorized user"}}]`)
	f.Add(`[{"error":{}}]`)
	f.Add(`[null]`)
	f.Add(`{}`)
	f.Add(`""`)
	f.Add(" {\"1\" : {\"name\":\"\\ud83d\\u0000\xff\"} }")
	f.Add(`{"1":{"name":"` + strings.Repeat(`\u00e4`, 1000) + `"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		snapshot, err := collectBody(t, text)
		if err != nil {
			if len(snapshot.Devices) != 0 || err.Error() == "" || !utf8.ValidString(err.Error()) || len(err.Error()) > 1000 {
				t.Errorf("error %q with %v", err, snapshot)
			}
			return
		}
		last := ""
		for _, d := range snapshot.Devices {
			if !idPattern.MatchString(d.ID) || d.ID <= last {
				t.Errorf("id %q after %q", d.ID, last)
			}
			last = d.ID
			if len(d.Readings) == 0 && !strings.Contains(text, "ZGPSwitch") {
				t.Errorf("%s measures nothing", d.ID)
			}
			for _, s := range []string{d.Name, d.Manufacturer, d.Model, d.SoftwareVersion, d.Serial} {
				if s != collectors.CleanText(s) {
					t.Errorf("%s: text %q is not clean", d.ID, s)
				}
			}
			// Infinite and other impossible numbers and times do not marshal.
			if _, err := json.Marshal(d); err != nil {
				t.Errorf("%s: %v", d.ID, err)
			}
			for m, v := range d.Readings {
				if !d.Online && !v.IsUnknown() {
					t.Errorf("%s is offline and its %s is %s", d.ID, m, v)
				}
			}
		}
		if n := len(snapshot.Faults); n > hue.MaxFaults+1 {
			t.Errorf("%d faults", n)
		}
		for _, fault := range snapshot.Faults {
			if !utf8.ValidString(fault.Error()) || len(fault.Error()) > 1000 {
				t.Errorf("fault %q", fault)
			}
		}
	})
}

func BenchmarkParse1000Devices(b *testing.B) {
	text := answerOf(b, 1000)
	c := newCollector(b, hue.Options{Host: "192.168.1.2", Username: key, Setting: "hue.bridges[0]"})
	c.SetTransport(body(text))
	retrier := onceRetrier()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		snapshot, err := c.Collect(b.Context(), retrier)
		if err != nil || len(snapshot.Devices) != 1000 {
			b.Fatal(err, len(snapshot.Devices))
		}
	}
}

// exampleResources is an answer of CLIP v2 with one of each.
const exampleResources = `{"errors":[],"data":[
{"id":"d","type":"device","metadata":{"name":"Hall"},"product_data":{"model_id":"SML001"},"services":[]},
{"id":"z","type":"zigbee_connectivity","owner":{"rid":"d","rtype":"device"},"status":"connected","mac_address":"00:17:88:01:02:03:04:05"},
{"id":"p","type":"device_power","owner":{"rid":"d"},"power_state":{"battery_level":87}},
{"id":"m","type":"motion","owner":{"rid":"d"},"enabled":true,"motion":{"motion_report":{"changed":"2025-11-18T14:30:00.123Z","motion":true}}},
{"id":"t","type":"temperature","owner":{"rid":"d"},"temperature":{"temperature_report":{"changed":"2025-11-18T14:30:00.123Z","temperature":21.34}}},
{"id":"l","type":"light_level","owner":{"rid":"d"},"light":{"light_level_report":{"light_level":14561}}},
{"id":"c","type":"contact","owner":{"rid":"d"},"contact_report":{"state":"no_contact"}},
{"id":"a","type":"tamper","owner":{"rid":"d"},"tamper_reports":[{"state":"tampered"}]},
{"id":"b","type":"button","owner":{"rid":"d"},"metadata":{"control_id":1},"button":{"event_values":["initial_press"]}},
{"id":"r","type":"relative_rotary","owner":{"rid":"d"}},
{"id":"e","type":"bell_button","owner":{"rid":"d"},"button":{"button_report":{"event":"initial_press","updated":"none"}}},
{"id":"u","type":"device_software_update","owner":{"rid":"d"},"state":"installing"},
{"id":"x","type":"motion_area_configuration","name":"Sofa","enabled":true,"health":"healthy","group":{"rid":"o","rtype":"room"}},
{"id":"y","type":"security_area_motion","owner":{"rid":"x"},"enabled":true,"motion":{"motion":true,"motion_valid":true}},
{"id":"g","type":"grouped_motion","owner":{"rid":"o"},"motion":{"motion_report":{"changed":"1970-01-01T00:00:00Z","motion":true}}},
{"id":"i","type":"light","owner":{"rid":"d"},"on":{"on":true},"dimming":{"brightness":50},"color_temperature":{"mirek":366,"mirek_valid":true}},
{"id":"o","type":"room","children":[{"rid":"d","rtype":"device"}],"metadata":{"name":"Hallway"}}]}`

// Any answer gives devices or an error, and any event after it is handled.
func FuzzResources(f *testing.F) {
	f.Add(exampleResources, `[{"type":"update","data":[{"id":"b","type":"button","button":{"button_report":{"event":"initial_press","updated":"2025-11-18T14:30:01Z"}}}]}]`)
	f.Add(exampleResources, `[{"type":"update","data":[{"id":"r","type":"relative_rotary","relative_rotary":{"rotary_report":{"action":"start","rotation":{"steps":1}}}}]}]`)
	f.Add(exampleResources, `[{"type":"update","data":[{"id":"a","type":"tamper","tamper_reports":[]},{"id":"e","type":"bell_button","owner":{"rid":"d"},"button":{"button_report":{"event":"initial_press","updated":"none"}}},
{"id":"u","type":"device_software_update","owner":{"rid":"d"},"state":"installing"},
{"id":"x","type":"motion_area_configuration","name":"Sofa","enabled":true,"health":"healthy","group":{"rid":"o","rtype":"room"}},
{"id":"y","type":"security_area_motion","owner":{"rid":"x"},"enabled":true,"motion":{"motion":true,"motion_valid":true}},
{"id":"g","type":"grouped_motion","owner":{"rid":"o"},"motion":{"motion_report":{"changed":"1970-01-01T00:00:00Z","motion":true}}},
{"id":"i","type":"light","owner":{"rid":"d"},"on":{"on":true},"dimming":{"brightness":50},"color_temperature":{"mirek":366,"mirek_valid":true}},
{"id":"o","type":"room","children":null},{"id":"d","type":"device"}]}]`)
	f.Add(`{"data":[{"id":"d","type":"device"}]}`, `[{"type":"add","data":[]},{"type":7}]`)
	f.Fuzz(func(t *testing.T, answer, event string) {
		c := newCollector(t, hue.Options{Host: "192.168.1.2", Username: key, Setting: "hue.bridges[0]", Lights: true, ButtonEvents: hue.StandardEvents})
		c.SetTransport2(body(answer))
		retrier := onceRetrier()
		s, err := c.Collect(t.Context(), retrier)
		if err != nil {
			return
		}
		updates, _ := c.Take(event)
		for _, u := range updates {
			for _, e := range u.Events {
				if e.DeviceID == "" || e.Key == "" || e.Type == "" {
					t.Errorf("%+v", e)
				}
			}
			s.Devices = append(s.Devices, u.Devices...)
		}
		for _, d := range s.Devices {
			if d.ID == "" || d.Name != collectors.CleanText(d.Name) {
				t.Errorf("%+v", d)
			}
		}
	})
}

// An event as long as allowed that is nothing but brackets is malformed, and does not cost
// much stack.
func TestDeeplyNestedEventIsMalformed(t *testing.T) {
	c := newCollector(t, hue.Options{Host: "192.168.1.2", Username: key, Setting: "hue.bridges[0]"})
	c.SetTransport2(body(exampleResources))
	if _, err := collectOnce(t, c); err != nil {
		t.Fatal(err)
	}
	for _, bracket := range []string{"[", `{"a":`, `[{"data":[`, "[ "} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		updates, resync := c.Take(strings.Repeat(bracket, 1<<20/len(bracket)))
		if len(updates) != 0 || !resync {
			t.Errorf("%q: %d updates, full read %t", bracket, len(updates), resync)
		}
		runtime.ReadMemStats(&after)
		if grown := int64(after.StackSys) - int64(before.StackSys); grown > 64<<20 {
			t.Errorf("%q: the stack grew by %d MiB", bracket, grown>>20)
		}
	}
}

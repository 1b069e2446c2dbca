package hue_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/huetest"
)

// A bad answer is an error of the right class, and the next poll succeeds.
func TestBadV2AnswersAreClassified(t *testing.T) {
	const transient, permanent, authentication = collectors.Transient, collectors.Permanent, collectors.Authentication
	tests := []struct {
		name   string
		answer http.HandlerFunc
		class  collectors.Class
		kind   string
		want   string
	}{
		{"403", huetest.Status(403, nil, `{"errors":[{"description":"Forbidden"}]}`), authentication, "authentication", "403 Forbidden"},
		{"401", huetest.Status(401, nil, ``), authentication, "authentication", ""},
		{"429", huetest.Busy(0), transient, "http 429", ""},
		{"503", huetest.Status(503, nil, `{"errors":[{"description":"Service Unavailable"}]}`), transient, "http 503", ""},
		{"500", huetest.Status(500, nil, ``), transient, "http 500", ""},
		{"a redirect", huetest.Status(302, http.Header{"Location": {"https://192.168.1.9/"}}, ``), permanent, "http 302", "redirect"},
		{"HTML", huetest.HTMLPage, permanent, "malformed", "HTML"},
		{"cut short", huetest.Truncated, transient, "truncated", ""},
		{"dropped", huetest.Drop, transient, "truncated", ""},
		{"no text", huetest.Body(``), transient, "empty", ""},
		{"null", huetest.Body(`null`), transient, "empty", ""},
		{"an empty list", huetest.Body(`[]`), transient, "empty", ""},
		{"an empty object", huetest.Body(`{}`), transient, "empty", ""},
		{"no resources", huetest.Body(`{"errors":[],"data":[]}`), transient, "empty", ""},
		{"data null", huetest.Body(`{"errors":[],"data":null}`), transient, "empty", ""},
		{"an error and nothing else", huetest.Body(`{"errors":[{"description":"internal error, 404"}],"data":[]}`), transient, "empty", "internal error, 404"},
		{"no devices", huetest.Body(`{"errors":[],"data":[{"id":"x","type":"motion","owner":{"rid":"y","rtype":"device"}}]}`), transient, "empty", "not one device"},
		{"a list", huetest.Body(`[{"error":{"type":1}}]`), permanent, "malformed", "a list"},
		{"a number", huetest.Body(`7`), permanent, "malformed", "a number"},
		{"data is no list", huetest.Body(`{"data":{}}`), permanent, "malformed", "not a list"},
		{"nothing but nonsense", huetest.Body(`{"data":[1,"x",[]]}`), permanent, "malformed", "not one entry"},
		{"half", huetest.Body(`{"data":[{"id":`), transient, "truncated", ""},
		{"no JSON", huetest.Body(`{"data":[}`), permanent, "malformed", "not JSON"},
		{"one resource of a megabyte", huetest.Body(`{"data":[{"id":"x","type":"scene","list":[` + strings.Repeat("1,", 1<<19) + `1]}]}`), permanent, "oversized", ""},
		{"too many", huetest.Body(`{"data":[` + strings.Repeat("{},", 20000) + `{}]}`), permanent, "oversized", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newTestHomeV2(t, nil, nil)
				furnish(h.bridge)
				h.bridge.ScriptPath("/clip/v2/resource", test.answer, test.answer, test.answer)
				s, err := h.collect(t)
				if err == nil {
					t.Fatalf("no error, but %+v", s)
				}
				if collectors.ClassOf(err) != test.class || collectors.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%s error of kind %q: %v", collectors.ClassOf(err), collectors.KindOf(err), err)
				}
				want := 1
				if test.class == transient {
					want = 3
				}
				if n := h.bridge.RequestsTo("/clip/v2/resource"); n != want {
					t.Errorf("%d requests, want %d", n, want)
				}
				h.bridge.ScriptPath("/clip/v2/resource")
				deviceIn(t, h.mustCollect(t), hallID)
			})
		})
	}
}

func TestV2RetryAfterIsHonoured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, nil)
		furnish(h.bridge)
		h.bridge.ScriptPath("/clip/v2/resource", huetest.Busy(7))
		h.mustCollect(t)
		if waits := h.waits(); !slices.Equal(waits, []time.Duration{7 * time.Second}) {
			t.Errorf("waited %s", waits)
		}
	})
}

func TestV2DeletedKeyIsAuthenticationError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, nil)
		furnish(h.bridge)
		h.follow(t)
		h.bridge.DeleteKey()
		_, err := h.collect(t)
		checkAuthentication(t, err, "HTTP 403")
		h.bridge.RestoreKey()
		h.mustCollect(t)
	})
}

// An emulator that claims new software but has no v2 is read by v1.
func TestEmulatorWithoutV2FallsBackToV1(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, func(b http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, "/clip") {
					http.NotFound(w, r)
					return
				}
				b.ServeHTTP(w, r)
			})
		}, nil)
		furnish(h.bridge)
		for range 3 {
			deviceIn(t, h.mustCollect(t), hallID)
		}
		h.quiet(t)
		if h.bridge.Requests() != 3 {
			t.Errorf("%d requests", h.bridge.Requests())
		}
	})
}

// A resource that is wrong costs itself alone.
func TestBadResourceDoesNotAffectOthers(t *testing.T) {
	const (
		device = `{"id":"d","type":"device","metadata":{"name":"Hall"},"product_data":{"model_id":"SML001"},"services":[]}`
		radio  = `{"id":"z","type":"zigbee_connectivity","owner":{"rid":"d","rtype":"device"},"status":"connected","mac_address":"` + hallMAC + `"}`
		power  = `{"id":"p","type":"device_power","owner":{"rid":"d","rtype":"device"},"power_state":{"battery_level":87}}`
	)
	of := func(kind, rest string) string {
		return `{"id":"s","type":"` + kind + `","owner":{"rid":"d","rtype":"device"},` + rest + `}`
	}
	none := collectors.Unknown
	tests := []struct {
		name, resource string
		measures       collectors.Measurement
		value          collectors.Value
		faults         int
	}{
		{"temperature", of("temperature", `"enabled":true,"temperature":{"temperature":21,"temperature_valid":true,"temperature_report":{"changed":"2025-11-18T14:30:00.123Z","temperature":21.34}}`), collectors.Temperature, collectors.Number(21.34), 0},
		{"no enabled, no valid", of("temperature", `"temperature":{"temperature_report":{"temperature":21.34}}`), collectors.Temperature, collectors.Number(21.34), 0},
		{"not enabled", of("temperature", `"enabled":false,"temperature":{"temperature_report":{"temperature":21.34}}`), collectors.Temperature, none, 0},
		{"not valid", of("temperature", `"enabled":true,"temperature":{"temperature_valid":false,"temperature_report":{"temperature":21.34}}`), collectors.Temperature, none, 0},
		{"no report", of("temperature", `"enabled":true,"temperature":{"temperature":21,"temperature_valid":true}`), collectors.Temperature, collectors.Number(21), 0},
		{"no report, not valid", of("temperature", `"enabled":true,"temperature":{"temperature":21,"temperature_valid":false}`), collectors.Temperature, none, 0},
		{"null", of("temperature", `"enabled":true,"temperature":null`), collectors.Temperature, none, 0},
		{"a null report", of("motion", `"motion":{"motion_report":null,"motion_valid":true}`), collectors.Motion, none, 0},
		{"impossible", of("temperature", `"temperature":{"temperature_report":{"temperature":3000}}`), collectors.Temperature, none, 1},
		{"text for a number", of("temperature", `"temperature":{"temperature_report":{"temperature":"warm"}}`), collectors.Temperature, none, 1},
		{"a time that is none", of("temperature", `"temperature":{"temperature_report":{"temperature":21,"changed":"soon"}}`), collectors.Temperature, collectors.Number(21), 1},
		{"a time that is a number", of("motion", `"motion":{"motion_report":{"motion":true,"changed":1763476200}}`), collectors.Motion, collectors.Bool(true), 1},
		{"switched off", of("motion", `"enabled":false,"motion":{"motion_report":{"motion":true}}`), collectors.Enabled, collectors.Bool(false), 0},
		{"camera without motion", of("camera_motion", `"enabled":true`), collectors.Motion, none, 0},
		{"light level", of("light_level", `"light":{"light_level_report":{"light_level":14561}}`), collectors.Illuminance, collectors.Number(28.58), 0},
		{"light level too high", of("light_level", `"light":{"light_level_report":{"light_level":70000}}`), collectors.Illuminance, none, 1},
		{"open", of("contact", `"contact_report":{"state":"no_contact"}`), collectors.Contact, collectors.Bool(true), 0},
		{"shut", of("contact", `"enabled":null,"contact_report":{"state":"contact"}`), collectors.Contact, collectors.Bool(false), 0},
		{"ajar", of("contact", `"contact_report":{"state":"ajar"}`), collectors.Contact, none, 1},
		{"contact off", of("contact", `"enabled":false,"contact_report":{"state":"contact"}`), collectors.Contact, none, 0},
		{"tampered with twice", of("tamper", `"tamper_reports":[{"state":"tampered"},{"state":"not_tampered"}]`), collectors.Tamper, collectors.Bool(true), 0},
		{"never tampered with", of("tamper", `"tamper_reports":[]`), collectors.Tamper, collectors.Bool(false), 0},
		{"no word of tampering", of("tamper", `"x":1`), collectors.Tamper, none, 0},
		{"tampered how?", of("tamper", `"tamper_reports":[{"state":7}]`), collectors.Tamper, none, 1},
		{"no number", `7`, collectors.Temperature, none, 1},
		{"type is no text", `{"id":"s","type":7}`, collectors.Temperature, none, 1},
		{"owner is no object", `{"id":"s","type":"motion","owner":"d"}`, collectors.Motion, none, 1},
		{"no id", `{"type":"motion","owner":{"rid":"d"}}`, collectors.Motion, none, 1},
		{"an unknown type", of("air_quality", `"air_quality":7`), collectors.Temperature, none, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newTestHomeV2(t, nil, nil)
				const sound = `{"id":"m","type":"motion","owner":{"rid":"e","rtype":"device"},"motion":{"motion_report":{"motion":true}}}`
				const other = `{"id":"e","type":"device"},{"id":"y","type":"zigbee_connectivity","owner":{"rid":"e"},"mac_address":"00:17:88:01:02:03:04:06"}`
				h.bridge.ScriptPath("/clip/v2/resource", huetest.Body(`{"errors":[],"data":[`+strings.Join([]string{device, radio, power, test.resource, other, sound}, ",")+`]}`))
				s, err := h.collect(t)
				if err != nil {
					t.Fatal(err)
				}
				if len(s.Faults) != test.faults {
					t.Errorf("faults %v, want %d", s.Faults, test.faults)
				}
				if d := deviceIn(t, s, "hue_0017880102030406"); d.Readings[collectors.Motion] != collectors.Bool(true) {
					t.Errorf("the other device: %+v", d)
				}
				for _, d := range s.Devices {
					if d.ID == hallID && (d.Readings[test.measures] != test.value || d.Readings[collectors.Battery] != collectors.Number(87)) {
						t.Errorf("%v, want %s", d.Readings, test.value)
					}
				}
				if !test.value.IsUnknown() {
					deviceIn(t, s, hallID)
				}
			})
		})
	}
}

// Two devices can't be one, and one without an address has no id.
func TestDeviceIDsFromAddresses(t *testing.T) {
	motion := func(n string) string {
		return `{"id":"d` + n + `","type":"device"},{"id":"m` + n + `","type":"motion","owner":{"rid":"d` + n + `"}}`
	}
	radio := func(n, mac string) string {
		return `{"id":"z` + n + `","type":"zigbee_connectivity","owner":{"rid":"d` + n + `"},"mac_address":"` + mac + `"}`
	}
	tests := []struct {
		name   string
		data   []string
		ids    string
		faults int
	}{
		{"good", []string{motion("1"), radio("1", hallMAC)}, hallID, 0},
		{"twice the same", []string{motion("1"), radio("1", hallMAC), motion("2"), radio("2", hallMAC)}, hallID, 1},
		{"none", []string{motion("1"), radio("1", hallMAC), motion("2")}, hallID, 1},
		{"no MAC", []string{motion("1"), radio("1", hallMAC), motion("2"), radio("2", "../x")}, hallID, 1},
		{"a network card's", []string{motion("1"), radio("1", hallMAC), motion("2"), radio("2", "00:17:88:01:02:03")}, hallID, 1},
		{"network cards' in the whole home", []string{motion("1"), radio("1", "00:17:88:01:02:03"), motion("2"), radio("2", "00:17:88:01:02:03")}, "hue_d1 hue_d2", 0},
		{"none in the whole home", []string{motion("1"), motion("2")}, "hue_d1 hue_d2", 0},
		{"a tap's", []string{`{"id":"d1","type":"device"},{"id":"b","type":"button","owner":{"rid":"d1"}}`,
			`{"id":"z","type":"zgp_connectivity","owner":{"rid":"d1"},"source_id":"0x4403D1"}`}, "hue_00000000004403d1", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newTestHomeV2(t, nil, nil)
				data := append(test.data, `{"id":"bridge","type":"device","product_data":{"model_id":"BSB002"}}`)
				h.bridge.ScriptPath("/clip/v2/resource", huetest.Body(`{"data":[`+strings.Join(data, ",")+`]}`))
				s, err := h.collect(t)
				if err != nil {
					t.Fatal(err)
				}
				var ids []string
				for _, d := range s.Devices {
					ids = append(ids, d.ID)
				}
				if strings.Join(ids, " ") != test.ids || len(s.Faults) != test.faults {
					t.Errorf("devices %v, faults %v", ids, s.Faults)
				}
			})
		})
	}
}

func TestEventsOfEveryButtonKind(t *testing.T) {
	tests := []struct {
		name, button, key string
		types             string
	}{
		{"as they are", `"metadata":{"control_id":3},"button":{"event_values":["short_release","initial_press"]}`, "button_3", "initial_press short_release"},
		{"nothing is reported", `"x":1`, "button_1", "double_short_release initial_press long_press long_release repeat short_release"},
		{"a new one", `"metadata":{"control_id":1},"button":{"event_values":["triple_press","initial_press","initial_press","no good!"]}`, "button_1", "initial_press triple_press"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newTestHomeV2(t, nil, func(o *hue.Options) { o.Areas = nil })
				h.bridge.ScriptPath("/clip/v2/resource", huetest.Body(`{"data":[{"id":"d","type":"device","product_data":{"model_id":"RWL022"}},`+
					`{"id":"z","type":"zigbee_connectivity","owner":{"rid":"d"},"mac_address":"`+hallMAC+`"},`+
					`{"id":"b","type":"button","owner":{"rid":"d"},`+test.button+`}]}`))
				d := deviceIn(t, h.mustCollect(t), hallID)
				if got := strings.Join(d.EventTypes[test.key], " "); got != test.types || len(d.EventTypes) != 1 {
					t.Errorf("%v", d.EventTypes)
				}
			})
		})
	}
}

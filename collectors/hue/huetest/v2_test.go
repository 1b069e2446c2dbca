package huetest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"hueair2mqtt/collectors/hue/huetest"
)

const (
	dialMAC    = "00:17:88:01:02:03:04:06"
	doorMAC    = "00:17:88:01:02:03:04:07"
	lampMAC    = "00:17:88:01:02:03:04:08"
	plugMAC    = "00:17:88:01:02:03:04:09"
	dimmerMAC  = "00:17:88:01:02:03:04:0a"
	tapMAC     = "00:00:00:00:00:44:23:08"
	missingMAC = "00:17:88:01:02:03:04:ff"
)

var hall = huetest.MotionSensor{MAC: mac, Name: "Hall", Temperature: 21.34, Motion: true, Lux: 28.6, Battery: 87, Reachable: true}

// newHouse is a bridge with one of everything.
func newTestHome() *huetest.Bridge {
	b := huetest.NewBridge(bridgeID, key)
	b.SetMotionSensor(hall)
	b.SetDial(huetest.Dial{MAC: dialMAC, Name: "Dial", Battery: 20, Reachable: true})
	b.SetContactSensor(huetest.ContactSensor{MAC: doorMAC, Name: "Door", Open: true, Battery: 5, Reachable: true})
	b.SetLight(huetest.Light{MAC: lampMAC, Name: "Lamp", On: true, Brightness: 50, Reachable: true})
	b.SetLight(huetest.Light{MAC: plugMAC, Name: "Plug", Plug: true})
	b.SetSwitch(huetest.Switch{MAC: dimmerMAC, Name: "Dimmer", Type: "ZLLSwitch", ButtonEvent: 1002, Battery: 60, Reachable: true})
	b.SetSwitch(huetest.Switch{MAC: tapMAC, Name: "Tap", Type: "ZGPSwitch", ButtonEvent: 34})
	b.SetRoom("Living room", mac, lampMAC, missingMAC)
	return b
}

func TestDevicesHaveTheirResources(t *testing.T) {
	c, _ := overTCP(t, newTestHome())
	tests := []struct{ kind, mac, want string }{
		{"motion", mac, `{"enabled":true,"id_v1":"/sensors/4","motion":{"motion":true,"motion_report":{"changed":"*","motion":true},"motion_valid":true},
			"sensitivity":{"sensitivity":2,"sensitivity_max":2,"status":"set"}}`},
		{"temperature", mac, `{"enabled":true,"id_v1":"/sensors/3","temperature":{"temperature":21.34,"temperature_report":{"changed":"*","temperature":21.34},"temperature_valid":true}}`},
		{"light_level", mac, `{"enabled":true,"id_v1":"/sensors/5","light":{"light_level":14565,"light_level_report":{"changed":"*","light_level":14565},"light_level_valid":true}}`},
		{"device_power", mac, `{"id_v1":"/sensors/4","power_state":{"battery_level":87,"battery_state":"normal"}}`},
		{"device_power", dialMAC, `{"id_v1":"/sensors/6","power_state":{"battery_level":20,"battery_state":"low"}}`},
		{"device_power", doorMAC, `{"power_state":{"battery_level":5,"battery_state":"low"}}`},
		{"zigbee_connectivity", mac, `{"id_v1":"/sensors/4","mac_address":"` + mac + `","status":"connected"}`},
		{"zigbee_connectivity", plugMAC, `{"id_v1":"/lights/2","mac_address":"` + plugMAC + `","status":"disconnected"}`},
		{"zgp_connectivity", tapMAC, `{"id_v1":"/sensors/9","source_id":"` + tapMAC + `","status":"unidirectional_incoming"}`},
		{"contact", doorMAC, `{"enabled":true,"contact_report":{"changed":"*","state":"no_contact"}}`},
		{"tamper", doorMAC, `{"tamper_reports":[]}`},
		{"button", tapMAC, `{"id_v1":"/sensors/9","button":{"event_values":["initial_press"],"repeat_interval":800},"metadata":{"control_id":1}}`},
		{"button", dimmerMAC, `{"id_v1":"/sensors/8","button":{"event_values":["initial_press","repeat","short_release","long_release","long_press"],"repeat_interval":800},"metadata":{"control_id":1}}`},
		{"relative_rotary", dialMAC, `{"id_v1":"/sensors/7","relative_rotary":{}}`},
		{"light", lampMAC, `{"id_v1":"/lights/1","alert":{"action_values":["breathe"]},"dimming":{"brightness":50,"min_dim_level":5},"metadata":{"archetype":"sultan_bulb","function":"mixed","name":"Lamp"},"mode":"normal","on":{"on":true},"service_id":0}`},
	}
	for _, test := range tests {
		t.Run(test.kind+" "+test.mac, func(t *testing.T) {
			got := c.service(test.mac, test.kind)
			for _, name := range []string{"id", "owner", "type"} {
				delete(got, name)
			}
			hideTimes(t, got)
			var want resource
			if err := json.Unmarshal([]byte(test.want), &want); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
}

// service is the first service of this kind of the device with this MAC.
func (c *client) service(mac, kind string) resource {
	c.t.Helper()
	all := c.all()
	for _, r := range all {
		if r["mac_address"] != mac && r["source_id"] != mac {
			continue
		}
		device := all[r["owner"].(resource)["rid"].(string)]
		for _, s := range device["services"].([]any) {
			if s := s.(resource); s["rtype"] == kind {
				return all[s["rid"].(string)]
			}
		}
	}
	c.t.Fatalf("no %s with a %s", mac, kind)
	return nil
}

var instant = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)

// hideTimes replaces times that are well written with *.
func hideTimes(t testing.TB, r resource) {
	for name, value := range r {
		switch value := value.(type) {
		case string:
			if name == "changed" || name == "updated" {
				if !instant.MatchString(value) {
					t.Errorf("%s is %q", name, value)
				}
				r[name] = "*"
			}
		case resource:
			hideTimes(t, value)
		}
	}
}

// Whatever a resource names is there, and both APIs agree on what it is.
func TestBothAPIsReportOneHome(t *testing.T) {
	c, _ := overTCP(t, newTestHome())
	all := c.all()
	for _, kind := range []string{
		"device", "bridge", "bridge_home", "temperature", "motion", "light_level", "device_power", "zigbee_connectivity", "zgp_connectivity", "contact",
		"tamper", "button", "relative_rotary", "room", "grouped_motion", "grouped_light_level", "light", "geolocation", "behavior_instance",
	} {
		if len(c.list("/"+kind)) == 0 {
			t.Errorf("the home has no %s", kind)
		}
	}
	for id, r := range all {
		var references []any
		for _, name := range []string{"services", "children"} {
			if list, ok := r[name].([]any); ok {
				references = append(references, list...)
			}
		}
		if owner, ok := r["owner"]; ok {
			references = append(references, owner)
		}
		for _, one := range references {
			reference := one.(resource)
			if other := all[reference["rid"].(string)]; other == nil || other["type"] != reference["rtype"] {
				t.Errorf("%v names %v, which is %v", r, reference, other)
			}
		}
		_, one := c.ask("GET", "/clip/v2/resource/"+r["type"].(string)+"/"+id, nil, "")
		var answer struct{ Data []resource }
		if err := json.Unmarshal([]byte(one), &answer); err != nil || len(answer.Data) != 1 || !reflect.DeepEqual(answer.Data[0], r) {
			t.Errorf("%v alone is %s", r, one)
		}
		path, ok := r["id_v1"].(string)
		if !ok || strings.HasPrefix(path, "/groups/") { // not served
			continue
		}
		_, v1 := c.ask("GET", "/api/"+key+path, nil, "")
		if strings.HasPrefix(v1, "[") {
			t.Errorf("%v: %s", r, v1)
		}
		if address, ok := r["mac_address"].(string); ok && !strings.Contains(v1, `"uniqueid":"`+address) {
			t.Errorf("%s is not %s", v1, address)
		}
		if metadata, ok := r["metadata"].(resource); ok && r["type"] != "button" && !strings.Contains(v1, `"name":"`+metadata["name"].(string)+`"`) {
			t.Errorf("%s is not called %v", v1, metadata)
		}
	}
	if _, text := c.ask("GET", "/api/"+key+"/sensors", nil, ""); strings.Contains(text, doorMAC) {
		t.Error("CLIP v1 reports a contact sensor")
	}
}

func TestNamesOfADeviceWithTwoEntries(t *testing.T) {
	b := huetest.NewBridge(bridgeID, key)
	c, _ := overTCP(t, b)
	v1 := func(id string) string {
		_, text := c.ask("GET", "/api/"+key+"/sensors/"+id, nil, "")
		_, name, _ := strings.Cut(text, `"name":"`)
		name, _, _ = strings.Cut(name, `"`)
		return name
	}
	b.SetDial(huetest.Dial{MAC: dialMAC, Name: "Dial"})
	b.SetSwitch(huetest.Switch{MAC: dimmerMAC, Name: "Buttons", Type: "ZLLSwitch"})
	b.SetSwitch(huetest.Switch{MAC: dimmerMAC, Name: "Ring", Type: "ZLLRelativeRotary"})
	if got := []string{v1("3"), v1("4"), v1("5"), v1("6")}; !reflect.DeepEqual(got, []string{"Dial", "Hue tap dial switch 1", "Buttons", "Ring"}) {
		t.Errorf("%q", got)
	}
	b.Rename(dialMAC, "A")
	b.Rename(dimmerMAC, "B")
	if got := []string{v1("3"), v1("4"), v1("5"), v1("6")}; !reflect.DeepEqual(got, []string{"A", "Hue tap dial switch 1", "B", "B"}) {
		t.Errorf("renamed: %q", got)
	}
	for _, device := range c.list("/device") {
		if name := device["metadata"].(resource)["name"]; name != "A" && name != "B" && name != "Hue Bridge" {
			t.Errorf("CLIP v2 has the name %v", name)
		}
	}
}

func TestResourceIDsAreStable(t *testing.T) {
	c, _ := overTCP(t, newTestHome())
	again, _ := overTCP(t, newTestHome())
	before, after := c.all(), again.all()
	for id, r := range before {
		if after[id]["type"] != r["type"] {
			t.Errorf("no %v in the same home", r)
		}
		if !regexp.MustCompile(`^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$`).MatchString(id) {
			t.Errorf("the id %q", id)
		}
	}
}

func TestRequestsAreRefused(t *testing.T) {
	b := newTestHome()
	c, _ := overTCP(t, b)
	motion := c.service(mac, "motion")["id"].(string)
	wrongKey, noKey := http.Header{"Hue-Application-Key": {"wrong"}}, http.Header{"Hue-Application-Key": nil}
	tests := []struct {
		name, method, path string
		header             http.Header
		status             int
		body               string
	}{
		{"no key", "GET", "/clip/v2/resource", noKey, 403, "<title>403 Forbidden</title>"},
		{"wrong key", "GET", "/clip/v2/resource/device", wrongKey, 403, "<title>403 Forbidden</title>"},
		{"wrong key and path", "GET", "/clip/v2/nonsense", wrongKey, 403, ""},
		{"key of CLIP v1 in the path", "GET", "/clip/v2/resource/" + key, noKey, 403, ""},
		{"unknown type", "GET", "/clip/v2/resource/nonsense", nil, 404, `{"errors":[{"description":"Not Found"}]}`},
		{"unknown id", "GET", "/clip/v2/resource/motion/00000000-0000-0000-0000-000000000000", nil, 404, `{"errors":[{"description":"Not Found"}]}`},
		{"id of another type", "GET", "/clip/v2/resource/temperature/" + motion, nil, 404, `{"errors":[{"description":"Not Found"}]}`},
		{"slash at the end", "GET", "/clip/v2/resource/", nil, 404, "Not Found"},
		{"too long", "GET", "/clip/v2/resource/motion/" + motion + "/x", nil, 404, "Not Found"},
		{"no resource", "GET", "/clip/v2/resources", nil, 404, "Not Found"},
		{"known type without any", "GET", "/clip/v2/resource/zone", nil, 200, `{"errors":[],"data":[]}`},
		{"PUT", "PUT", "/clip/v2/resource/motion/" + motion, nil, 405, `{"errors":[{"description":"Method Not Allowed"}]}`},
		{"POST", "POST", "/clip/v2/resource/motion", nil, 405, "Method Not Allowed"},
		{"DELETE", "DELETE", "/clip/v2/resource", nil, 405, "Method Not Allowed"},
		{"stream without key", "GET", "/eventstream/clip/v2", http.Header{"Hue-Application-Key": nil, "Accept": {"text/event-stream"}}, 403, "403 Forbidden"},
		{"stream with wrong key", "GET", "/eventstream/clip/v2", http.Header{"Hue-Application-Key": {"wrong"}, "Accept": {"text/event-stream"}}, 403, "403 Forbidden"},
		{"POST to the stream", "POST", "/eventstream/clip/v2", eventStream, 405, "405 Method Not Allowed"},
		{"below the stream", "GET", "/eventstream/clip/v2/x", eventStream, 404, "404 Not Found"},
		{"elsewhere", "GET", "/", nil, 404, "404 Not Found"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			resp, text := c.ask(test.method, test.path, test.header, "{}")
			if resp.StatusCode != test.status || !strings.Contains(text, test.body) {
				t.Errorf("%s %s", resp.Status, text)
			}
		})
	}
	b.DeleteKey()
	if resp, _ := c.ask("GET", "/clip/v2/resource", nil, ""); resp.StatusCode != 403 {
		t.Errorf("with a deleted key: %s", resp.Status)
	}
	b.RestoreKey()
	if resp, _ := c.ask("GET", "/clip/v2/resource", nil, ""); resp.StatusCode != 200 {
		t.Errorf("with the key restored: %s", resp.Status)
	}
	if n := b.Streams(); n != 0 {
		t.Errorf("%d streams are open", n)
	}
}

func TestCLIPv2IsBehindTLSOnly(t *testing.T) {
	b := newTestHome()
	server := httptest.NewServer(b)
	defer server.Close()
	c := &client{t, server.URL, server.Client()}
	for _, path := range []string{"/clip/v2/resource", "/eventstream/clip/v2"} {
		if resp, text := c.ask("GET", path, eventStream, ""); resp.StatusCode != 404 {
			t.Errorf("%s: %s %s", path, resp.Status, text)
		}
	}
	if resp, text := c.ask("GET", "/api/"+key+"/sensors/4", nil, ""); resp.StatusCode != 200 || !strings.Contains(text, `"presence":true`) {
		t.Errorf("CLIP v1: %s %s", resp.Status, text)
	}
}

func TestOldAndNewSoftware(t *testing.T) {
	b := newTestHome()
	c, _ := overTCP(t, b)
	tests := []struct {
		software, api string
		v2            bool
	}{
		{huetest.DefaultSoftware, "1.67.0", true},
		{"1941132080", "1.41.0", false},
		{"1948085999", "1.48.0", false},
		{"1948086000", "1.48.0", true},
		{"1711151408", "1.22.0", false},
		{"unknown", "1.22.0", false},
		{"2071193000", "1.71.0", true},
	}
	for _, test := range tests {
		b.SetSoftware(test.software)
		_, text := c.ask("GET", "/api/0/config", nil, "")
		if !strings.Contains(text, `"swversion":"`+test.software+`"`) || !strings.Contains(text, `"apiversion":"`+test.api+`"`) {
			t.Errorf("%s: %s", test.software, text)
		}
		if resp, text := c.ask("GET", "/clip/v2/resource", nil, ""); (resp.StatusCode == 200) != test.v2 || !test.v2 && resp.StatusCode != 404 {
			t.Errorf("%s: %s %s", test.software, resp.Status, text)
		}
	}
	b.SetModel("BSB003")
	if _, text := c.ask("GET", "/api/config", nil, ""); !strings.Contains(text, `"modelid":"BSB003"`) {
		t.Error(text)
	}
	if _, text := c.ask("GET", "/clip/v2/resource/device", nil, ""); !strings.Contains(text, `"model_id":"BSB003"`) || !strings.Contains(text, `"software_version":"1.71.2071193000"`) {
		t.Error(text)
	}
}

func TestScriptPath(t *testing.T) {
	b := newTestHome()
	c, _ := overTCP(t, b)
	b.ScriptPath("/clip/v2/resource", huetest.Busy(2), nil, huetest.Busy(0))
	b.ScriptPath("/clip/v2/resource/motion", huetest.HTMLPage)
	status := func(path string) int {
		resp, _ := c.ask("GET", path, nil, "")
		return resp.StatusCode
	}
	if resp, text := c.ask("GET", "/clip/v2/resource/motion", nil, ""); resp.StatusCode != 200 || !strings.Contains(text, "<html>") {
		t.Errorf("the longer prefix: %s %s", resp.Status, text)
	}
	got := []int{status("/api/" + key + "/sensors"), status("/clip/v2/resource/motion"), status("/clip/v2/resource"), status("/clip/v2/resource/device"), status("/clip/v2/resource")}
	if want := []int{200, 429, 200, 429, 200}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if n, v1 := b.RequestsTo("/clip/v2/resource"), b.RequestsTo("/api/"); n != 5 || v1 != 1 || b.Requests() != 1 {
		t.Errorf("%d requests for resources, %d for CLIP v1, %d for sensors", n, v1, b.Requests())
	}
}

func TestDevicesThatNeverReported(t *testing.T) {
	b := huetest.NewBridge(bridgeID, key)
	c, _ := overTCP(t, b)
	sensor, door := hall, huetest.ContactSensor{MAC: doorMAC, Name: "Door", NeverReported: true}
	sensor.NeverReported = true
	b.SetMotionSensor(sensor)
	b.SetContactSensor(door)
	for kind, name := range map[string]string{"motion": "motion", "temperature": "temperature", "light_level": "light"} {
		if got := c.service(mac, kind); got[name].(resource)[kind+"_report"] != nil || got[name].(resource)[kind+"_valid"] != false || got["enabled"] != true {
			t.Errorf("%v", got)
		}
	}
	if got := c.service(doorMAC, "contact"); got["contact_report"] != nil {
		t.Errorf("%v", got)
	}
	if got := c.service(doorMAC, "zigbee_connectivity"); got["status"] != "connectivity_issue" {
		t.Errorf("%v", got)
	}
	sensor = hall
	sensor.Off = true
	b.SetMotionSensor(sensor)
	if got := c.service(mac, "motion"); got["enabled"] != false || got["motion"].(resource)["motion_valid"] != false {
		t.Errorf("%v", got)
	}
	b.SetConnectivity(mac, "unidirectional_incoming")
	if got := c.service(mac, "zigbee_connectivity"); got["status"] != "unidirectional_incoming" {
		t.Errorf("%v", got)
	}
	if _, text := c.ask("GET", "/api/"+key+"/sensors/4", nil, ""); !strings.Contains(text, `"reachable":false`) || !strings.Contains(text, `"on":false`) {
		t.Error(text)
	}
}

func TestTamperReports(t *testing.T) {
	b := huetest.NewBridge(bridgeID, key)
	c, _ := overTCP(t, b)
	for _, test := range []struct {
		tampered bool
		want     string
	}{{false, ""}, {true, "tampered"}, {false, "tampered not_tampered"}, {true, "not_tampered tampered"}} {
		b.SetContactSensor(huetest.ContactSensor{MAC: doorMAC, Tampered: test.tampered})
		var states []string
		for _, report := range c.service(doorMAC, "tamper")["tamper_reports"].([]any) {
			states = append(states, report.(resource)["state"].(string))
		}
		if got := strings.Join(states, " "); got != test.want {
			t.Errorf("tampered %v: %q, want %q", test.tampered, got, test.want)
		}
	}
}

func TestInvalidDevicesPanic(t *testing.T) {
	b := newTestHome()
	for name, do := range map[string]func(){
		"type of a switch":        func() { b.SetSwitch(huetest.Switch{MAC: mac, Type: "ZLLKettle"}) },
		"button of a sensor":      func() { b.PressButton(mac, 1, "initial_press") },
		"button of nothing":       func() { b.PressButton(missingMAC, 1, "initial_press") },
		"fifth button":            func() { b.PressButton(dialMAC, 5, "initial_press") },
		"event of a button":       func() { b.PressButton(dialMAC, 1, "caress") },
		"release of a tap":        func() { b.PressButton(tapMAC, 1, "short_release") },
		"turning a dimmer":        func() { b.Turn(dimmerMAC, "clock_wise", 1) },
		"turning upwards":         func() { b.Turn(dialMAC, "up", 1) },
		"renaming nothing":        func() { b.Rename(missingMAC, "x") },
		"connecting nothing":      func() { b.SetConnectivity(missingMAC, "connected") },
		"flood without a sensor":  func() { huetest.NewBridge(bridgeID, key).Flood(1) },
		"temperature of no value": func() { b.SetMotionSensor(huetest.MotionSensor{MAC: mac, Temperature: nan()}) },
		"event that is no JSON":   func() { b.SendEvent("error", "{") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if said, ok := recover().(string); !ok || !strings.HasPrefix(said, "huetest: ") {
					t.Errorf("it said %q", said)
				}
			}()
			do()
		})
	}
	c, _ := overTCP(t, b) // no lock is left held
	c.all()
}

func nan() float64 { zero := 0.0; return zero / zero }

package huetest_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"hueair2mqtt/collectors/hue/huetest"
)

// only is the one resource of this type.
func (c *client) only(kind string) resource {
	c.t.Helper()
	var found []resource
	for _, r := range c.all() {
		if r["type"] == kind {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		c.t.Fatalf("%d resources of type %s", len(found), kind)
	}
	return found[0]
}

func (c *client) wantShape(kind, want string) {
	c.t.Helper()
	got := c.only(kind)
	delete(got, "id")
	delete(got, "type")
	hideTimes(c.t, got)
	var wanted resource
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		c.t.Fatal(err)
	}
	if !reflect.DeepEqual(got, wanted) {
		c.t.Errorf("%s\ngot  %v\nwant %v", kind, got, wanted)
	}
}

func TestMotionAreaShapes(t *testing.T) {
	b := newTestHome()
	b.SetMotionArea(huetest.MotionArea{Name: "Sofa", Room: "Living room", Motion: true, Lights: true})
	c, _ := overTCP(t, b)
	area, room := b.MotionAreaID("Sofa"), b.RoomID("Living room")
	services := c.only("motion_area_configuration")["services"].([]any)
	convenience, security := services[0].(resource)["rid"].(string), services[1].(resource)["rid"].(string)
	owner := `"owner":{"rid":"` + area + `","rtype":"motion_area_configuration"},"sensitivity":{"sensitivity":2,"sensitivity_max":4}`
	c.wantShape("motion_area_configuration", `{"enabled":true,"health":"healthy","name":"Sofa","participants":[],
		"group":{"rid":"`+room+`","rtype":"room"},"services":[{"rid":"`+convenience+`","rtype":"convenience_area_motion"},{"rid":"`+security+`","rtype":"security_area_motion"}]}`)
	c.wantShape("convenience_area_motion", `{"enabled":true,"motion":{"motion":true,"motion_report":{"changed":"*","motion":true},"motion_valid":true},`+owner+`}`)
	c.wantShape("security_area_motion", `{"enabled":false,"motion":{"motion":false,"motion_report":{"changed":"*","motion":false},"motion_valid":false},`+owner+`}`)

	// Switching an area off changes nothing but itself.
	b.SetMotionArea(huetest.MotionArea{Name: "Sofa", Room: "Living room", Motion: true, Lights: true, Off: true, Health: "not_running"})
	if got := c.only("motion_area_configuration"); got["enabled"] != false || got["health"] != "not_running" {
		t.Errorf("%v", got)
	}
	if got := c.only("convenience_area_motion"); got["enabled"] != true || got["motion"].(resource)["motion_valid"] != true {
		t.Errorf("%v", got)
	}
	b.SetMotionArea(huetest.MotionArea{Name: "Sofa", Room: "Living room", Silent: true})
	if got := c.only("security_area_motion"); got["motion"] != nil {
		t.Errorf("%v", got)
	}
	b.RemoveMotionArea("Sofa")
	for _, r := range c.all() {
		if strings.Contains(r["type"].(string), "area") {
			t.Errorf("%v is still there", r)
		}
	}
}

func TestDoorbellShapes(t *testing.T) {
	b := newTestHome()
	b.SetCamera(huetest.Camera{MAC: "c4:29:96:01:02:03", Name: "Doorbell", Motion: true, Doorbell: true})
	c, _ := overTCP(t, b)
	device := c.only("bell_button")["owner"].(resource)
	if device["rid"] != b.DeviceID("c4:29:96:01:02:03") {
		t.Errorf("%v", device)
	}
	owner := `"owner":{"rid":"` + device["rid"].(string) + `","rtype":"device"}`
	c.wantShape("camera_motion", `{"enabled":true,"motion":{"motion":true,"motion_report":{"changed":"*","motion":true},"motion_valid":true},`+owner+`}`)
	b.Ring("c4:29:96:01:02:03")
	c.wantShape("bell_button", `{"button":{"button_report":{"event":"initial_press","updated":"*"},"event_values":["initial_press"],"last_event":"initial_press","repeat_interval":800},
		"metadata":{"control_id":1},`+owner+`}`)
	for _, s := range c.all()[device["rid"].(string)]["services"].([]any) {
		if kind := s.(resource)["rtype"].(string); strings.Contains(kind, "connectivity") {
			t.Errorf("a camera has a %s", kind)
		}
	}
	if _, text := c.ask("GET", "/api/"+key+"/sensors", nil, ""); strings.Contains(text, "Doorbell") {
		t.Error("CLIP v1 knows of it")
	}
}

// Groups have reports and nothing else.
func TestGroupShapes(t *testing.T) {
	b := huetest.NewBridge(bridgeID, key)
	b.SetMotionSensor(hall)
	b.SetRoom("Hall", mac)
	c, _ := overTCP(t, b)
	for _, r := range c.all() {
		inner := map[string]string{"grouped_motion": "motion", "grouped_light_level": "light"}[r["type"].(string)]
		if inner == "" {
			continue
		}
		feature := r[inner].(resource)
		report, ok := feature[strings.TrimPrefix(r["type"].(string), "grouped_")+"_report"].(resource)
		if !ok || len(feature) != 1 || len(report) != 2 || r["enabled"] != true {
			t.Errorf("%v", r)
		}
	}
}

// Software of before 2023 has the values and no report.
func TestSoftwareWithoutReportsIsRead(t *testing.T) {
	b := newTestHome()
	b.PressButton(dimmerMAC, 1, "initial_press")
	b.Turn(dialMAC, "clock_wise", 15)
	b.SetSoftware("1948086000")
	c, _ := overTCP(t, b)
	for _, r := range c.all() {
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if kind := r["type"].(string); strings.Contains(string(text), "_report\"") && kind != "contact" || strings.HasPrefix(kind, "grouped_motion") {
			t.Errorf("%s", text)
		}
	}
	if got := c.service(mac, "temperature")["temperature"].(resource); got["temperature"] != 21.34 || got["temperature_valid"] != true {
		t.Errorf("%v", got)
	}
	if got := c.service(dimmerMAC, "button")["button"].(resource); got["last_event"] != "initial_press" {
		t.Errorf("%v", got)
	}
}

func TestReportTimes(t *testing.T) {
	b := newTestHome()
	b.SetReportTimes("none")
	c, _ := overTCP(t, b)
	if got := c.service(mac, "motion")["motion"].(resource)["motion_report"].(resource); got["changed"] != "none" {
		t.Errorf("%v", got)
	}
	b.SetReportTimes("")
	if got := c.service(mac, "motion")["motion"].(resource)["motion_report"].(resource); !instant.MatchString(got["changed"].(string)) {
		t.Errorf("%v", got)
	}
}

func TestColorTemperatureShapes(t *testing.T) {
	b := huetest.NewBridge(bridgeID, key)
	c, _ := overTCP(t, b)
	for _, test := range []struct {
		colored bool
		want    string
	}{
		{false, `{"mirek":366,"mirek_schema":{"mirek_minimum":153,"mirek_maximum":500},"mirek_valid":true}`},
		{true, `{"mirek":null,"mirek_schema":{"mirek_minimum":153,"mirek_maximum":500},"mirek_valid":false}`},
	} {
		b.SetLight(huetest.Light{MAC: lampMAC, On: true, Brightness: 50, Mirek: 366, Colored: test.colored, Reachable: true})
		var want resource
		if err := json.Unmarshal([]byte(test.want), &want); err != nil {
			t.Fatal(err)
		}
		if got := c.service(lampMAC, "light")["color_temperature"]; !reflect.DeepEqual(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

func TestFriendsOfHueShapes(t *testing.T) {
	b := huetest.NewBridge(bridgeID, key)
	b.SetSwitch(huetest.Switch{MAC: tapMAC, Name: "Friends", Type: "ZGPSwitch", FriendsOfHue: true})
	c, _ := overTCP(t, b)
	if got := c.service(tapMAC, "button")["button"].(resource)["event_values"].([]any); len(got) != 5 {
		t.Errorf("%v", got)
	}
	// It can't be asked: CLIP v1 has no reachable for it, and no battery.
	_, text := c.ask("GET", "/api/"+key+"/sensors/3", nil, "")
	if !strings.Contains(text, `"config":{"on":true}`) || !strings.Contains(text, `"lastupdated":"none"`) || !strings.Contains(text, `"FOHSWITCH"`) {
		t.Error(text)
	}
}

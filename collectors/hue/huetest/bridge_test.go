package huetest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"hueair2mqtt/collectors/hue/huetest"
)

const mac = "00:17:88:01:02:03:04:05"

func ask(t *testing.T, server *httptest.Server, method, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestV1AnswersAsARealBridge(t *testing.T) {
	bridge := huetest.NewBridge("001788fffe010203", "key")
	server := httptest.NewServer(bridge)
	defer server.Close()
	bridge.SetMotionSensor(huetest.MotionSensor{MAC: mac, Name: "Hall", Temperature: 21.34, Lux: 28.6, Battery: 87, Reachable: true})
	tests := []struct {
		method, path string
		status       int
		want         string
	}{
		{"GET", "/api/config", 200, `"bridgeid":"001788FFFE010203"`},
		{"GET", "/api/0/config", 200, `"mac":"00:17:88:01:02:03"`},
		{"GET", "/api/wrong/config", 200, `"modelid":"BSB002"`},
		{"GET", "/api/key/config", 200, `"whitelist"`},
		{"GET", "/api/key/sensors", 200, `"temperature":2134`},
		{"GET", "/api/key/sensors/", 200, `"uniqueid":"` + mac + `-02-0406"`},
		{"GET", "/api/key/sensors/1", 200, `"type":"Daylight"`},
		{"GET", "/api/key/sensors/99", 200, `[{"error":{"address":"/sensors/99","description":"resource, /sensors/99, not available","type":3}}]`},
		{"GET", "/api/key/nonsense", 200, `"type":3`},
		{"GET", "/api/wrong/sensors", 200, `[{"error":{"address":"/sensors","description":"unauthorized user","type":1}}]`},
		{"DELETE", "/api/key/sensors", 200, `[{"error":{"address":"/sensors","description":"method, DELETE, not available for resource, /sensors","type":4}}]`},
		{"POST", "/api", 200, `"type":101`},
		{"GET", "/elsewhere", 404, ``},
	}
	for _, test := range tests {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			status, text := ask(t, server, test.method, test.path)
			if status != test.status || !strings.Contains(text, test.want) {
				t.Errorf("%d %s", status, text)
			}
		})
	}
	if _, text := ask(t, server, "GET", "/api/0/config"); strings.Contains(text, "whitelist") {
		t.Error("the keys are public")
	}
	if n := bridge.Requests(); n != 4 {
		t.Errorf("%d requests for all sensors, want 4", n)
	}
}

func TestSensorsAreReplacedAndRemoved(t *testing.T) {
	bridge := huetest.NewBridge("001788fffe010203", "key")
	server := httptest.NewServer(bridge)
	defer server.Close()
	sensors := func() map[string]struct {
		Name  string
		State map[string]any
	} {
		_, text := ask(t, server, "GET", "/api/key/sensors")
		var all map[string]struct {
			Name  string
			State map[string]any
		}
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			t.Fatal(err, text)
		}
		return all
	}
	bridge.SetMotionSensor(huetest.MotionSensor{MAC: mac, Name: "Hall"})
	bridge.SetMotionSensor(huetest.MotionSensor{MAC: strings.ToUpper(mac), Name: "Porch", NeverReported: true})
	all := sensors()
	if len(all) != 5 || all["4"].Name != "Porch" || all["3"].State["lastupdated"] != "none" || all["3"].State["temperature"] != nil {
		t.Errorf("%v", all)
	}
	bridge.SetRaw("x", `{"name":"raw"}`)
	bridge.Remove(mac)
	if all = sensors(); len(all) != 3 || all["x"].Name != "raw" {
		t.Errorf("%v", all)
	}
	bridge.SetRaw("x", "")
	if all = sensors(); len(all) != 2 {
		t.Errorf("%v", all)
	}
}

func TestScriptedAnswersAndKeys(t *testing.T) {
	bridge := huetest.NewBridge("001788fffe010203", "key")
	server := httptest.NewServer(bridge)
	defer server.Close()
	bridge.Script(huetest.Busy(3), nil, huetest.HTMLPage)
	for i, want := range []int{429, 200, 200, 200} {
		if status, text := ask(t, server, "GET", "/api/key/sensors"); status != want || strings.Contains(text, "<html>") != (i == 2) {
			t.Errorf("answer %d: %d %s", i, status, text)
		}
	}
	bridge.DeleteKey()
	if _, text := ask(t, server, "GET", "/api/key/sensors"); !strings.Contains(text, `"type":1,`) && !strings.Contains(text, `"type":1}`) {
		t.Errorf("after the key was deleted: %s", text)
	}
	bridge.RestoreKey()
	if _, text := ask(t, server, "GET", "/api/key/sensors"); !strings.Contains(text, "Daylight") {
		t.Errorf("after the key was restored: %s", text)
	}
	if n := bridge.Requests(); n != 6 {
		t.Errorf("%d requests, want 6", n)
	}
}

func TestConcurrentUse(t *testing.T) {
	bridge := huetest.NewBridge("001788fffe010203", "key")
	server := httptest.NewServer(bridge)
	defer server.Close()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			bridge.SetMotionSensor(huetest.MotionSensor{MAC: mac, Temperature: float64(i)})
			if _, text := ask(t, server, "GET", "/api/key/sensors"); !json.Valid([]byte(text)) {
				t.Errorf("no JSON: %s", text)
			}
			bridge.Remove(mac)
		})
	}
	all.Wait()
}

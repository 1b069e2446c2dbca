package discovery_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/discovery"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var announcer = discovery.Announcer{
	Topics:  discovery.Topics{Base: "hueair2mqtt", Prefix: "homeassistant"},
	Version: "1.2.3",
}

func device(readings ...collectors.Measurement) collectors.Device {
	d := collectors.Device{
		ID: "hue_0017880102030405", Name: "Hall", Area: "Hall", Manufacturer: "Signify Netherlands B.V.", Model: "SML001",
		SoftwareVersion: "6.1.1.27575", Serial: "00:17:88:01:02:03:04:05", Online: true,
		LastSeen: time.Date(2026, 3, 1, 13, 0, 0, 0, time.FixedZone("CET", 3600)),
		Readings: make(map[collectors.Measurement]collectors.Value),
	}
	for _, m := range readings {
		d.Readings[m] = collectors.Unknown
	}
	return d
}

var everything = []collectors.Measurement{
	collectors.Temperature, collectors.Humidity, collectors.PM25, collectors.PM10, collectors.CarbonMonoxide,
	collectors.VOCIndex, collectors.IndoorAirQuality, collectors.Illuminance, collectors.Motion,
	collectors.Contact, collectors.Tamper, collectors.Battery, collectors.BatteryState, collectors.SoftwareUpdate, collectors.Enabled,
	collectors.On, collectors.Brightness, collectors.ColorTemperature,
}

func dial() collectors.Device {
	d := device(collectors.Battery)
	d.Name, d.Model = "Dial", "RDM002"
	d.EventTypes = map[string][]string{
		"button_1": {"initial_press", "long_press", "long_release", "repeat", "short_release"},
		"dial":     {"repeat", "start"},
	}
	return d
}

func doorbell() collectors.Device {
	d := device(collectors.Motion)
	d.Name, d.Model, d.SoftwareVersion = "Doorbell", "DOB001", "1.0' }}"
	d.Readings[collectors.SoftwareUpdate] = collectors.Text("no_update")
	d.EventTypes = map[string][]string{"bell": {"ring"}}
	return d
}

// announcements returns all kinds of announcements by the name of their golden file.
func announcements() map[string]discovery.Message {
	return map[string]discovery.Message{
		"device.json": announcer.Device("hue", device(everything...)),
		"dial.json":   announcer.Device("hue", dial()),
		"bell.json":   announcer.Device("hue", doorbell()),
		"source.json": announcer.Source("hue"),
		"bridge.json": announcer.Bridge(),
	}
}

func TestAnnouncementsMatchGoldenFiles(t *testing.T) {
	for name, m := range announcements() {
		var indented bytes.Buffer
		if err := json.Indent(&indented, m.Payload, "", "  "); err != nil {
			t.Fatal(err)
		}
		got := "// " + m.Topic + "\n" + indented.String() + "\n"
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs (go test ./discovery -update rewrites it):\n%s", file, got)
		}
	}
}

type announcement struct {
	Device       map[string]any   `json:"device"`
	Availability []map[string]any `json:"availability"`
	Components   map[string]struct {
		Platform    string `json:"platform"`
		UniqueID    string `json:"unique_id"`
		DeviceClass string `json:"device_class"`
		Unit        string `json:"unit_of_measurement"`
		StateClass  string `json:"state_class"`
		Category    string `json:"entity_category"`
		Enabled     *bool  `json:"enabled_by_default"`
	} `json:"components"`
}

func decode(t *testing.T, m discovery.Message) (a announcement) {
	t.Helper()
	if err := json.Unmarshal(m.Payload, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// The device classes and units in Home Assistant.
func TestEntityOfEachMeasurement(t *testing.T) {
	want := map[string]string{
		"temperature":        "sensor/temperature/°C/measurement/",
		"humidity":           "sensor/humidity/%/measurement/",
		"pm25":               "sensor/pm25/µg/m³/measurement/",
		"pm10":               "sensor/pm10/µg/m³/measurement/",
		"carbon_monoxide":    "sensor/carbon_monoxide/ppm/measurement/",
		"voc_index":          "sensor///measurement/",
		"indoor_air_quality": "sensor///measurement/",
		"illuminance":        "sensor/illuminance/lx/measurement/",
		"motion":             "binary_sensor/motion///",
		"contact":            "binary_sensor/opening///",
		"tamper":             "binary_sensor/tamper///",
		"battery":            "sensor/battery/%/measurement/diagnostic",
		"battery_state":      "sensor/enum///diagnostic",
		"software_update":    "update/firmware///diagnostic",
		"enabled":            "binary_sensor////diagnostic",
		"on":                 "binary_sensor/power///",
		"brightness":         "sensor//%/measurement/",
		"color_temperature":  "sensor//K/measurement/",
		"connectivity":       "binary_sensor/connectivity///diagnostic",
		"last_seen":          "sensor/timestamp///diagnostic",
	}
	a := decode(t, announcer.Device("hue", device(everything...)))
	if len(a.Components) != len(want) {
		t.Errorf("%d components, want %d", len(a.Components), len(want))
	}
	for key, c := range a.Components {
		got := strings.Join([]string{c.Platform, c.DeviceClass, c.Unit, c.StateClass, c.Category}, "/")
		if got != want[key] {
			t.Errorf("%s is %s, want %s", key, got, want[key])
		}
		if strings.ContainsRune(c.Unit, '\u03bc') {
			t.Errorf("%s has the Greek letter for the micro sign", key)
		}
		if disabled := c.Enabled != nil && !*c.Enabled; disabled != (key == "last_seen") {
			t.Errorf("%s disabled: %v", key, disabled)
		}
	}
}

func TestDeviceHasOnlyMeasuredEntities(t *testing.T) {
	a := decode(t, announcer.Device("hue", device(collectors.Battery)))
	if len(a.Components) != 3 {
		t.Errorf("%d components, want battery, connectivity and last_seen", len(a.Components))
	}
}

func TestUniqueIDsAreUnique(t *testing.T) {
	seen := make(map[string]bool)
	messages := []discovery.Message{
		announcer.Bridge(), announcer.Source("hue"), announcer.Source("amazon"), announcer.Device("hue", device(everything...)),
	}
	for _, m := range messages {
		for key, c := range decode(t, m).Components {
			if c.UniqueID == "" || seen[c.UniqueID] {
				t.Errorf("%s of %s has unique id %q", key, m.Topic, c.UniqueID)
			}
			seen[c.UniqueID] = true
		}
	}
}

// Home Assistant accepts object ids of these characters only.
func TestTopicsAreValidForAnyBaseTopic(t *testing.T) {
	legal := regexp.MustCompile(`^homeassistant/device/[a-zA-Z0-9_-]+/config$`)
	for _, base := range []string{"hueair2mqtt", "home/air", "Haus Nr. 5", "größe"} {
		a := discovery.Announcer{Topics: discovery.Topics{Base: base, Prefix: "homeassistant"}}
		for _, m := range []discovery.Message{a.Bridge(), a.Source("hue"), a.Device("hue", device())} {
			if !legal.MatchString(m.Topic) {
				t.Errorf("base topic %q leads to %q", base, m.Topic)
			}
			if !a.IsOurs(m.Payload) {
				t.Errorf("base topic %q: %s is not recognised as ours", base, m.Topic)
			}
		}
	}
}

func TestIsOurs(t *testing.T) {
	other := discovery.Announcer{Topics: discovery.Topics{Base: "hueair2mqtt/attic", Prefix: "homeassistant"}}
	shorter := discovery.Topics{Base: "hue", Prefix: "homeassistant"}
	for _, m := range announcements() {
		if !announcer.IsOurs(m.Payload) {
			t.Errorf("%s is not recognised", m.Topic)
		}
		if other.IsOurs(m.Payload) || shorter.IsOurs(m.Payload) {
			t.Errorf("%s is taken for another instance's", m.Topic)
		}
	}
	for _, m := range []discovery.Message{other.Bridge(), other.Source("hue"), other.Device("hue", device())} {
		if announcer.IsOurs(m.Payload) {
			t.Errorf("%s of another instance is taken for ours", m.Topic)
		}
	}
	for _, foreign := range []string{``, `null`, `[]`, `{`, `{"origin":{"name":"zigbee2mqtt"},"availability":[{"topic":"hueair2mqtt/bridge/state"}]}`} {
		if announcer.IsOurs([]byte(foreign)) {
			t.Errorf("%q is taken for ours", foreign)
		}
	}
}

func TestEventPayload(t *testing.T) {
	e := collectors.Event{DeviceID: "hue_1", Key: "dial", Type: "repeat", Attributes: map[string]any{"steps": 30, "event_type": "nonsense"}}
	got, err := json.Marshal(discovery.EventPayload(e))
	if err != nil || string(got) != `{"event_type":"repeat","steps":30}` {
		t.Errorf("payload %s (%v)", got, err)
	}
}

func TestDeviceNameFallsBackToModel(t *testing.T) {
	d := device()
	d.Name = ""
	if got := decode(t, announcer.Device("hue", d)).Device["name"]; got != "SML001" {
		t.Errorf("named %v, want its model", got)
	}
	d.Model = ""
	if got := decode(t, announcer.Device("hue", d)).Device["name"]; got != d.ID {
		t.Errorf("named %v, want its id", got)
	}
}

func TestState(t *testing.T) {
	d := device()
	d.Readings[collectors.Temperature] = collectors.Number(21.345)
	d.Readings[collectors.Motion] = collectors.Bool(false)
	d.Readings[collectors.Battery] = collectors.Unknown
	got := discovery.State(d, collectors.Bool(true))
	want := `{"battery":null,"connectivity":true,"last_seen":"2026-03-01T12:00:00Z","motion":false,"temperature":21.35}`
	if string(got) != want {
		t.Errorf("state %s, want %s", got, want)
	}
	if discovery.Timestamp(time.Time{}) != nil {
		t.Error("a time that never was is not null")
	}
}

// An update entity is on while two versions differ.
func TestUpdateVersions(t *testing.T) {
	for _, test := range []struct {
		installed          string
		state              collectors.Value
		version, available string
	}{
		{"1.2.3", collectors.Text("no_update"), "1.2.3", "1.2.3"},
		{"1.2.3", collectors.Text("update_pending"), "1.2.3", "newer than 1.2.3"},
		{"1.2.3", collectors.Text("ready_to_install"), "1.2.3", "newer than 1.2.3"},
		{"1.2.3", collectors.Text("installing"), "1.2.3", "newer than 1.2.3"},
		{"1.2.3", collectors.Unknown, "1.2.3", "1.2.3"},
		{"", collectors.Unknown, "unknown", "unknown"},
		{`1"}}`, collectors.Text("no_update"), `1"}}`, `1"}}`},
	} {
		d := device()
		d.SoftwareVersion, d.Readings[collectors.SoftwareUpdate] = test.installed, test.state
		var state struct {
			Update    any    `json:"software_update"`
			Version   string `json:"software_version"`
			Available string `json:"software_available"`
		}
		if err := json.Unmarshal(discovery.State(d, collectors.Bool(true)), &state); err != nil {
			t.Fatal(err)
		}
		if text, known := test.state.Text(); state.Version != test.version || state.Available != test.available || known && state.Update != text || !known && state.Update != nil {
			t.Errorf("%+v: %+v", test, state)
		}
	}
}

// State is built by hand, and must equal the output of encoding/json.
func TestStateIsJSON(t *testing.T) {
	for _, d := range []collectors.Device{{}, device(), device(everything...)} {
		for i, m := range everything {
			if _, ok := d.Readings[m]; ok && i%2 == 0 {
				d.Readings[m] = collectors.Number(1e9 / float64(i+3))
			}
		}
		want := map[string]any{"connectivity": collectors.Unknown, "last_seen": discovery.Timestamp(d.LastSeen)}
		for m, v := range d.Readings {
			want[string(m)] = v
		}
		if _, ok := d.Readings[collectors.SoftwareUpdate]; ok {
			want["software_version"], want["software_available"] = d.SoftwareVersion, d.SoftwareVersion
		}
		encoded, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if got := discovery.State(d, collectors.Unknown); string(got) != string(encoded) {
			t.Errorf("state\n%s, want\n%s", got, encoded)
		}
	}
}

func BenchmarkState(b *testing.B) {
	d := device(collectors.Temperature, collectors.Motion, collectors.Illuminance, collectors.Battery)
	b.Run("by hand", func(b *testing.B) {
		for b.Loop() {
			discovery.State(d, collectors.Bool(true))
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		for b.Loop() {
			state := map[string]any{"connectivity": collectors.Bool(true), "last_seen": discovery.Timestamp(d.LastSeen)}
			for m, v := range d.Readings {
				state[string(m)] = v
			}
			if _, err := json.Marshal(state); err != nil {
				b.Fatal(err)
			}
		}
	})
}

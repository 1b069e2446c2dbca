package sources_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hueair2mqtt/test/harness"
)

// The toy reads one number from a URL. It is a new source with a new measurement.
const (
	toyCollector = `package toy

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"hueair2mqtt/collectors"
)

const Source = "toy"

type Collector struct{ URL string }

func (*Collector) Source() string     { return Source }
func (c *Collector) Endpoint() string { return c.URL }
func (*Collector) Close()             {}

func (c *Collector) Collect(ctx context.Context, retry *collectors.Retrier) (s collectors.Snapshot, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL, nil)
	if err != nil {
		return s, &collectors.PermanentError{Kind: "url", Err: err}
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return s, collectors.FromNetwork(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return s, collectors.FromNetwork(err)
	}
	level, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return s, &collectors.PermanentError{Kind: collectors.NotUnderstood, Err: err}
	}
	return collectors.Snapshot{Devices: []collectors.Device{{
		ID: collectors.DeviceID(Source, "1"), Name: "Toy", Manufacturer: "Toys", Model: "One", Serial: "1",
		Online: true, LastSeen: time.Now().UTC(),
		Readings: map[collectors.Measurement]collectors.Value{collectors.ToyLevel: collectors.Number(level)},
	}}}, nil
}
`
	toySection = `
// Toy configures the toy.
type Toy struct {
	Enabled  bool          ` + "`koanf:\"enabled\" usage:\"read the toy\"`" + `
	Interval time.Duration ` + "`koanf:\"interval\" usage:\"time between two polls of the toy\"`" + `
	URL      string        ` + "`koanf:\"url\" usage:\"address of the toy\"`" + `
}
`
	toyEntry = `
func toySource(c *configs.Config) Source {
	return Source{
		Name: toy.Source, Title: "Toy", Enabled: c.Toy.Enabled, Interval: c.Toy.Interval, AlertFile: "ALERT_TOY.txt",
		Collectors: func() ([]collectors.Collector, error) { return []collectors.Collector{&toy.Collector{URL: c.Toy.URL}}, nil },
	}
}
`
)

// edit inserts a text after the first occurrence of another one, or at the end.
type edit struct{ after, insert string }

// toyFiles are all files that the toy adds or changes: its folder, a section of the
// configuration, an entry of the registry, a constant and a row of the table of measurements.
var toyFiles = map[string][]edit{
	"collectors/toy/toy.go": {{"", toyCollector}},
	"configs/config.go": {
		{"type Config struct {\n", "\tToy Toy `koanf:\"toy\"`\n"},
		{"", toySection},
	},
	"internal/sources/registry.go": {
		{"import (\n", "\t\"hueair2mqtt/collectors\"\n\t\"hueair2mqtt/collectors/toy\"\n"},
		{"return []Source{", "toySource(c), "},
		{"", toyEntry},
	},
	"collectors/measurement.go": {
		{"const (\n", "\tToyLevel Measurement = \"toy_level\"\n"},
		{"var Measurements = []Description{\n", "\t{Measurement: ToyLevel, Name: \"Toy level\", Unit: \"tl\", Decimals: 1},\n"},
	},
}

// buildWithToy builds the program with the toy and without changing the sources.
func buildWithToy(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	replaced := make(map[string]string)
	for name, edits := range toyFiles {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		text := string(content)
		for _, e := range edits {
			before, after, found := strings.Cut(text, e.after)
			switch {
			case e.after == "":
				text += e.insert
			case !found:
				t.Fatalf("%s has no %q", name, e.after)
			default:
				text = before + e.after + e.insert + after
			}
		}
		file := filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
		harness.WriteFile(t, file, text, 0o600)
		replaced[filepath.Join(root, name)] = file
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		t.Fatal(err)
	}
	harness.WriteFile(t, filepath.Join(dir, "overlay.json"), string(overlay), 0o600)
	program := filepath.Join(dir, "hueair2mqtt")
	if err := harness.Build(program, "-overlay", filepath.Join(dir, "overlay.json")); err != nil {
		t.Fatal(err)
	}
	return program
}

// A new source with a new measurement takes one folder, one section, one entry, one constant
// and one row. MQTT, Home Assistant, the page, check, the metrics and the flags know it.
func TestNewSourceIsOneFolderSectionAndEntry(t *testing.T) {
	if n := len(toyFiles); n != 4 {
		t.Errorf("the toy touches %d files, want 4", n)
	}
	broker, dir := harness.StartMosquitto(t), t.TempDir()
	program := buildWithToy(t)
	toy := harness.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "41.5") }))
	page, metrics := harness.ReserveAddress(t), harness.ReserveAddress(t)
	config := filepath.Join(dir, "hueair2mqtt.yaml")
	harness.WriteFile(t, config, fmt.Sprintf("mqtt: {broker: %q}\ntoy: {enabled: true, interval: 1m}\nstate_dir: %s\n", broker.URL(), dir), 0o600)
	command := func(name string) *exec.Cmd {
		return exec.Command(program, name, "--config", config, "--toy.url", toy.URL)
	}

	if code, out, _ := harness.Run(t, command("check")); code != 0 || !strings.Contains(out, "toy "+toy.URL+"  1 device") {
		t.Errorf("check: exit code %d\n%s", code, out)
	}
	run := command("run")
	run.Args = append(run.Args, "--web.listen", page, "--metrics.listen", metrics)
	p := harness.Start(t, run)
	s := broker.Subscribe()
	s.WaitFor("hueair2mqtt/toy_1", `"toy_level":41.5`)
	s.WaitFor("hueair2mqtt/toy_1/availability", "online")
	s.WaitFor("hueair2mqtt/toy/problem", `"problem":false`)
	s.WaitFor("homeassistant/device/toy_1/config", `"unique_id":"hueair2mqtt_toy_1_toy_level","name":"Toy level"`)
	s.WaitFor("homeassistant/device/toy_1/config", `"unit_of_measurement":"tl"`)
	for url, text := range map[string]string{
		"http://" + page + "/":           "Toy level",
		"http://" + metrics + "/metrics": `hueair2mqtt_readings_total{collector="toy",measurement="toy_level"} 1`,
	} {
		if body := get(t, url); !strings.Contains(body, text) {
			t.Errorf("%s has no %q:\n%s", url, text, body)
		}
	}
	if code := p.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

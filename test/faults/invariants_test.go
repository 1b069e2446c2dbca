//go:build faults && linux

package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/test/harness"
)

// alertFiles are the alert files by source.
var (
	alertFiles = map[string]string{"hue": "ALERT_HUE_PAIRING_NEEDED.txt", "amazon": "ALERT_TOKEN_REFRESH_NEEDED.txt"}
	sources    = []string{"amazon", "hue"}
)

// violations checks every invariant and returns a line for each violation:
//
//   - a new subscriber gets exactly what the sources hold;
//   - alert file and problem sensor agree with the sources and with each other;
//   - no credential is lost, and no file of the state directory is incomplete;
//   - the program runs and its log reports no bug.
func (h *testHome) violations() []string {
	var wrong []string
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if !h.program.Running() {
		bad("the program has exited")
	}
	if at := crash.FindString(h.program.Stderr.String()); at != "" {
		bad("the log reports a bug: %s", at)
	}
	h.checkCredentials(bad)
	seen, err := h.Broker.TryRetained()
	if err != nil {
		bad("a new subscriber: %v", err)
		return wrong
	}
	problems := h.checkAlerts(seen, bad)
	want := h.expected()
	for topic, payload := range want {
		got, ok := seen[topic]
		if !ok {
			bad("%s is missing", topic)
		} else if difference := compare(got, payload); difference != "" {
			bad("%s: %s", topic, difference)
		}
	}
	for _, topic := range slices.Sorted(maps.Keys(seen)) {
		_, expected := want[topic]
		if !expected && !problems[topic] && !strings.HasPrefix(topic, "homeassistant/") && topic != "hueair2mqtt/bridge/info" && topic != "hueair2mqtt/bridge/devices" {
			bad("%s should not exist", topic)
		}
	}
	h.checkAnnouncements(seen, bad)
	h.checkInfo(seen["hueair2mqtt/bridge/info"], bad)
	slices.Sort(wrong)
	if len(wrong) > 12 {
		wrong = append(wrong[:12], fmt.Sprintf("and %d more", len(wrong)-12))
	}
	return wrong
}

// holds waits until every invariant holds and returns how long that took.
func (h *testHome) holds(limit time.Duration, when string) time.Duration {
	h.t.Helper()
	return harness.Within(h.t, limit, when, func() error { return asError(h.violations()) })
}

// asError returns the violations as one error, nil if there are none.
func asError(wrong []string) error {
	if len(wrong) == 0 {
		return nil
	}
	return errors.New(strings.Join(wrong, "\n"))
}

// expected returns the payloads of the retained topics of devices.
func (h *testHome) expected() map[string]any {
	want := map[string]any{"hueair2mqtt/bridge/state": "online"}
	add := func(id string, part, source string, reachable bool, readings map[string]any) {
		asked := !h.actual.lost[part] && !h.actual.refused[source]
		state := maps.Clone(readings)
		state["connectivity"] = reachable
		if !asked {
			state["connectivity"] = nil
		}
		if !asked || !reachable {
			for key := range readings {
				state[key] = nil
			}
		}
		want["hueair2mqtt/"+id] = state
		want["hueair2mqtt/"+id+"/availability"] = map[bool]string{true: "online", false: "offline"}[asked && reachable]
	}
	for _, s := range h.actual.sensors {
		readings := map[string]any{
			"temperature": s.Temperature, "motion": s.Motion, "illuminance": asTold(s.Lux), "battery": float64(s.Battery),
		}
		if s.part == "hue" { // CLIP v1 has none of these
			readings["enabled"], readings["software_update"] = true, "no_update"
			readings["battery_state"] = batteryState(s.Battery)
		}
		add(s.id(), s.part, "hue", s.Reachable, readings)
	}
	for _, m := range h.actual.monitors {
		add(monitorID(m), "amazon", "amazon", m.Reachable, map[string]any{
			"temperature": m.Temperature, "humidity": m.Humidity, "pm25": m.PM25, "pm10": m.PM10,
			"carbon_monoxide": m.CO, "voc_index": m.VOCIndex, "indoor_air_quality": m.AirQuality,
		})
	}
	return want
}

func (s sensor) id() string { return "hue_" + strings.ReplaceAll(s.MAC, ":", "") }

func monitorID(m amazontest.Monitor) string { return "amazon_" + strings.ToLower(m.Serial) }

// batteryState returns a Hue bridge's word for a battery level in percent.
func batteryState(level int) string {
	switch {
	case level <= 2:
		return "critical"
	case level <= 20:
		return "low"
	}
	return "normal"
}

// asTold returns an illuminance as a Hue bridge reports it: a logarithm in whole steps.
func asTold(lux float64) float64 {
	level := math.Round(10000*math.Log10(lux) + 1)
	return math.Round(100*math.Pow(10, (level-1)/10000)) / 100
}

// compare describes how a payload differs from a text or from the state of a device; empty if it
// does not.
func compare(got string, want any) string {
	if text, ok := want.(string); ok {
		if got != text {
			return fmt.Sprintf("is %q, want %q", got, text)
		}
		return ""
	}
	var state map[string]any
	if err := json.Unmarshal([]byte(got), &state); err != nil {
		return fmt.Sprintf("%v in %q", err, got)
	}
	if seen, ok := state["last_seen"].(string); ok {
		if _, err := time.Parse(time.RFC3339, seen); err != nil {
			return err.Error()
		}
	}
	if state["software_version"] != state["software_available"] {
		return fmt.Sprintf("software %v, available %v", state["software_version"], state["software_available"])
	}
	for _, key := range []string{"last_seen", "software_version", "software_available"} {
		delete(state, key)
	}
	readings := want.(map[string]any)
	for key := range state {
		if _, ok := readings[key]; !ok {
			return fmt.Sprintf("%s is not measured", key)
		}
	}
	// After a start, an unknown reading may be missing; a missing key and null mean the same.
	for key, value := range readings {
		number, isNumber := value.(float64)
		published, isPublished := state[key].(float64)
		if isNumber && isPublished && math.Abs(number-published) < 0.015 {
			continue
		}
		if state[key] != value {
			return fmt.Sprintf("%s is %v, want %v", key, state[key], value)
		}
	}
	return ""
}

// checkAlerts compares problem topics and alert files with the sources and with each other. It
// returns the problem topics.
func (h *testHome) checkAlerts(seen map[string]string, bad func(string, ...any)) map[string]bool {
	topics := make(map[string]bool)
	for _, source := range sources {
		topic := "hueair2mqtt/" + source + "/problem"
		topics[topic] = true
		var p struct {
			Problem              bool
			Reason, Code, Remedy string
			Since                string
		}
		if err := json.Unmarshal([]byte(seen[topic]), &p); err != nil {
			bad("%s: %v", topic, err)
			continue
		}
		refused := h.actual.refused[source]
		if p.Problem != refused {
			bad("%s reports %t, but it is %t", topic, p.Problem, refused)
		}
		content, err := os.ReadFile(filepath.Join(h.StateDir, alertFiles[source]))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if refused {
				bad("%s is missing", alertFiles[source])
			}
		case err != nil:
			bad("%v", err)
		case !refused:
			bad("%s exists without a reason", alertFiles[source])
		default:
			for _, text := range []string{p.Reason, p.Code, p.Remedy, p.Since} {
				if text == "" || !strings.Contains(string(content), text+"\n") {
					bad("%s lacks %q, which %s says", alertFiles[source], text, topic)
				}
			}
		}
	}
	return topics
}

// checkAnnouncements checks that every device, and the program's own, is announced and listed, and
// no other.
func (h *testHome) checkAnnouncements(seen map[string]string, bad func(string, ...any)) {
	var ids []string
	for _, s := range h.actual.sensors {
		ids = append(ids, s.id())
	}
	for _, m := range h.actual.monitors {
		ids = append(ids, monitorID(m))
	}
	slices.Sort(ids)
	var listed []struct{ ID string }
	if err := json.Unmarshal([]byte(seen["hueair2mqtt/bridge/devices"]), &listed); err != nil {
		bad("bridge/devices: %v", err)
	}
	var there []string
	for _, d := range listed {
		there = append(there, d.ID)
	}
	if !slices.Equal(there, ids) {
		bad("bridge/devices lists %d devices, want %d", len(there), len(ids))
	}
	announced := make(map[string]bool)
	for topic, payload := range seen {
		if id, ok := strings.CutPrefix(topic, "homeassistant/device/"); ok {
			announced[strings.TrimSuffix(id, "/config")] = json.Valid([]byte(payload))
		}
	}
	for _, id := range append(ids, "hueair2mqtt_bridge", "hueair2mqtt_hue", "hueair2mqtt_amazon") {
		if !announced[id] {
			bad("%s is not announced", id)
		}
		delete(announced, id)
	}
	for id := range announced {
		bad("%s should not be announced", id)
	}
}

// checkInfo compares bridge/info with the sources.
func (h *testHome) checkInfo(payload string, bad func(string, ...any)) {
	var info struct {
		Collectors map[string]struct {
			Connected, Problem bool
			Devices            int
		}
	}
	if err := json.Unmarshal([]byte(payload), &info); err != nil {
		bad("bridge/info: %v", err)
		return
	}
	for source, parts := range map[string][]string{"hue": {"hue", "old"}, "amazon": {"amazon"}} {
		connected := !h.actual.refused[source]
		for _, part := range parts {
			connected = connected && !h.actual.lost[part]
		}
		if got := info.Collectors[source]; got.Connected != connected || got.Problem != h.actual.refused[source] {
			bad("bridge/info says of %s: %+v", source, got)
		}
	}
}

// checkCredentials checks that hue.json and amazon.json are complete.
func (h *testHome) checkCredentials(bad func(string, ...any)) {
	var hue struct{ Bridges []harness.Pairing }
	if err := readJSON(filepath.Join(h.StateDir, "hue.json"), &hue); err != nil {
		bad("hue.json: %v", err)
	} else if !slices.Equal(hue.Bridges, h.paired) {
		bad("hue.json has lost something: %+v", hue)
	}
	var amazon struct {
		DeviceSerial string `json:"device_serial"`
		RefreshToken string `json:"refresh_token"`
		Cookies      []struct{ Name, Value string }
	}
	if err := readJSON(filepath.Join(h.StateDir, "amazon.json"), &amazon); err != nil {
		bad("amazon.json: %v", err)
	} else if amazon.RefreshToken == "" || len(amazon.Cookies) < 5 || !slices.Contains(h.Amazon.Devices(), amazon.DeviceSerial) {
		bad("amazon.json has lost something: serial %q, %d cookies", amazon.DeviceSerial, len(amazon.Cookies))
	}
}

func readJSON(file string, into any) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(content, into)
}

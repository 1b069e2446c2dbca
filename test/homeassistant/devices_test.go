//go:build homeassistant

package homeassistant_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/test/harness"
)

const table = "testdata/entities.md"

// TestDevices compares every device and entity after the first run of the bridge with a readable
// table.
func TestDevices(t *testing.T) {
	h, ha := newHome(t)
	h.startBridge()
	ha.isComplete(h, harness.Patience)
	r := ha.mustRegistry()

	got := r.table()
	if *updateFlag {
		harness.WriteFile(t, table, got, 0o644)
	}
	want := harness.ReadFile(t, table)
	if got != want {
		t.Errorf("Home Assistant holds something else than %s (make test-homeassistant UPDATE=1 rewrites it):\n%s", table, lineDiff(want, got))
	}

	// Home Assistant keeps statistics of readings, and its own validation accepts them.
	var statistics []struct {
		ID string `json:"statistic_id"`
	}
	within(t, harness.Patience, "statistics", func() error {
		return ha.call("recorder/list_statistic_ids", nil, &statistics)
	})
	measured := 0
	for _, e := range r.entities {
		if e.state == nil || e.state.Attributes["state_class"] == nil {
			continue
		}
		measured++
		if !slices.ContainsFunc(statistics, func(s struct {
			ID string `json:"statistic_id"`
		}) bool {
			return s.ID == e.EntityID
		}) && e.state.State != "unavailable" {
			t.Errorf("Home Assistant keeps no statistics of %s", e.EntityID)
		}
	}
	if measured == 0 {
		t.Error("Home Assistant measures nothing")
	}
	var faults map[string]any
	if err := ha.call("recorder/validate_statistics", nil, &faults); err != nil || len(faults) > 0 {
		t.Errorf("faults of the statistics: %v, %v", faults, err)
	}
	var repairs struct {
		Issues []struct {
			Domain      string
			IssueID     string `json:"issue_id"`
			IssueDomain string `json:"issue_domain"`
		}
	}
	if err := ha.call("repairs/list_issues", nil, &repairs); err != nil {
		t.Error(err)
	}
	for _, i := range repairs.Issues {
		// The others concern the setup of this Home Assistant.
		if i.Domain == "mqtt" || i.IssueDomain == "mqtt" || i.Domain == "sensor" || i.Domain == "recorder" {
			t.Errorf("Home Assistant wants something repaired: %+v", i)
		}
	}
	ha.checkLog()
}

// isComplete waits until Home Assistant shows every value of the home.
func (ha *hass) isComplete(h *testHome, limit time.Duration) {
	ha.t.Helper()
	within(ha.t, limit, "Home Assistant shows the home", func() error {
		r, err := ha.registry()
		if err != nil {
			return err
		}
		return r.differences(h.values())
	})
}

// isAway waits until Home Assistant shows that the bridge is away and no other value.
func (ha *hass) isAway(limit time.Duration) {
	ha.t.Helper()
	within(ha.t, limit, "everything is unavailable", func() error {
		r, err := ha.registry()
		if err != nil {
			return err
		}
		return r.ghosts()
	})
}

// table returns everything that Home Assistant has from MQTT as a readable page.
func (r registry) table() string {
	var b strings.Builder
	b.WriteString("# What Home Assistant holds\n\nWritten by TestDevices from Home Assistant's registries and states.\n")
	ids := slices.SortedFunc(maps.Keys(r.devices), func(a, b string) int { return strings.Compare(r.devices[a].Name, r.devices[b].Name) })
	for _, id := range ids {
		d := r.devices[id]
		fmt.Fprintf(&b, "\n## %s\n\n", d.Name)
		for _, line := range [][2]string{
			{"identifier", id}, {"area", d.Area}, {"manufacturer", d.Manufacturer}, {"model", d.Model}, {"software", d.Software},
			{"serial number", d.Serial}, {"connected via", r.devices[d.Via].Name},
		} {
			if line[1] == "" {
				line[1] = "none"
			}
			fmt.Fprintf(&b, "- %s: %s\n", line[0], line[1])
		}
		b.WriteString("\n| entity id | name | device class | unit | state class | category | state |\n|---|---|---|---|---|---|---|\n")
		var rows []string
		for _, e := range r.entities {
			if e.Device == id {
				rows = append(rows, e.row(d))
			}
		}
		slices.Sort(rows)
		b.WriteString(strings.Join(rows, ""))
	}
	return b.String()
}

// row returns an entity's line of the table.
func (e entity) row(d device) string {
	id := e.EntityID
	if thisVersion().areaInEntityID && d.Area != "" {
		domain, name, _ := strings.Cut(id, ".")
		if rest, ok := strings.CutPrefix(name, slug(d.Area)+"_"); ok {
			id = domain + "." + rest
		} else {
			id += " (without the area)"
		}
	}
	if e.state == nil {
		return fmt.Sprintf("| %s | %s | | | | %s | disabled by the %s |\n", id, e.Name, e.Category, e.Disabled)
	}
	attribute := func(name string) string {
		text, _ := e.state.Attributes[name].(string)
		return text
	}
	unit := strings.Replace(attribute("unit_of_measurement"), thisVersion().micro, "\u00b5", 1)
	text := e.state.State
	if _, err := time.Parse(time.RFC3339, text); err == nil {
		text = "*a time*"
	}
	if types, ok := e.state.Attributes["event_types"].([]any); ok {
		text += fmt.Sprintf(" of %v", types)
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %s |\n", id, attribute("friendly_name"), attribute("device_class"), unit,
		attribute("state_class"), e.Category, text)
}

// lineDiff returns the lines that only one of two texts has.
func lineDiff(want, got string) string {
	var b strings.Builder
	wantLines, gotLines := strings.Split(want, "\n"), strings.Split(got, "\n")
	for _, l := range wantLines {
		if !slices.Contains(gotLines, l) {
			fmt.Fprintf(&b, "- %s\n", l)
		}
	}
	for _, l := range gotLines {
		if !slices.Contains(wantLines, l) {
			fmt.Fprintf(&b, "+ %s\n", l)
		}
	}
	return b.String()
}

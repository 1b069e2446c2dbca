//go:build homeassistant

package homeassistant_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/test/harness"
)

// TestPicture opens a dashboard with a device of each kind in a browser. With -picture it saves a
// screenshot.
func TestPicture(t *testing.T) {
	h, ha := newHome(t)
	h.startBridge()
	ha.isComplete(h, harness.Patience)
	h.door.Open, h.hall.Motion = true, true
	h.publish()
	ha.isComplete(h, harness.Patience)
	h.Hue.PressButton(h.dimmer.MAC, 1, "initial_press", "short_release")
	h.Hue.Turn(h.dial.MAC, "clock_wise", 30)
	within(t, harness.Patience, "the dial was turned", func() error {
		r, err := ha.registry()
		if err == nil && r.state(lampDial, "dial") == "unknown" {
			err = errors.New("not yet")
		}
		return err
	})

	const path = "sensors-of-the-home"
	if err := ha.call("lovelace/dashboards/create", map[string]any{"url_path": path, "title": "Home", "mode": "storage"}, nil); err != nil {
		t.Fatal(err)
	}
	if err := ha.call("lovelace/config/save", map[string]any{"url_path": path, "config": dashboard(ha.mustRegistry())}, nil); err != nil {
		t.Fatal(err)
	}
	p := newPage(t, 1280, 870)
	tokens, err := json.Marshal(map[string]any{
		"hassUrl": ha.url, "clientId": ha.url + "/", "access_token": ha.token, "refresh_token": "", "token_type": "Bearer",
		"expires_in": (24 * time.Hour).Seconds(), "expires": time.Now().Add(24 * time.Hour).UnixMilli(),
	})
	if err != nil {
		t.Fatal(err)
	}
	p.visit(ha.url+"/"+path, fmt.Sprintf("localStorage.setItem('hassTokens', %q); localStorage.setItem('dockedSidebar', '\"always_hidden\"');", tokens))
	within(t, harness.Patience, "the page shows the home", func() error {
		text, err := p.text()
		if err != nil {
			return err
		}
		for _, want := range []string{
			h.hall.Name, fmt.Sprintf("%.1f °C", h.hall.Temperature), fmt.Sprintf("%.1f lx", h.hall.Lux), "Detected",
			h.door.Name, "Open", h.dimmer.Name, h.dial.Name,
			h.livingRoom.Name, fmt.Sprintf("%.1f °C", h.livingRoom.Temperature), fmt.Sprintf("%v %sg/m³", h.livingRoom.PM25, thisVersion().micro),
			fmt.Sprintf("%v ppm", h.livingRoom.CO), "hueair2mqtt Amazon", "hueair2mqtt Bridge", bridgeVersion,
		} {
			if !strings.Contains(text, want) {
				return fmt.Errorf("%q is not on it: %s", want, text)
			}
		}
		return nil
	})
	picture := p.picture()
	if *pictureFlag != "" {
		if err := os.WriteFile(*pictureFlag, picture, 0o644); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d bytes in %s", len(picture), *pictureFlag)
	}
}

// dashboard is a dashboard with a card for a device of each kind.
func dashboard(r registry) map[string]any {
	card := func(device string, keys ...string) map[string]any {
		var entities []any
		for _, key := range keys {
			e := r.entities[uniqueID(device, key)]
			name := strings.TrimSpace(strings.TrimPrefix(fmt.Sprint(e.state.Attributes["friendly_name"]), r.devices[device].Name))
			entities = append(entities, map[string]any{"entity": e.EntityID, "name": name})
		}
		return map[string]any{"type": "entities", "title": r.devices[device].Name, "entities": entities, "show_header_toggle": false}
	}
	section := func(cards ...any) map[string]any { return map[string]any{"type": "grid", "cards": cards} }
	return map[string]any{"views": []any{map[string]any{
		"title": "Sensors", "type": "sections", "max_columns": 3, "sections": []any{
			section(
				card(hallSensor, "temperature", "motion", "illuminance", "battery", "connectivity"),
				card(frontDoor, "contact", "tamper", "battery", "connectivity"),
				card(lampDial, "dial", "battery"),
			),
			section(
				card(livingRoomAir, "temperature", "humidity", "pm25", "pm10", "carbon_monoxide", "voc_index", "indoor_air_quality", "connectivity"),
				card(kitchenDimmer, "button_1", "battery"),
			),
			section(
				card(amazonSource, "problem", "connected", "last_success", "acknowledge"),
				card(bridgeItself, "connectivity", "version", "uptime_start", "refresh"),
			),
		},
	}}}
}

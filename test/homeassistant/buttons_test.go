//go:build homeassistant

package homeassistant_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/test/harness"
)

// TestHueButtons presses buttons and turns dials.
func TestHueButtons(t *testing.T) {
	h, ha := newHome(t)
	h.startBridge()
	ha.isComplete(h, harness.Patience)
	within(t, harness.Patience, "the Hue bridge's events are heard", func() error {
		if h.Hue.Streams() != 1 {
			return fmt.Errorf("by %d listeners", h.Hue.Streams())
		}
		return nil
	})
	for _, c := range []struct {
		name, device, key string
		does              func()
		want              map[string]any
	}{
		{"a short press", kitchenDimmer, "button_1", func() { h.press(h.dimmer.MAC, 1, "initial_press", "short_release") }, map[string]any{"event_type": "press_end"}},
		{"a long press", lampDial, "button_4", func() { h.press(h.dial.MAC, 4, "initial_press", "long_press") }, map[string]any{"event_type": "long_press_start"}},
		{"a press of a tap", wallTap, "button_3", func() { h.Hue.PressButton(h.tap.MAC, 3, "initial_press") }, map[string]any{"event_type": "press_end"}},
		{"a ring", h.doorbellID(), "bell", func() { h.Hue.Ring(h.doorbell.MAC) }, map[string]any{"event_type": "ring"}},
		{"a turn", lampDial, "dial", func() { h.Hue.Turn(h.dial.MAC, "counter_clock_wise", 30) }, map[string]any{"event_type": "start", "direction": "counter_clock_wise", "steps": 30.0}},
		{"a turn that goes on", lampDial, "dial", func() { h.Hue.Turn(h.dial.MAC, "counter_clock_wise", 15) }, map[string]any{"event_type": "repeat", "steps": 15.0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ha := ha.in(t)
			pressed := time.Now()
			c.does()
			within(t, harness.Patience, "the event", func() error {
				r, err := ha.registry()
				if err != nil {
					return err
				}
				s := r.entities[uniqueID(c.device, c.key)].state
				// The state of an event entity is the time of the last event.
				at, err := time.Parse(time.RFC3339, s.State)
				if err != nil || at.Before(pressed.Truncate(time.Millisecond)) {
					return fmt.Errorf("the last was at %s", s.State)
				}
				for key, want := range c.want {
					if s.Attributes[key] != want {
						return fmt.Errorf("%s is %v, want %v", key, s.Attributes[key], want)
					}
				}
				return nil
			})
		})
	}
	within(t, harness.Patience, "the documented automation", func() error {
		var notifications []struct{ Message string }
		if err := ha.call("persistent_notification/get", nil, &notifications); err != nil {
			return err
		}
		times := 0
		for _, n := range notifications {
			if n.Message == pressed {
				times++
			}
		}
		if times != 1 {
			return fmt.Errorf("it fired %d times for one press", times)
		}
		return nil
	})
	ha.checkLog()
}

// press sends the events of one press 100 ms apart, about as fast as a finger. The
// state of an event entity is a time in milliseconds, and a state trigger with
// not_from sees no change between two events of the same millisecond.
func (h *testHome) press(mac string, button int, events ...string) {
	for i, event := range events {
		if i > 0 {
			time.Sleep(100 * time.Millisecond)
		}
		h.Hue.PressButton(mac, button, event)
	}
}

// TestRefresh presses the Refresh button of a bridge that polls once an hour.
func TestRefresh(t *testing.T) {
	h, ha := newHome(t)
	h.setInterval("1h")
	h.startBridge()
	ha.isComplete(h, harness.Patience)
	h.livingRoom.Humidity++
	h.Amazon.SetMonitor(h.livingRoom)
	h.Hue.SilenceStreams() // or the sensor would report by itself
	h.hall.Temperature++
	h.Hue.SetMotionSensor(h.hall)

	before := ha.mustRegistry()
	if got := before.state(livingRoomAir, "humidity"); same(got, h.livingRoom.Humidity) {
		t.Fatalf("the monitor was asked already: %s", got)
	}
	ha.press(before.entities[uniqueID(bridgeItself, "refresh")].EntityID)
	ha.isComplete(h, harness.Patience)
	refreshed, err := time.Parse(time.RFC3339, ha.mustRegistry().state(bridgeItself, "refresh"))
	if err != nil || time.Since(refreshed) > harness.Patience {
		t.Errorf("the button was pressed at %v, %v", refreshed, err)
	}

	// Without an alert, acknowledging one is an error that Home Assistant is sent.
	ha.press(ha.mustRegistry().entities[uniqueID(hueSource, "acknowledge")].EntityID)
	ha.isComplete(h, harness.Patience)
	ha.checkLog()
}

// setInterval changes the interval of the polls.
func (h *testHome) setInterval(interval string) {
	h.t.Helper()
	text := strings.ReplaceAll(harness.ReadFile(h.t, h.Config), "interval: 2s", "interval: "+interval)
	harness.WriteFile(h.t, h.Config, text, 0o600)
}

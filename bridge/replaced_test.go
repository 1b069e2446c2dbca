package bridge_test

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors"
)

// removable is a source that can be removed.
type removable struct{ *source }

func (r *removable) Removal() string { return "forget " + r.endpoint }

func inHomeWithTwoBridges(t *testing.T, test func(t *testing.T, h *testHome, old, pro *removable)) {
	old := &removable{&source{name: "hue", endpoint: "old"}}
	pro := &removable{&source{name: "hue", endpoint: "pro"}}
	inHome(t, nil, func(t *testing.T, h *testHome) {
		h.options.Live = bridge.NewLive()
		for _, c := range []*removable{old, pro} {
			h.options.Tasks = append(h.options.Tasks, bridge.Task{Collector: c, Interval: time.Minute, AlertFile: "ALERT_hue.txt"})
		}
		test(t, h, old, pro)
	})
}

// mentions returns the log messages about an endpoint above the debug level.
func (h *testHome) mentions(endpoint string) (lines []string) {
	for _, e := range h.logs.All() {
		if e.Level > zapcore.DebugLevel && e.ContextMap()["endpoint"] == endpoint {
			lines = append(lines, e.Message)
		}
	}
	return lines
}

// A Hue bridge that does not answer, and whose devices have moved to another one, is
// logged once, with the remedy.
func TestReplacedEndpointIsLoggedOnce(t *testing.T) {
	inHomeWithTwoBridges(t, func(t *testing.T, h *testHome, old, pro *removable) {
		old.reports(motionSensor("1", 21), motionSensor("2", 22))
		pro.reports()
		h.start()
		after(90 * time.Second)
		pro.reports(motionSensor("1", 23))
		old.fails(unreachable())
		after(10 * time.Minute)
		h.want(availabilityOne, "online")
		reported := 0
		for _, e := range h.logs.FilterMessageSnippet("the endpoint does not answer").All() {
			if remedy, _ := e.ContextMap()["remedy"].(string); strings.Contains(remedy, "forget old") {
				reported++
			}
		}
		if reported != 0 {
			t.Error("the endpoint counts as replaced although only one of two devices has moved")
		}
		pro.reports(motionSensor("1", 23), motionSensor("2", 24))
		after(3 * time.Minute)
		if n := h.logs.FilterMessageSnippet("the endpoint does not answer").Len(); n != 1 {
			t.Errorf("logged %d times, want once", n)
		}
		before := len(h.mentions("old"))
		after(time.Hour)
		if again := h.mentions("old")[before:]; len(again) != 0 {
			t.Errorf("logged again: %q", again)
		}
		old.reports()
		after(time.Minute)
		if again := h.mentions("old")[before:]; len(again) != 1 || again[0] != "the endpoint answers again" {
			t.Errorf("logged %q", again)
		}
	})
}

func TestRemoveEndpoint(t *testing.T) {
	inHomeWithTwoBridges(t, func(t *testing.T, h *testHome, old, pro *removable) {
		old.reports(motionSensor("1", 21), motionSensor("2", 22))
		pro.reports(motionSensor("2", 22))
		h.start()
		after(90 * time.Second)
		old.fails(refused())
		after(time.Minute)
		if got := h.get("hueair2mqtt/hue/problem"); !strings.Contains(got, `"problem":true`) {
			t.Fatalf("no problem: %s", got)
		}
		removed, err := h.options.Live.Remove(t.Context(), "hue", "old")
		if !removed || err != nil {
			t.Fatal(removed, err)
		}
		after(0)
		polls := old.polled()
		after(10 * time.Minute)
		if old.polled() != polls || !old.closed {
			t.Errorf("%d polls after it was removed, closed %t", old.polled()-polls, old.closed)
		}
		h.want(availabilityOne, "offline")
		h.want("hueair2mqtt/hue_2/availability", "online")
		if got := h.get("hueair2mqtt/hue/problem"); !strings.Contains(got, `"problem":false`) {
			t.Errorf("the removed endpoint still has a problem: %s", got)
		}
		if got := h.get("hueair2mqtt/bridge/info"); strings.Contains(got, `"old"`) {
			t.Errorf("%s", got)
		}
		if removed, err := h.options.Live.Remove(t.Context(), "hue", "old"); removed || err != nil {
			t.Errorf("removed once more: %t, %v", removed, err)
		}
		again := &removable{(&source{name: "hue", endpoint: "old"}).reports(motionSensor("1", 25))}
		if added, err := h.options.Live.Add(t.Context(), bridge.Task{Collector: again, Interval: time.Minute, AlertFile: "ALERT_hue.txt"}); !added || err != nil {
			t.Errorf("added again: %t, %v", added, err)
		}
		after(time.Second)
		h.want(availabilityOne, "online")
	})
}

var _ collectors.Removable = (*removable)(nil)

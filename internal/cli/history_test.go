package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"hueair2mqtt/test/harness"
)

// historyHome is a home with one sensor and a program that records readings. The
// temperature is a new one at every poll: 0.01, 0.02, 0.03, ... °C, so that each
// reading can be identified and a missing one is noticed.
type historyHome struct {
	*testHome
	url string // of the Hue bridge

	mu    sync.Mutex
	polls int
}

func newHistoryHome(t *testing.T) *historyHome {
	t.Helper()
	h := &historyHome{testHome: &testHome{harness.NewHome(t, harness.Options{}), t}}
	h.MakeStateDir()
	h.url = harness.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/sensors") {
			h.mu.Lock()
			h.polls++
			s := harness.HallSensor
			s.Temperature = float64(h.polls) / 100
			h.Hue.SetMotionSensor(s)
			h.mu.Unlock()
		}
		h.Hue.ServeHTTP(w, r)
	})).URL
	h.Configure(`
hue: {enabled: true, interval: 1s, timeout: 1s, bridges: [{host: %q, username: %s}]}
history: {enabled: true}
`, h.url, harness.HueKey)
	return h
}

// polled returns the number of the last reading that the program asked for.
func (h *historyHome) polled() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.polls
}

// certain returns the number of the last reading that the program has certainly
// recorded: a poll begins when the owner has received the previous result, which it
// does after it has handled the one before that.
func (h *historyHome) certain() int { return h.polled() - 2 }

func (h *historyHome) waitForPolls(n int) {
	h.t.Helper()
	until := h.polled() + n
	harness.Eventually(h.t, fmt.Sprintf("%d polls", n), func() bool { return h.polled() >= until })
}

// reading is a reading as a subscriber received it.
type reading struct {
	ID          string
	Time        time.Time
	Temperature float64
	Motion      *bool
	LastSeen    time.Time `json:"last_seen"`
}

// number returns the number of the poll that it comes from.
func (r reading) number() int { return int(r.Temperature*100 + 0.5) }

// readingsOf returns all messages of a topic in order.
func readingsOf(t *testing.T, l *harness.Subscriber, topic string) (readings []reading) {
	t.Helper()
	for _, m := range l.All() {
		if m.Topic != topic {
			continue
		}
		var r reading
		if err := json.Unmarshal([]byte(m.Payload), &r); err != nil {
			t.Fatalf("%s: %v", m.Payload, err)
		}
		readings = append(readings, r)
	}
	return readings
}

const hallHistory = "hueair2mqtt/" + harness.HallID + "/history"

// TestHistoryCoversBrokerOutage checks that the readings of an outage arrive in order, each once
// and with its time, and that the state is only the newest.
func TestHistoryCoversBrokerOutage(t *testing.T) {
	t.Parallel()
	h := newHistoryHome(t)
	l := h.Broker.Subscribe()
	p := h.run()
	harness.Eventually(t, "states", func() bool { return len(readingsOf(t, l, "hueair2mqtt/"+harness.HallID)) >= 2 })
	beforeConnection := readingsOf(t, l, "hueair2mqtt/"+harness.HallID)[0].number()
	for _, r := range readingsOf(t, l, hallHistory) {
		if r.number() > beforeConnection {
			t.Errorf("published as history though the broker has it as a state: %+v", r)
		}
	}
	h.Broker.Stop()
	gone := h.polled()
	wentAt := time.Now()
	h.waitForPolls(4)
	backAt := time.Now()
	h.Broker.Start()
	l = h.Broker.Subscribe()
	var history, states []reading
	harness.Eventually(t, "a state that is younger than the history", func() bool {
		history, states = readingsOf(t, l, hallHistory), readingsOf(t, l, "hueair2mqtt/"+harness.HallID)
		return len(states) > 1 && len(history) > 0 &&
			states[len(states)-1].number() > history[len(history)-1].number()+1
	})
	// The last polls before the outage may be on either side; the first ones after its end may not.
	for i, r := range history {
		if i > 0 && r.number() != history[i-1].number()+1 {
			t.Errorf("%d comes after %d", r.number(), history[i-1].number())
		}
		if i > 0 && !r.Time.After(history[i-1].Time) {
			t.Errorf("taken at %s, after %s?", r.Time, history[i-1].Time)
		}
		if r.Motion == nil || !*r.Motion || r.LastSeen.IsZero() || r.ID == "" {
			t.Errorf("it says too little: %+v", r)
		}
	}
	first, last := history[0], history[len(history)-1]
	if first.number() > gone+1 || last.number() < gone+4 {
		t.Errorf("published %d to %d, but %d to %d were taken without a broker", first.number(), last.number(), gone+1, gone+4)
	}
	if at := history[gone+1-first.number()].Time; at.Before(wentAt) || at.After(backAt) {
		t.Errorf("the first reading without a broker was taken at %s, between %s and %s?", at, wentAt, backAt)
	}
	for _, s := range states {
		if s.number() < last.number() || s.ID != "" {
			t.Errorf("an old state: %+v", s)
		}
	}
	if got := h.Broker.Retained()[hallHistory]; got != "" {
		t.Errorf("history is retained: %s", got)
	}
	p.StopCleanly()
	if left, err := os.ReadDir(h.StateFile("history")); err != nil || len(left) > 0 {
		t.Errorf("left on the disk: %v %v", left, err)
	}
}

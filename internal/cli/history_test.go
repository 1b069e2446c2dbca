package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
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
	asked []time.Time // when each poll reached the Hue bridge
}

// newHistoryHome starts the home with further settings of its broker.
func newHistoryHome(t *testing.T, settings ...string) *historyHome {
	t.Helper()
	broker := harness.StartMosquitto(t, settings...)
	h := &historyHome{testHome: &testHome{harness.NewHome(t, harness.Options{Broker: broker}), t}}
	h.MakeStateDir()
	h.url = harness.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/sensors") {
			h.mu.Lock()
			h.asked = append(h.asked, time.Now())
			s := harness.HallSensor
			s.Temperature = float64(len(h.asked)) / 100
			h.Hue.SetMotionSensor(s)
			h.mu.Unlock()
		}
		h.Hue.ServeHTTP(w, r)
	})).URL
	// A poll may take a minute, so none fails on a busy machine: a reading that nobody
	// has received would look like a lost one. See run for what makes polls frequent.
	h.Configure(`
hue: {enabled: true, interval: 60s, timeout: 50s, bridges: [{host: %q, username: %s}]}
history: {enabled: true}
`, h.url, harness.HueKey)
	return h
}

// run starts "run" with further flags and requests a poll every second.
func (h *historyHome) run(flags ...string) *harness.Process {
	h.t.Helper()
	p := h.testHome.run(append(flags, "--web.listen", "127.0.0.1:0")...)
	var requests sync.WaitGroup
	h.t.Cleanup(requests.Wait)
	requests.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for p.Running() {
			select {
			case <-tick.C:
				requestPoll(h.t.Context(), p)
			case <-h.t.Context().Done():
				return
			}
		}
	})
	return p
}

// requestPoll requests a poll on the page of a program, which may have none yet or have ended.
func requestPoll(ctx context.Context, p *harness.Process) {
	found := pageAddress.FindStringSubmatch(p.Stderr.String())
	if found == nil {
		return
	}
	form := strings.NewReader(url.Values{"source": {"hue"}}.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(found[1], "/")+"/refresh", form)
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if resp, err := http.DefaultTransport.RoundTrip(req); err == nil {
		resp.Body.Close()
	}
}

// startBroker starts the broker and subscribes before a program can publish anything.
func (h *historyHome) startBroker(p *harness.Process) *harness.Subscriber {
	h.t.Helper()
	p.Signal(syscall.SIGSTOP)
	defer p.Signal(syscall.SIGCONT)
	h.Broker.Start()
	return h.Broker.Subscribe()
}

// polled returns the number of the last reading that the program asked for.
func (h *historyHome) polled() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.asked)
}

// askedAt returns when the program asked for a reading.
func (h *historyHome) askedAt(number int) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asked[number-1]
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
	h.waitForPolls(6)
	back := h.certain() // the program may get the broker before the readings after this one
	l = h.startBroker(p)
	var history, states []reading
	harness.Eventually(t, "a state that is younger than the history", func() bool {
		history, states = readingsOf(t, l, hallHistory), readingsOf(t, l, "hueair2mqtt/"+harness.HallID)
		return len(states) > 1 && len(history) > 0 &&
			states[len(states)-1].number() > history[len(history)-1].number()+1
	})
	// The last polls before the outage may be on either side; the first ones after its end may not.
	for i, r := range history {
		// A poll begins after the one before and before it reaches the Hue bridge.
		if n := r.number(); n > 1 && r.Time.Before(h.askedAt(n-1).Truncate(time.Microsecond)) || r.Time.After(h.askedAt(n)) {
			t.Errorf("%d was taken at %s, after it was asked for at %s?", n, r.Time, h.askedAt(n))
		}
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
	if first.number() > gone+1 || last.number() < back {
		t.Errorf("published %d to %d, but %d to %d were taken without a broker", first.number(), last.number(), gone+1, back)
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

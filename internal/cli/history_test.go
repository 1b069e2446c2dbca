package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"hueair2mqtt/collectors/hue/huetest"
)

// thermometer is a Hue bridge with one sensor, whose temperature is another one at
// every poll: 0.01, 0.02, 0.03, ... °C. So each reading can be told from all others,
// and none may be missing.
type thermometer struct {
	hue *huetest.Bridge
	url string

	mu    sync.Mutex
	polls int
}

func newThermometer(t *testing.T) *thermometer {
	th := &thermometer{hue: huetest.NewBridge("001788fffe010203", hueKey)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/sensors") {
			th.mu.Lock()
			th.polls++
			s := hallSensor
			s.Temperature = float64(th.polls) / 100
			th.hue.SetMotionSensor(s)
			th.mu.Unlock()
		}
		th.hue.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	th.url = server.URL
	return th
}

// polled is the number of the last reading that was asked for.
func (th *thermometer) polled() int {
	th.mu.Lock()
	defer th.mu.Unlock()
	return th.polls
}

// certain is the number of the last reading that the bridge has certainly taken: a
// poll begins when its owner has received the one before, which it does when it has
// done with the one before that.
func (th *thermometer) certain() int { return th.polled() - 2 }

func (th *thermometer) waitForPolls(t *testing.T, n int) {
	t.Helper()
	until := th.polled() + n
	eventually(t, fmt.Sprintf("%d polls", n), func() bool { return th.polled() >= until })
}

// historyHouse is a thermometer and a bridge that keeps readings.
type historyHouse struct {
	*thermometer
	broker   *mosquitto
	stateDir string
	config   string
}

func newHistoryHouse(t *testing.T, brokerURL string, broker *mosquitto) *historyHouse {
	h := &historyHouse{thermometer: newThermometer(t), broker: broker, stateDir: t.TempDir()}
	h.config = filepath.Join(h.stateDir, "hueair2mqtt.yaml")
	config := fmt.Sprintf(`
mqtt: {broker: %q}
hue: {enabled: true, interval: 1s, timeout: 1s, bridges: [{host: %q, username: %s}]}
history: {enabled: true}
state_dir: %s
log: {level: debug}
`, brokerURL, h.url, hueKey, h.stateDir)
	if err := os.WriteFile(h.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return h
}

// told is a reading as a subscriber got it.
type told struct {
	ID          string
	Time        time.Time
	Temperature float64
	Motion      *bool
	LastSeen    time.Time `json:"last_seen"`
}

// number is the number of the poll that it comes from.
func (r told) number() int { return int(r.Temperature*100 + 0.5) }

// told are all messages of a topic, in order.
func (l *listener) told(topic string) (readings []told) {
	l.t.Helper()
	for _, m := range l.all() {
		if m.topic != topic {
			continue
		}
		var r told
		if err := json.Unmarshal([]byte(m.payload), &r); err != nil {
			l.t.Fatalf("%s: %v", m.payload, err)
		}
		readings = append(readings, r)
	}
	return readings
}

const hallHistory = "hueair2mqtt/" + hall + "/history"

// TestTheBrokerMissesNothing: what was measured while the broker was away comes in
// order, each reading once and with its time; the state has the newest alone.
func TestTheBrokerMissesNothing(t *testing.T) {
	t.Parallel()
	broker := startMosquitto(t)
	h := newHistoryHouse(t, broker.url(), broker)
	l := broker.listen()
	p := start(t, "run", "--config", h.config)
	eventually(t, "states", func() bool { return len(l.told("hueair2mqtt/"+hall)) >= 2 })
	beforeConnection := l.told("hueair2mqtt/" + hall)[0].number()
	for _, r := range l.told(hallHistory) {
		if r.number() > beforeConnection {
			t.Errorf("told as history though the broker has it as a state: %+v", r)
		}
	}
	broker.stop()
	gone := h.polled()
	wentAt := time.Now()
	h.waitForPolls(t, 4)
	backAt := time.Now()
	broker.start()
	l = broker.listen()
	var history, states []told
	eventually(t, "a state that is younger than the history", func() bool {
		history, states = l.told(hallHistory), l.told("hueair2mqtt/"+hall)
		return len(states) > 1 && len(history) > 0 &&
			states[len(states)-1].number() > history[len(history)-1].number()+1
	})
	// Some of the last polls before the end belong to neither side for certain; the
	// first after it do.
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
		t.Errorf("told %d to %d, but %d to %d were taken without a broker", first.number(), last.number(), gone+1, gone+4)
	}
	if at := history[gone+1-first.number()].Time; at.Before(wentAt) || at.After(backAt) {
		t.Errorf("the first reading without a broker was taken at %s, between %s and %s?", at, wentAt, backAt)
	}
	for _, s := range states {
		if s.number() < last.number() || s.ID != "" {
			t.Errorf("an old state: %+v", s)
		}
	}
	if got := broker.retained()[hallHistory]; got != "" {
		t.Errorf("history is retained: %s", got)
	}
	p.signal(syscall.SIGTERM)
	if code := p.wait(); code != exitGood {
		t.Errorf("exit code %d", code)
	}
	if left, err := os.ReadDir(filepath.Join(h.stateDir, "history")); err != nil || len(left) > 0 {
		t.Errorf("left on the disk: %v %v", left, err)
	}
}

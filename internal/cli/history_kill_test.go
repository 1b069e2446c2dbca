package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/internal/history"
	"hueair2mqtt/test/harness"
)

// chance returns a test's random source. The seed is new in each run and logged;
// HUEAIR2MQTT_TEST_SEED sets it.
func chance(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if given := os.Getenv("HUEAIR2MQTT_TEST_SEED"); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatalf("HUEAIR2MQTT_TEST_SEED: %v", err)
		}
	}
	t.Logf("HUEAIR2MQTT_TEST_SEED=%d repeats this run", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// wantOneID checks that each reading of a history has one id, however often it arrived, and that
// readings first arrived in order.
func wantOneID(t *testing.T, history []reading) {
	t.Helper()
	idOf, numberOf := make(map[int]string), make(map[string]int)
	last := 0
	for _, r := range history {
		id, again := idOf[r.number()]
		switch {
		case again && id != r.ID:
			t.Errorf("reading %d came as %s and as %s", r.number(), id, r.ID)
		case !again && numberOf[r.ID] != 0:
			t.Errorf("%s is the id of reading %d and %d", r.ID, numberOf[r.ID], r.number())
		case !again && r.number() < last:
			t.Errorf("reading %d came behind %d", r.number(), last)
		}
		idOf[r.number()], numberOf[r.ID] = r.ID, r.number()
		last = max(last, r.number())
	}
}

// TestHistoryAfterKillDuringOutage kills the program at random moments while the broker stops and
// starts. Everything that it had recorded arrives.
func TestHistoryAfterKillDuringOutage(t *testing.T) {
	t.Parallel()
	draw := chance(t)
	h := newHistoryHome(t, "persistence true", "persistence_location "+t.TempDir()+"/")
	taken := make(map[int]bool) // what certainly was
	// The broker stops with messages on their way to the subscriber. Its next session has them.
	var subscribers []*harness.Subscriber
	subscribe := func() { subscribers = append(subscribers, h.Broker.SubscribeAgain("subscriber")) }
	received := func(topic string) (all []reading) {
		for _, l := range subscribers {
			all = append(all, readingsOf(t, l, topic)...)
		}
		return all
	}
	states := func() []reading { return received("hueair2mqtt/" + harness.HallID) }
	from := 1
	for range 4 {
		subscribe()
		p := h.run()
		time.Sleep(time.Duration(draw.IntN(1500)) * time.Millisecond) // chance is the point here
		h.Broker.Stop()
		h.waitForPolls(3)
		time.Sleep(time.Duration(draw.IntN(2000)) * time.Millisecond)
		p.Kill()
		for n := from; n <= h.certain(); n++ {
			taken[n] = true
		}
		from = h.polled() + 1
		h.Broker.Start()
	}
	subscribe()
	h.run()
	harness.Eventually(t, "a state of the last run", func() bool {
		states := states()
		return len(states) > 0 && states[len(states)-1].number() > from+1
	})
	harness.Within(t, harness.Patience, "everything arrives", func() error {
		missing := maps.Clone(taken)
		for _, r := range append(states(), received(hallHistory)...) {
			delete(missing, r.number())
		}
		if len(missing) > 0 {
			return fmt.Errorf("the readings %v are missing", slices.Sorted(maps.Keys(missing)))
		}
		return nil
	})
	history := received(hallHistory)
	if len(taken) < 3 || len(history) < 3 {
		t.Errorf("too little happened: %d readings were taken, %d came as history", len(taken), len(history))
	}
	wantOneID(t, history)
}

// TestHistoryAfterKillDuringReplay kills the program repeatedly while it replays a long history.
// Everything arrives in order, with few repetitions.
func TestHistoryAfterKillDuringReplay(t *testing.T) {
	const readings = 1500
	t.Parallel()
	draw := chance(t)
	h := newHistoryHome(t, "max_queued_messages 0") // for a subscriber on a busy machine
	left := history.Open(history.Options{
		Dir: h.StateFile("history"), MaxAge: time.Hour, MaxBytes: 64e6, Log: zap.NewNop(),
	})
	for n := range readings {
		left.Add("hue_left", time.Now(), fmt.Appendf(nil, `{"temperature":%.2f}`, float64(n+1)/100), false)
	}
	left.Close()
	l := h.Broker.Subscribe()
	const topic = "hueair2mqtt/hue_left/history"
	kills := 0
	for len(readingsOf(t, l, topic)) < readings-100 {
		before := len(readingsOf(t, l, topic))
		p := h.run()
		harness.Eventually(t, "the replay goes on", func() bool { return len(readingsOf(t, l, topic)) > before })
		time.Sleep(time.Duration(draw.IntN(1000)) * time.Millisecond)
		p.Kill()
		kills++
	}
	h.run()
	harness.Eventually(t, "the end of the history", func() bool {
		published := readingsOf(t, l, topic)
		return published[len(published)-1].number() == readings
	})
	published := readingsOf(t, l, topic)
	wantOneID(t, published)
	arrived := make(map[int]bool)
	for _, r := range published {
		arrived[r.number()] = true
	}
	if len(arrived) != readings {
		t.Errorf("%d of %d arrived", len(arrived), readings)
	}
	// At most 20 readings are under way when the program is killed.
	if repeated := len(published) - readings; repeated > 20*kills {
		t.Errorf("%d repetitions for %d kills", repeated, kills)
	}
	if kills < 2 {
		t.Errorf("killed only %d times", kills)
	}
}

// TestHistoryPayloadIsFlat checks what consumers such as Telegraf rely on: flat JSON, the keys of
// the state, and a time in RFC 3339.
func TestHistoryPayloadIsFlat(t *testing.T) {
	t.Parallel()
	h := newHistoryHome(t)
	h.Broker.Stop()
	p := h.run()
	h.waitForPolls(3)
	l := h.startBroker(p)
	harness.Eventually(t, "history and state", func() bool { return l.Get(hallHistory) != "" && l.Get("hueair2mqtt/"+harness.HallID) != "" })
	var history, state map[string]any
	for topic, into := range map[string]*map[string]any{hallHistory: &history, "hueair2mqtt/" + harness.HallID: &state} {
		if err := json.Unmarshal([]byte(l.Get(topic)), into); err != nil {
			t.Fatal(err)
		}
	}
	at, err := time.Parse(time.RFC3339, fmt.Sprint(history["time"]))
	if err != nil || !strings.HasSuffix(fmt.Sprint(history["time"]), "Z") || time.Since(at) > time.Minute {
		t.Errorf("time %v: %v", history["time"], err)
	}
	if id, ok := history["id"].(string); !ok || len(id) < 10 {
		t.Errorf("id %v", history["id"])
	}
	delete(history, "id")
	delete(history, "time")
	for key := range state {
		if _, ok := history[key]; !ok {
			t.Errorf("%s is missing in the history", key)
		}
		delete(history, key)
	}
	if len(history) > 0 {
		t.Errorf("the state does not have %v", history)
	}
}

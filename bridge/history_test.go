package bridge_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/collectors"
	"hueair2mqtt/configs"
	"hueair2mqtt/internal/history"
)

const historyOne = "hueair2mqtt/hue_1/history"

// counting returns a source with a sensor whose temperature is the number of the poll.
func counting() *source {
	s := hueSource()
	s.does(func(context.Context, *collectors.Retrier) (collectors.Snapshot, error) {
		return collectors.Snapshot{Devices: []collectors.Device{motionSensor("1", float64(s.polled()))}}, nil
	})
	return s
}

// inHomeWithHistory is inHome with a bridge that records a history.
func inHomeWithHistory(t *testing.T, cs []*source, test func(t *testing.T, h *testHome)) {
	inHome(t, cs, func(t *testing.T, h *testHome) {
		h.options.History = configs.History{Enabled: true, MaxAge: 168 * time.Hour, MaxMegabytes: 64}
		test(t, h)
	})
}

// reading is the part of a payload that the tests examine.
type reading struct {
	ID          string
	Time        string
	Temperature *float64
	Motion      *bool
	arrived     time.Time
}

func (h *testHome) readings(topic string) (readings []reading) {
	h.t.Helper()
	for _, l := range h.lines() {
		if l.topic != topic {
			continue
		}
		r := reading{arrived: l.at}
		if err := json.Unmarshal([]byte(l.payload), &r); err != nil {
			h.t.Fatalf("%s: %v", l.payload, err)
		}
		readings = append(readings, r)
	}
	return readings
}

func temperatures(readings []reading) string {
	var texts []string
	for _, r := range readings {
		texts = append(texts, fmt.Sprint(*r.Temperature))
	}
	return strings.Join(texts, " ")
}

func TestMissedReadingsAreReplayed(t *testing.T) {
	inHomeWithHistory(t, []*source{counting()}, func(t *testing.T, h *testHome) {
		began := time.Now().UTC()
		h.start()
		after(time.Minute + time.Second) // polls 1 and 2
		h.stopBroker()
		after(5 * time.Minute) // polls 3 to 7
		h.startBroker()
		after(30 * time.Second)
		history := h.readings(historyOne)
		if got := temperatures(history); got != "3 4 5 6 7" {
			t.Fatalf("history %s", got)
		}
		ids := make(map[string]bool)
		for i, r := range history {
			taken := began.Add(time.Duration(i+2) * time.Minute)
			if want := taken.Format("2006-01-02T15:04:05.000000Z"); r.Time != want {
				t.Errorf("%v was taken at %s, want %s", *r.Temperature, r.Time, want)
			}
			ids[r.ID] = true
		}
		if len(ids) != 5 {
			t.Errorf("ids %v", ids)
		}
		if got := temperatures(h.readings(stateOne)); got != "7" {
			t.Errorf("states %s", got)
		}
		if len(h.server.Topics.Messages(historyOne)) != 0 {
			t.Error("history is retained")
		}
		after(3 * time.Minute)
		if got := temperatures(h.readings(stateOne)); got != "7 8 9 10" {
			t.Errorf("states %s", got)
		}
		if got := temperatures(h.readings(historyOne)); got != "3 4 5 6 7" {
			t.Errorf("history %s, though nothing was missed", got)
		}
	})
}

func TestDisabledHistoryRecordsNothing(t *testing.T) {
	inHome(t, []*source{counting()}, func(t *testing.T, h *testHome) {
		h.start()
		after(time.Second)
		h.stopBroker()
		after(5 * time.Minute)
		h.startBroker()
		after(time.Minute)
		if got := h.readings(historyOne); len(got) > 0 {
			t.Errorf("history %s", temperatures(got))
		}
	})
}

// swallowing is a connection whose peer may be gone unnoticed: then it accepts everything
// and answers nothing.
type swallowing struct {
	net.Conn
	gone *atomic.Bool
}

func (c swallowing) Write(p []byte) (int, error) {
	if c.gone.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// A dead connection loses no reading, however late it is noticed.
func TestUnacknowledgedReadingsAreReplayed(t *testing.T) {
	inHomeWithHistory(t, []*source{counting()}, func(t *testing.T, h *testHome) {
		gone := &atomic.Bool{}
		dial := h.options.Broker.Dial
		h.options.Broker.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			return swallowing{conn, gone}, err
		}
		h.options.Tasks[0].Interval = 5 * time.Second
		h.start()
		after(11 * time.Second) // polls 1 to 3
		before := len(h.readings(stateOne))
		gone.Store(true)
		after(20 * time.Second) // 4 to 7 are lost on the way
		if got := h.readings(stateOne); len(got) != before {
			t.Fatalf("states %s", temperatures(got))
		}
		after(20 * time.Second) // a missing ping response ends the connection
		gone.Store(false)
		after(30 * time.Second)
		all := make(map[float64]bool)
		for _, r := range append(h.readings(stateOne), h.readings(historyOne)...) {
			all[*r.Temperature] = true
		}
		for n := 1.0; n <= 15; n++ {
			if !all[n] {
				t.Errorf("%v is missing: states %s, history %s", n, temperatures(h.readings(stateOne)), temperatures(h.readings(historyOne)))
			}
		}
		if got := temperatures(h.readings(historyOne)); !strings.Contains(got, "4 5 6 7 8 9") {
			t.Errorf("history %s", got)
		}
	})
}

// stalling is a connection that may stop accepting data.
type stalling struct {
	net.Conn
	stalled *atomic.Bool
	hole    net.Conn // its other end is never read
}

func (c stalling) Write(p []byte) (int, error) {
	if c.stalled.Load() {
		return c.hole.Write(p)
	}
	return c.Conn.Write(p)
}

func (c stalling) SetWriteDeadline(t time.Time) error {
	return errors.Join(c.Conn.SetWriteDeadline(t), c.hole.SetWriteDeadline(t))
}

func (c stalling) Close() error { return errors.Join(c.Conn.Close(), c.hole.Close()) }

func TestUnsentReadingsAreReplayed(t *testing.T) {
	inHomeWithHistory(t, []*source{counting()}, func(t *testing.T, h *testHome) {
		stalled := &atomic.Bool{}
		dial := h.options.Broker.Dial
		h.options.Broker.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			hole, _ := net.Pipe()
			return stalling{conn, stalled, hole}, err
		}
		h.options.Tasks[0].Interval = time.Second
		h.start()
		after(2500 * time.Millisecond) // polls 1 to 3
		stalled.Store(true)
		after(10 * time.Second)
		stalled.Store(false)
		after(10 * time.Second)
		count := make(map[float64]int)
		for _, r := range append(h.readings(stateOne)[1:], h.readings(historyOne)...) {
			count[*r.Temperature]++
		}
		for n := 2.0; n <= 22; n++ {
			if count[n] == 0 {
				t.Errorf("%v is missing: states %s, history %s", n, temperatures(h.readings(stateOne)), temperatures(h.readings(historyOne)))
			}
		}
		if dir, err := os.ReadDir(h.options.StateDir + "/history"); err != nil || len(dir) != 1 {
			t.Errorf("%v, %v", dir, err)
		} else if info, err := dir[0].Info(); err != nil || info.Size() > 500 {
			t.Errorf("%v: %d bytes are left", err, info.Size())
		}
	})
}

// slow is a connection that accepts nothing until a time.
type slow struct {
	net.Conn
	until *atomic.Pointer[time.Time]
}

func (c slow) Write(p []byte) (int, error) {
	if until := c.until.Load(); until != nil {
		time.Sleep(time.Until(*until))
	}
	return c.Conn.Write(p)
}

// A state that is superseded in the outbox is replayed on the same connection.
func TestSupersededReadingIsReplayed(t *testing.T) {
	inHomeWithHistory(t, []*source{counting()}, func(t *testing.T, h *testHome) {
		until := &atomic.Pointer[time.Time]{}
		dial := h.options.Broker.Dial
		h.options.Broker.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			return slow{conn, until}, err
		}
		h.options.Tasks[0].Interval = time.Second
		h.start()
		after(2500 * time.Millisecond) // polls 1 to 3
		soon := time.Now().Add(3800 * time.Millisecond)
		until.Store(&soon)
		after(7 * time.Second)
		states, history := temperatures(h.readings(stateOne)), temperatures(h.readings(historyOne))
		if !strings.HasSuffix(history, "5") && !strings.HasSuffix(history, "6") {
			t.Errorf("nothing was superseded: states %s, history %s", states, history)
		}
		for n := 1; n <= 10; n++ {
			if !strings.Contains(" "+states+" "+history+" ", fmt.Sprintf(" %d ", n)) {
				t.Errorf("%d is missing: states %s, history %s", n, states, history)
			}
		}
		if lost := h.logs.FilterMessageSnippet("lost").Len(); lost > 0 {
			t.Error("the connection was lost")
		}
	})
}

func TestHistorySurvivesARestart(t *testing.T) {
	inHomeWithHistory(t, []*source{counting()}, func(t *testing.T, h *testHome) {
		h.stopBroker()
		h.start()
		after(2*time.Minute + time.Second)
		h.stop()
		h.start()
		after(time.Minute + time.Second)
		h.startBroker()
		after(30 * time.Second)
		if got := temperatures(h.readings(historyOne)); got != "1 2 3 4 5" {
			t.Errorf("history %s", got)
		}
	})
}

// A failing disk affects neither polls nor states.
func TestFailingDiskStopsNothing(t *testing.T) {
	inHomeWithHistory(t, []*source{counting()}, func(t *testing.T, h *testHome) {
		if err := os.WriteFile(h.options.StateDir+"/history", nil, 0o600); err != nil { // in place of the folder
			t.Fatal(err)
		}
		h.start()
		after(3*time.Minute + time.Second)
		h.stopBroker()
		after(3 * time.Minute)
		h.startBroker()
		after(time.Minute)
		if got := temperatures(h.readings(stateOne)); got != "7 8" {
			t.Errorf("states %s", got)
		}
		if n := h.logs.FilterMessageSnippet("readings can't be recorded").Len(); n != 1 {
			t.Errorf("logged %d times, want once", n)
		}
	})
}

func TestOnlyReadingsAreReplayed(t *testing.T) {
	inStreamingHome(t, func(t *testing.T, s *streamingSource, h *testHome) {
		h.stop()
		h.options.History = configs.History{Enabled: true, MaxAge: 168 * time.Hour, MaxMegabytes: 64}
		h.stopBroker()
		h.start()
		after(time.Second)
		moved := motionSensor("1", 30)
		moved.Readings[collectors.Motion] = collectors.Bool(false)
		s.updates <- streamed{update: collectors.Update{Devices: []collectors.Device{moved}}}
		s.updates <- streamed{update: press("initial_press")}
		after(time.Second)
		s.fails(unreachable()) // unknown readings are not recorded
		after(time.Minute)
		offline := motionSensor("1", 0)
		offline.Online = false
		s.reports(offline)
		after(time.Minute)
		h.startBroker()
		after(30 * time.Second)
		history := h.readings(historyOne)
		if got := temperatures(history); got != "21 30" {
			t.Errorf("history %s", got)
		}
		if *history[0].Motion == *history[1].Motion {
			t.Error("the end of the motion is not recorded")
		}
		for _, l := range h.lines() {
			if strings.Contains(l.topic, "button") {
				t.Errorf("a button was pressed hours later: %v", l)
			}
		}
	})
}

// A long history is sent slowly, and new states do not wait for it.
func TestReplayIsPaced(t *testing.T) {
	inHomeWithHistory(t, []*source{counting()}, func(t *testing.T, h *testHome) {
		const readings = 5000
		left := history.Open(history.Options{Dir: h.options.StateDir + "/history", MaxAge: 168 * time.Hour, MaxBytes: 64e6, Log: zap.NewNop()})
		for n := range readings {
			left.Add("hue_1", time.Now(), fmt.Appendf(nil, `{"temperature":%d}`, n), false)
		}
		left.Close()
		h.options.Tasks[0].Interval = time.Second
		began := time.Now()
		h.start()
		after(20 * time.Second)
		states, history := h.readings(stateOne), h.readings(historyOne)
		if len(history) < readings || len(states) < 20 {
			t.Fatalf("%d readings and %d states", len(history), len(states))
		}
		for i, r := range history[:readings] {
			if int(*r.Temperature) != i {
				t.Fatalf("got %v, want %d", *r.Temperature, i)
			}
			// 20 readings each 40 ms.
			if least := time.Duration(i/20) * 40 * time.Millisecond; r.arrived.Sub(began) < least {
				t.Fatalf("reading %d came after %v", i, r.arrived.Sub(began))
			}
		}
		for i, r := range states[1:] {
			if d := r.arrived.Sub(began) % time.Second; d > 100*time.Millisecond {
				t.Errorf("state %d came %v after its poll", i+1, d)
			}
		}
	})
}

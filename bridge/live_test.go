package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors"
)

// inLiveHome is inHome with a Live of the running bridge.
func inLiveHome(t *testing.T, cs []*source, test func(t *testing.T, h *testHome, l *bridge.Live)) {
	inHome(t, cs, func(t *testing.T, h *testHome) {
		l := bridge.NewLive()
		h.options.Live = l
		h.start()
		after(time.Second)
		test(t, h, l)
	})
}

func picture(t *testing.T, l *bridge.Live) bridge.Picture {
	t.Helper()
	p, err := l.Picture(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPicture(t *testing.T) {
	hue, amazon := hueSource().reports(motionSensor("1", 21), motionSensor("2", 22)), amazonSource().fails(refused())
	inLiveHome(t, []*source{hue, amazon}, func(t *testing.T, h *testHome, l *bridge.Live) {
		start := time.Now().Add(-time.Second)
		p := picture(t, l)
		if p.Version != "1.2.3" || !p.Started.Equal(start) || !p.Broker.Connected || p.Broker.Since.IsZero() || len(p.Sources) != 2 || len(p.Devices) != 2 {
			t.Fatalf("%+v", p)
		}
		a := p.Sources[0]
		if a.Source != "amazon" || a.Problem.Reason != refused().Error() || a.Problem.Code != "HTTP 401" || a.Problem.Remedy != "Sign in again." || a.Problem.Since.IsZero() || a.Problem.Acknowledged {
			t.Errorf("%+v", a)
		}
		if e := a.Endpoints[0]; e.Error == "" || !e.LastSuccess.IsZero() || !e.LastPoll.Equal(start) || !e.NextPoll.Equal(start.Add(time.Minute)) {
			t.Errorf("%+v", e)
		}
		if s := p.Sources[1]; !s.Problem.Since.IsZero() || s.Endpoints[0].Devices != 2 || s.Endpoints[0].Error != "" || !s.Endpoints[0].LastSuccess.Equal(start) {
			t.Errorf("%+v", s)
		}
		// It is a copy.
		p.Devices[0].Readings[collectors.Temperature] = collectors.Number(-5)
		if again := picture(t, l); again.Devices[0].Readings[collectors.Temperature] != collectors.Number(21) {
			t.Error("a change of the picture changed the bridge")
		}

		gone := motionSensor("2", 22)
		gone.Online = false
		hue.reports(motionSensor("1", 21), gone)
		after(time.Minute)
		if d := picture(t, l).Devices[1]; d.Online || !d.Reachable || !d.Since.Equal(start.Add(time.Minute)) {
			t.Errorf("offline: %+v", d)
		}
		after(time.Minute)
		if d := picture(t, l).Devices[1]; !d.Since.Equal(start.Add(time.Minute)) {
			t.Errorf("still offline: since %v", d.Since)
		}
		hue.fails(unreachable())
		after(time.Minute)
		if d := picture(t, l).Devices; d[0].Online || d[0].Reachable || !d[0].Since.Equal(start.Add(3*time.Minute)) || !d[1].Since.Equal(start.Add(time.Minute)) {
			t.Errorf("unreachable: %+v", d)
		}
		h.stopBroker()
		after(2 * time.Second)
		if b := picture(t, l).Broker; b.Connected || !strings.Contains(b.Error, "connection refused") || b.Since.IsZero() {
			t.Errorf("without a broker: %+v", b)
		}
		h.stop()
		if _, err := l.Picture(t.Context()); !errors.Is(err, bridge.ErrStopped) {
			t.Errorf("of a bridge that has stopped: %v", err)
		}
		if err := l.Refresh(t.Context(), "hue"); !errors.Is(err, bridge.ErrStopped) {
			t.Errorf("of a bridge that has stopped: %v", err)
		}
	})
}

func TestWatch(t *testing.T) {
	inLiveHome(t, []*source{hueSource().reports(motionSensor("1", 21))}, func(t *testing.T, h *testHome, l *bridge.Live) {
		var changes atomic.Int64
		ctx, away := context.WithCancel(t.Context())
		if err := l.Watch(ctx, func() { changes.Add(1) }); err != nil {
			t.Fatal(err)
		}
		picture(t, l)
		if changes.Load() != 0 {
			t.Error("taking a picture counts as a change")
		}
		after(time.Minute)
		if changes.Load() != 1 {
			t.Errorf("%d changes by one poll", changes.Load())
		}
		away()
		after(time.Hour)
		if changes.Load() != 1 {
			t.Errorf("%d changes after the end of watching", changes.Load())
		}
	})
}

func TestLiveRequests(t *testing.T) {
	hue, amazon := hueSource().reports(), amazonSource().fails(refused())
	inLiveHome(t, []*source{hue, amazon}, func(t *testing.T, h *testHome, l *bridge.Live) {
		if err := l.Refresh(t.Context(), "hue"); err != nil {
			t.Error(err)
		}
		after(2 * time.Second)
		if hue.polled() != 2 || amazon.polled() != 1 {
			t.Errorf("polled %d and %d times", hue.polled(), amazon.polled())
		}
		if err := l.Acknowledge(t.Context(), "hue"); err == nil {
			t.Error("there was nothing to acknowledge")
		}
		if err := l.Acknowledge(t.Context(), "amazon"); err != nil {
			t.Error(err)
		}
		after(0)
		if !picture(t, l).Sources[0].Problem.Acknowledged || !strings.Contains(h.get("hueair2mqtt/amazon/problem"), `"acknowledged":true`) {
			t.Error("not acknowledged")
		}
	})
}

func TestAddCollector(t *testing.T) {
	hue := hueSource().reports(motionSensor("1", 21))
	inLiveHome(t, []*source{hue}, func(t *testing.T, h *testHome, l *bridge.Live) {
		amazon := amazonSource().fails(refused())
		task := bridge.Task{Collector: amazon, Interval: time.Minute, AlertFile: "ALERT_amazon.txt"}
		if added, err := l.Add(t.Context(), task); err != nil || !added {
			t.Fatal(added, err)
		}
		after(time.Second)
		if !strings.Contains(h.get("hueair2mqtt/amazon/problem"), `"problem":true`) || h.get("homeassistant/device/hueair2mqtt_amazon/config") == "" {
			t.Error("the new source is not announced")
		}
		amazon.reports(motionSensor("3", 23))
		after(time.Minute)
		if !strings.Contains(h.get("hueair2mqtt/hue_3"), `"temperature":23`) || !strings.Contains(h.get("hueair2mqtt/amazon/problem"), `"problem":false`) {
			t.Error("the new source is not read")
		}
		if added, err := l.Add(t.Context(), task); err != nil || added {
			t.Errorf("a second time: %v, %v", added, err)
		}
		h.stop()
		if !amazon.closed || !hue.closed {
			t.Error("a collector was not closed")
		}
	})
}

func TestPreviewPublishesNothing(t *testing.T) {
	inHome(t, []*source{hueSource().reports(motionSensor("1", 21)), amazonSource().fails(refused())}, func(t *testing.T, h *testHome) {
		alert := filepath.Join(h.options.StateDir, "ALERT_amazon.txt")
		if err := os.WriteFile(alert, []byte("of the bridge that runs"), 0o600); err != nil {
			t.Fatal(err)
		}
		l := bridge.NewLive()
		h.options.Live, h.options.Preview = l, true
		h.start()
		after(3 * time.Minute)
		p := picture(t, l)
		if len(p.Devices) != 1 || p.Sources[0].Problem.Since.IsZero() {
			t.Errorf("%+v", p)
		}
		if lines := h.lines(); len(lines) > 0 {
			t.Errorf("published: %v", lines)
		}
		if content, err := os.ReadFile(alert); err != nil || string(content) != "of the bridge that runs" {
			t.Errorf("the alert file: %q, %v", content, err)
		}
	})
}

func TestOnReadingsIsCalledForEveryPoll(t *testing.T) {
	inHome(t, []*source{hueSource().reports(motionSensor("1", 21))}, func(t *testing.T, h *testHome) {
		var seen []string
		h.options.OnReadings = func(device string, readings map[collectors.Measurement]collectors.Value) {
			temperature, _ := readings[collectors.Temperature].Number()
			seen = append(seen, fmt.Sprint(device, " ", temperature))
		}
		h.start()
		after(time.Minute)
		h.stop()
		if len(seen) < 2 || seen[0] != "hue_1 21" || seen[1] != seen[0] {
			t.Errorf("got %q", seen)
		}
	})
}

package bridge_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors"
)

// inLiveHouse is inHouse with somebody who looks in.
func inLiveHouse(t *testing.T, cs []*source, test func(t *testing.T, h *house, l *bridge.Live)) {
	inHouse(t, cs, func(t *testing.T, h *house) {
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
	inLiveHouse(t, []*source{hue, amazon}, func(t *testing.T, h *house, l *bridge.Live) {
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
			t.Error("who has a picture can change the bridge")
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
	inLiveHouse(t, []*source{hueSource().reports(motionSensor("1", 21))}, func(t *testing.T, h *house, l *bridge.Live) {
		var changes atomic.Int64
		ctx, away := context.WithCancel(t.Context())
		if err := l.Watch(ctx, func() { changes.Add(1) }); err != nil {
			t.Fatal(err)
		}
		picture(t, l)
		if changes.Load() != 0 {
			t.Error("looking is a change")
		}
		after(time.Minute)
		if changes.Load() != 1 {
			t.Errorf("%d changes by one poll", changes.Load())
		}
		away()
		after(time.Hour)
		if changes.Load() != 1 {
			t.Errorf("%d changes after who looked has left", changes.Load())
		}
	})
}

func TestAskingFromOutside(t *testing.T) {
	hue, amazon := hueSource().reports(), amazonSource().fails(refused())
	inLiveHouse(t, []*source{hue, amazon}, func(t *testing.T, h *house, l *bridge.Live) {
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

func TestACollectorThatComesLater(t *testing.T) {
	hue := hueSource().reports(motionSensor("1", 21))
	inLiveHouse(t, []*source{hue}, func(t *testing.T, h *house, l *bridge.Live) {
		amazon := amazonSource().fails(refused())
		task := bridge.Task{Collector: amazon, Interval: time.Minute, AlertFile: "ALERT_amazon.txt"}
		if added, err := l.Add(t.Context(), task); err != nil || !added {
			t.Fatal(added, err)
		}
		after(time.Second)
		if !strings.Contains(h.get("hueair2mqtt/amazon/problem"), `"problem":true`) || h.get("homeassistant/device/hueair2mqtt_amazon/config") == "" {
			t.Error("the new source is not told of")
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
			t.Error("a collector is left open")
		}
	})
}

func TestPreviewTellsNobody(t *testing.T) {
	inHouse(t, []*source{hueSource().reports(motionSensor("1", 21)), amazonSource().fails(refused())}, func(t *testing.T, h *house) {
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

func TestTrace(t *testing.T) {
	hue := hueSource()
	n := 0
	hue.does(func(context.Context, *collectors.Retrier) (collectors.Snapshot, error) {
		n++ // twice in 10 minutes
		if n > 6 && n <= 12 {
			return collectors.Snapshot{}, unreachable()
		}
		d := motionSensor("1", float64(n))
		d.Readings[collectors.Motion] = collectors.Truth(n%2 == 1)
		return collectors.Snapshot{Devices: []collectors.Device{d}}, nil
	})
	inHouse(t, []*source{hue}, func(t *testing.T, h *house) {
		h.stopBroker() // it would wake every second of these days
		l := bridge.NewLive()
		h.options.Live, h.options.Preview = l, true
		h.options.Tasks[0].Interval = 5 * time.Minute
		h.start()
		after(85*time.Minute + time.Second) // 18 polls
		trace := picture(t, l).Devices[0].Trace
		if len(trace) != 3 {
			t.Errorf("traces: %v", trace)
		}
		nothing := float32(math.NaN())
		check := func(name string, got []float32, want ...float32) {
			t.Helper()
			if len(got) != 144 {
				t.Fatalf("%s: %d values", name, len(got))
			}
			for i, v := range got[144-len(want):] {
				if v != want[i] && !(math.IsNaN(float64(v)) && math.IsNaN(float64(want[i]))) {
					t.Errorf("%s: %v, want %v", name, got[144-len(want):], want)
					return
				}
			}
			if before := got[:144-len(want)]; len(before) > 0 && !math.IsNaN(float64(before[len(before)-1])) {
				t.Errorf("%s begins too early", name)
			}
		}
		check("temperature", trace[collectors.Temperature], 2, 4, 6, nothing, nothing, nothing, 14, 16, 18)
		check("motion", trace[collectors.Motion], 1, 1, 1, nothing, nothing, nothing, 1, 1, 1)

		after(30 * time.Hour)
		trace = picture(t, l).Devices[0].Trace
		if got := trace[collectors.Temperature]; got[143] != float32(n) || got[0] != got[143]-286 {
			t.Errorf("a day later: %v to %v at poll %d", got[0], got[143], n)
		}
		hue.fails(unreachable())
		after(25 * time.Hour)
		for _, v := range picture(t, l).Devices[0].Trace[collectors.Temperature] {
			if !math.IsNaN(float64(v)) {
				t.Fatalf("a day without values has %v", v)
			}
		}
	})
}

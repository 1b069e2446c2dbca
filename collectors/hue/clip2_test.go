package hue_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/huetest"
)

var _ collectors.Streamer = (*hue.Collector)(nil)

// newTestHomeV2 serves a bridge over TLS in memory, with a certificate that the
// collector takes for Signify's. It must be called inside a bubble.
func newTestHomeV2(t testing.TB, handler func(http.Handler) http.Handler, change func(*hue.Options)) *testHome {
	t.Helper()
	h := &testHome{bridge: huetest.NewBridge(bridgeID, key)}
	authority := huetest.NewAuthority()
	listener := newLazyNetwork()
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	if handler == nil {
		handler = func(b http.Handler) http.Handler { return b }
	}
	// Virtual time stops when the test is over, and connections take a second to
	// close from which nothing is read.
	t.Cleanup(func() { time.Sleep(2 * time.Second) })
	go func() {
		served <- serveTLS(ctx, handler(h.bridge), listener, authority.Issue(strings.ToLower(bridgeID)))
	}()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	options := hue.Options{
		Host: "192.168.1.2", ID: bridgeID, Username: key, Setting: "hue.bridges[0]",
		Timeout: 10 * time.Second, DialContext: listener.dial,
	}
	if change != nil {
		change(&options)
	}
	h.collector = newCollector(t, options)
	signify := x509.NewCertPool()
	signify.AddCert(authority.Certificate())
	h.collector.SetRoots(x509.NewCertPool(), signify)
	h.retrier, h.log = newRetrier()
	return h
}

// next wants an update.
func (h *testHome) next(t testing.TB) collectors.Update {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	u, err := h.collector.Next(ctx)
	if err != nil {
		t.Fatal("no update:", err)
	}
	return u
}

// nextResync wants the demand for a full read, whatever else comes before.
func (h *testHome) nextResync(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	for {
		_, err := h.collector.Next(ctx)
		if errors.Is(err, collectors.ErrResync) {
			return
		}
		if err != nil {
			t.Fatalf("%v; want a demand for a full read", err)
		}
	}
}

// quiet wants nothing to happen.
func (h *testHome) quiet(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if u, err := h.collector.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%+v, %v; want nothing", u, err)
	}
}

// follow opens the stream and reads all once more, as the bridge does.
func (h *testHome) follow(t testing.TB) collectors.Snapshot {
	t.Helper()
	h.mustCollect(t)
	h.nextResync(t)
	return h.mustCollect(t)
}

const (
	doorMAC, doorID     = "00:17:88:01:02:03:04:07", "hue_0017880102030407"
	dialMAC, dialID     = "00:17:88:01:02:03:04:06", "hue_0017880102030406"
	tapMAC, tapID       = "00:00:00:00:00:44:23:08", "hue_0000000000442308"
	lampMAC             = "00:17:88:01:02:03:04:08"
	dimmerMAC, dimmerID = "00:17:88:01:02:03:04:09", "hue_0017880102030409"
)

// furnish adds one device of each kind.
func furnish(b *huetest.Bridge) {
	b.SetMotionSensor(hall)
	b.SetContactSensor(huetest.ContactSensor{MAC: doorMAC, Name: "Door", Open: true, Battery: 64, Reachable: true})
	b.SetDial(huetest.Dial{MAC: dialMAC, Name: "Dial", Battery: 33, Reachable: true})
	b.SetSwitch(huetest.Switch{MAC: tapMAC, Name: "Tap", Type: "ZGPSwitch"})
	b.SetSwitch(huetest.Switch{MAC: dimmerMAC, Name: "Dimmer", Type: "ZLLSwitch", Battery: 12, Reachable: true})
	b.SetLight(huetest.Light{MAC: lampMAC, Name: "Lamp", Reachable: true})
	b.SetRoom("Hallway", hallMAC, doorMAC, lampMAC)
}

func TestV2DevicesAndReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, func(o *hue.Options) { o.Areas = map[string]string{doorMAC: "Porch"} })
		furnish(h.bridge)
		s := h.mustCollect(t)
		var ids []string
		for _, d := range s.Devices {
			ids = append(ids, d.ID)
		}
		if want := []string{tapID, hallID, dialID, doorID, dimmerID}; !slices.Equal(ids, want) {
			t.Fatalf("devices %v, want %v", ids, want)
		}
		d := deviceIn(t, s, hallID)
		if d.Name != "Hall" || d.Area != "Hallway" || d.Serial != hallMAC || !d.Online || d.LastSeen.IsZero() || d.Model != "SML001" {
			t.Errorf("%+v", d)
		}
		if want := map[collectors.Measurement]collectors.Value{
			collectors.Temperature: collectors.Number(21.34), collectors.Motion: collectors.Bool(true),
			collectors.Illuminance: collectors.Number(28.6), collectors.Battery: collectors.Number(87),
			collectors.BatteryState: collectors.Text("normal"), collectors.Enabled: collectors.Bool(true), collectors.SoftwareUpdate: collectors.Text("no_update"),
		}; !reflect.DeepEqual(d.Readings, want) {
			t.Errorf("%v, want %v", d.Readings, want)
		}
		if d = deviceIn(t, s, doorID); d.Area != "Porch" || d.Readings[collectors.Contact] != collectors.Bool(true) ||
			d.Readings[collectors.Tamper] != collectors.Bool(false) || d.Readings[collectors.Battery] != collectors.Number(64) {
			t.Errorf("%+v", d)
		}
		d = deviceIn(t, s, dialID)
		if !slices.Equal(d.EventTypes["dial"], []string{"repeat", "start"}) || len(d.EventTypes) != 5 ||
			!slices.Equal(d.EventTypes["button_4"], []string{"initial_press", "long_press", "long_release", "repeat", "short_release"}) {
			t.Errorf("%v", d.EventTypes)
		}
		if d = deviceIn(t, s, tapID); !d.Online || len(d.EventTypes) != 4 || len(d.Readings) != 0 {
			t.Errorf("%+v", d)
		}
	})
}

// Both APIs report the same; CLIP v2 reports more.
func TestBothAPIsReportTheSameDevices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, nil)
		h.bridge.SetSoftware("1947108030")
		furnish(h.bridge)
		h.bridge.PressButton(dimmerMAC, 1, "initial_press")
		h.bridge.PressButton(dialMAC, 1, "initial_press")
		h.bridge.Turn(dialMAC, "clock_wise", 15)
		old := h.mustCollect(t)
		if h.bridge.RequestsTo("/clip/v2") != 0 || h.bridge.Requests() != 1 {
			t.Fatal("the old software was not asked by v1")
		}
		h.bridge.SetSoftware("1967054020")
		time.Sleep(2 * time.Hour)
		updated := h.mustCollect(t)
		for _, before := range old.Devices {
			after := deviceIn(t, updated, before.ID)
			for _, m := range []collectors.Measurement{collectors.BatteryState, collectors.Enabled, collectors.SoftwareUpdate} {
				delete(after.Readings, m)
			}
			if before.Name != after.Name || before.Serial != after.Serial || before.Online != after.Online || before.Model != after.Model ||
				before.Manufacturer != after.Manufacturer || !reflect.DeepEqual(before.Readings, after.Readings) ||
				before.LastSeen.Sub(after.LastSeen).Abs() > time.Second {
				t.Errorf("by v1 %+v\nby v2 %+v", before, after)
			}
		}
	})
}

func TestV2PollIsOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		h := newTestHomeV2(t, func(b http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = append(asked, r.Method+" "+r.URL.Path)
				b.ServeHTTP(w, r)
			})
		}, nil)
		for range 10 {
			h.mustCollect(t)
			time.Sleep(time.Minute)
		}
		if want := append([]string{"GET /api/0/config"}, slices.Repeat([]string{"GET /clip/v2/resource"}, 10)...); !slices.Equal(asked, want) {
			t.Errorf("asked %v", asked)
		}
	})
}

func TestEventsUpdateDevices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, nil)
		furnish(h.bridge)
		h.follow(t)
		h.quiet(t)

		moving := hall
		moving.Motion, moving.Temperature = false, 25.5
		h.bridge.SetMotionSensor(moving)
		d := h.next(t).Devices[0]
		if d.ID != hallID || d.Readings[collectors.Temperature] != collectors.Number(25.5) || d.Readings[collectors.Motion] != collectors.Bool(false) ||
			d.Readings[collectors.Battery] != collectors.Number(87) || d.Name != "Hall" {
			t.Errorf("%+v", d)
		}
		h.bridge.SetContactSensor(huetest.ContactSensor{MAC: doorMAC, Name: "Door", Tampered: true, Battery: 64, Reachable: true})
		d = h.next(t).Devices[0]
		if d.Readings[collectors.Contact] != collectors.Bool(false) || d.Readings[collectors.Tamper] != collectors.Bool(true) {
			t.Errorf("%+v", d)
		}
		h.bridge.SetConnectivity(hallMAC, "connectivity_issue")
		if d = h.next(t).Devices[0]; d.Online || !d.Readings[collectors.Temperature].IsUnknown() {
			t.Errorf("%+v", d)
		}
		h.bridge.SetConnectivity(hallMAC, "connected")
		if d = h.next(t).Devices[0]; !d.Online || d.Readings[collectors.Temperature] != collectors.Number(25.5) {
			t.Errorf("%+v", d)
		}
		h.bridge.Rename(hallMAC, "Landing")
		if d = h.next(t).Devices[0]; d.Name != "Landing" {
			t.Errorf("%+v", d)
		}

		h.bridge.PressButton(dimmerMAC, 2, "initial_press", "short_release")
		var events []collectors.Event
		for len(events) < 2 {
			u := h.next(t)
			if len(u.Devices) != 1 || u.Devices[0].ID != dimmerID || !time.Now().Equal(u.Devices[0].LastSeen) {
				t.Errorf("%+v", u)
			}
			events = append(events, u.Events...)
		}
		if want := []collectors.Event{
			{DeviceID: dimmerID, Key: "button_2", Type: "initial_press"}, {DeviceID: dimmerID, Key: "button_2", Type: "short_release"},
		}; !reflect.DeepEqual(events, want) {
			t.Errorf("%+v", events)
		}
		h.bridge.Turn(dialMAC, "counter_clock_wise", 30)
		u := h.next(t)
		if len(u.Events) != 1 || u.Events[0].Key != "dial" || u.Events[0].DeviceID != dialID || u.Events[0].Attributes["direction"] != "counter_clock_wise" ||
			u.Events[0].Attributes["steps"] != 30 {
			t.Errorf("%+v", u.Events)
		}
		h.quiet(t)
		h.sameAsFullRead(t)
	})
}

// sameAsFullRead reads all with a collector of its own and compares.
func (h *testHome) sameAsFullRead(t testing.TB) {
	t.Helper()
	known := h.collector.Known()
	read := h.mustRead(t)
	if !reflect.DeepEqual(known, read.Devices) {
		t.Errorf("known:  %+v\nread:   %+v", known, read.Devices)
	}
}

// After any trouble of a stream the devices are those of a full read.
func TestStreamReopensAfterTrouble(t *testing.T) {
	set := func(b *huetest.Bridge, temperature float64) {
		moving := hall
		moving.Temperature, moving.Motion = temperature, false
		b.SetMotionSensor(moving)
	}
	change := func(b *huetest.Bridge) { set(b, 17.5) }
	tests := []struct {
		name    string
		trouble func(*huetest.Bridge)
		within  time.Duration // of the demand for a full read
	}{
		{"cut", func(b *huetest.Bridge) { b.CutStreams(); change(b) }, 2 * time.Second},
		{"silence", func(b *huetest.Bridge) {
			set(b, 16.5)
			synctest.Wait()
			b.SilenceStreams()
			change(b)
		}, 2*time.Minute + 2*time.Second},
		{"half an event and a cut", func(b *huetest.Bridge) {
			b.SendRaw([]byte("id: 1:0\ndata: [{\"type\":\"update\",\"da"))
			synctest.Wait()
			b.CutStreams()
			change(b)
		}, 2 * time.Second},
		{"no JSON", func(b *huetest.Bridge) { b.SendRaw([]byte("data: [{]\n\n")) }, 0},
		{"an event of another shape", func(b *huetest.Bridge) { b.SendRaw([]byte("data: {\"type\":\"update\"}\n\n")) }, 0},
		{"an event of an unknown type", func(b *huetest.Bridge) { b.SendEvent("renovate", `{"id":"x","type":"motion"}`) }, 0},
		{"an error", func(b *huetest.Bridge) { b.SendEvent("error", `{"id":"x","type":"motion"}`) }, 0},
		{"an unknown resource", func(b *huetest.Bridge) { b.SendEvent("update", `{"id":"x","type":"motion","motion":{}}`) }, 0},
		{"a resource of a wrong shape", func(b *huetest.Bridge) { b.SendEvent("update", `7`) }, 0},
		{"a value of a wrong type", func(b *huetest.Bridge) { b.SendEvent("update", `{"id":"x","type":"motion","motion":7}`) }, 0},
		{"a line that is too long", func(b *huetest.Bridge) {
			b.SendRaw([]byte("data: [" + strings.Repeat(" ", 2<<20) + "]\n\n"))
		}, 0},
		{"a new device", func(b *huetest.Bridge) {
			b.SetMotionSensor(huetest.MotionSensor{MAC: "00:17:88:01:02:03:04:11", Name: "New", Reachable: true})
		}, 0},
		{"a device less", func(b *huetest.Bridge) { b.Remove(doorMAC) }, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newTestHomeV2(t, nil, nil)
				furnish(h.bridge)
				h.follow(t)
				h.quiet(t)
				start := time.Now()
				test.trouble(h.bridge)
				h.nextResync(t)
				if took := time.Since(start); took > test.within {
					t.Errorf("noticed after %s, want %s", took, test.within)
				}
				h.mustCollect(t)
				set(h.bridge, 18.5)
				for {
					d := h.next(t).Devices
					if len(d) == 1 && d[0].ID == hallID && d[0].Readings[collectors.Temperature] == collectors.Number(18.5) {
						break
					}
				}
				h.sameAsFullRead(t)
			})
		})
	}
}

func TestStreamSurvivesBridgeRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, nil)
		furnish(h.bridge)
		h.follow(t)
		start := time.Now()
		// It answers nothing for a minute and drops what is open.
		h.bridge.ScriptPath("/eventstream", slices.Repeat([]http.HandlerFunc{huetest.Status(http.StatusServiceUnavailable, nil, "{}")}, 5)...)
		h.bridge.CutStreams()
		h.nextResync(t)
		// 1, 2, 4, 8, 16 and 30 s, each with up to a tenth more.
		if took := time.Since(start); took < 61*time.Second || took > 68*time.Second {
			t.Errorf("opened after %s", took)
		}
		h.sameAsFullRead(t)
		h.quiet(t)
	})
}

// A bridge that was away at a poll is read as soon as its stream is open again,
// however long it is to the next poll.
func TestStreamSurvivesFailedPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, nil)
		furnish(h.bridge)
		h.follow(t)
		h.bridge.Restart(30 * time.Second)
		time.Sleep(5 * time.Second)
		if _, err := h.collect(t); collectors.ClassOf(err) != collectors.Transient {
			t.Fatalf("the poll of a bridge that is away: %v", err)
		}
		start := time.Now()
		h.nextResync(t)
		if took := time.Since(start); took > time.Minute {
			t.Errorf("asked for a full read after %s", took)
		}
		h.mustCollect(t)
		h.quiet(t)
	})
}

// A bridge that accepts streams and ends them at once is not asked ever faster.
func TestStreamThatEndsAtOnceBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := 0
		h := newTestHomeV2(t, func(b http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, "/eventstream") {
					opened++
					w.Header().Set("Content-Type", "text/event-stream")
					return
				}
				b.ServeHTTP(w, r)
			})
		}, nil)
		furnish(h.bridge)
		h.mustCollect(t)
		for range 10 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			for ctx.Err() == nil {
				if _, err := h.collector.Next(ctx); errors.Is(err, collectors.ErrResync) {
					h.collect(t)
				}
			}
			cancel()
			h.collect(t)
		}
		// One read at each poll and at the first opening.
		if reads := h.bridge.RequestsTo("/clip/v2/resource"); opened > 30 || reads > 12 {
			t.Errorf("opened %d times and read %d times in ten minutes", opened, reads)
		}
	})
}

func TestFloodOfEventsIsQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, nil)
		furnish(h.bridge)
		h.follow(t)
		h.bridge.Flood(1000)
		for n := range 1000 {
			if u := h.next(t); len(u.Devices) != 1 || u.Devices[0].ID != hallID {
				t.Fatalf("update %d: %+v", n, u)
			}
		}
		h.quiet(t)
		h.sameAsFullRead(t)
	})
}

// Dropped events are reported, and cause a full read.
func TestFullInboxCausesFullRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, nil)
		furnish(h.bridge)
		h.follow(t)
		h.bridge.Flood(6000)
		for range 3 {
			time.Sleep(time.Millisecond)
			h.bridge.PressButton(dimmerMAC, 1, "initial_press")
		}
		synctest.Wait()
		for n := 0; ; n++ {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := h.collector.Next(ctx)
			cancel()
			if errors.Is(err, collectors.ErrResync) {
				if n < 4096 {
					t.Errorf("a full read is wanted after %d updates already", n)
				}
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		s, err := h.collect(t)
		if err != nil || len(s.Faults) != 1 || !strings.HasPrefix(s.Faults[0].Error(), "up to 3 presses of buttons") {
			t.Errorf("%v, faults %v", err, s.Faults)
		}
		// The full read has the last one.
		if u := h.next(t); len(u.Events) != 1 || u.Events[0].Key != "button_1" {
			t.Errorf("%+v", u)
		}
		h.quiet(t)
		h.sameAsFullRead(t)
	})
}

// Events during a full read are published after it, once, and undo
// nothing.
func TestEventsDuringFullReadAreMerged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, nil)
		furnish(h.bridge)
		h.follow(t)
		warmer, warmest := hall, hall
		warmer.Temperature, warmest.Temperature = 23, 24
		h.bridge.SetMotionSensor(warmer)
		h.bridge.Rename(doorMAC, "Gate")
		h.bridge.PressButton(dimmerMAC, 3, "initial_press")
		time.Sleep(time.Second)
		h.bridge.SetMotionSensor(warmest)
		h.bridge.Rename(doorMAC, "Portal")
		synctest.Wait()
		s := h.mustRead(t)
		if d := deviceIn(t, s, hallID); d.Readings[collectors.Temperature] != collectors.Number(24) {
			t.Errorf("%+v", d)
		}
		u := h.next(t)
		if len(u.Events) != 1 || u.Events[0].Key != "button_3" || len(u.Devices) != 1 || u.Devices[0].ID != dimmerID {
			t.Errorf("%+v", u)
		}
		h.quiet(t)
		h.sameAsFullRead(t)
	})
}

// A press that was missed is published late, and none is published twice.
func TestPressesArePublishedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, nil)
		furnish(h.bridge)
		h.bridge.PressButton(dimmerMAC, 1, "initial_press")
		h.follow(t)
		h.quiet(t)
		h.bridge.CutStreams()
		synctest.Wait()
		h.bridge.PressButton(dimmerMAC, 1, "short_release")
		h.nextResync(t)
		h.mustCollect(t)
		if u := h.next(t); len(u.Events) != 1 || u.Events[0].Type != "short_release" {
			t.Errorf("%+v", u)
		}
		h.quiet(t)
		time.Sleep(time.Second)
		h.bridge.PressButton(dimmerMAC, 1, "initial_press")
		if u := h.next(t); len(u.Events) != 1 {
			t.Errorf("%+v", u)
		}
		time.Sleep(time.Second)
		h.mustRead(t)
		h.quiet(t)
	})
}

// Somebody who opens the door and shuts it within a second did both.
func TestTwoChangesOfOneResourceAreBothPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, nil)
		furnish(h.bridge)
		h.follow(t)
		id := h.collector.ServiceID(doorID, "contact")
		part := func(state string) string {
			return `{"id":"` + id + `","type":"contact","contact_report":{"state":"` + state + `"}}`
		}
		h.bridge.SendEvent("update", part("contact"), part("no_contact"))
		for _, open := range []bool{false, true} {
			if u := h.next(t); len(u.Devices) != 1 || u.Devices[0].Readings[collectors.Contact] != collectors.Bool(open) {
				t.Errorf("%+v, want open %t", u, open)
			}
		}
		h.quiet(t)
	})
}

// Updates that were pending during a full read do not undo it.
func TestFullReadDropsOlderStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, nil)
		furnish(h.bridge)
		h.follow(t)
		id, button := h.collector.ServiceID(doorID, "contact"), h.collector.ServiceID(dimmerID, "button")
		part := func(state string) string {
			return `{"id":"` + id + `","type":"contact","contact_report":{"state":"` + state + `"}}`
		}
		h.bridge.SendEvent("update", part("contact"), part("no_contact"), part("contact"),
			`{"id":"`+button+`","type":"button","button":{"button_report":{"event":"initial_press","updated":"2025-11-18T14:30:00Z"}}}`)
		h.next(t)
		h.mustRead(t)
		if u := h.next(t); len(u.Devices) != 0 || len(u.Events) != 1 {
			t.Errorf("%+v", u)
		}
		h.quiet(t)
		h.sameAsFullRead(t)
	})
}

// A resource that no full read understands does not make one after the other.
func TestUpdatesOfMalformedResourceAreIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, func(b http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/clip/v2/resource" {
					huetest.Body(`{"data":[{"id":"d","type":"device","services":[]},{"id":"x","type":"motion","motion":7}]}`)(w, r)
					return
				}
				b.ServeHTTP(w, r)
			})
		}, nil)
		h.collect(t)
		h.nextResync(t)
		if s, err := h.collect(t); err != nil || len(s.Faults) != 1 {
			t.Errorf("%v, faults %v", err, s.Faults)
		}
		h.bridge.SendEvent("update", `{"id":"x","type":"motion","motion":{"motion_report":{"motion":true}}}`)
		h.quiet(t)
	})
}

func TestRoomIsTheArea(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, nil)
		furnish(h.bridge)
		h.follow(t)
		h.bridge.SetRoom("Hallway", lampMAC, doorMAC)
		for _, d := range h.drain(t) {
			if d.ID == hallID && d.Area != "" {
				t.Errorf("%+v", d)
			}
		}
		h.sameAsFullRead(t)
	})
}

// drain takes updates and demands until nothing comes, and returns all devices.
func (h *testHome) drain(t testing.TB) (all []collectors.Device) {
	t.Helper()
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		u, err := h.collector.Next(ctx)
		cancel()
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			return all
		case errors.Is(err, collectors.ErrResync):
			h.mustCollect(t)
		}
		all = append(all, u.Devices...)
	}
}

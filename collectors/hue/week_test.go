package hue_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/huetest"
)

// live polls and follows the stream as the bridge package does, until a time, and
// returns the events.
func (h *testHome) live(t testing.TB, until time.Time, interval time.Duration) (events []collectors.Event) {
	t.Helper()
	for due := time.Now(); due.Before(until); due = due.Add(interval) {
		if _, err := h.collect(t); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithDeadline(t.Context(), due.Add(interval))
		for ctx.Err() == nil {
			u, err := h.collector.Next(ctx)
			events = append(events, u.Events...)
			if errors.Is(err, collectors.ErrResync) {
				if _, err := h.collect(t); err != nil {
					t.Fatal(err)
				}
			}
		}
		cancel()
	}
	return events
}

// checkOnce wants each press exactly once, in order. Presses alternate.
func checkOnce(t testing.TB, events []collectors.Event, pressed int) {
	t.Helper()
	if len(events) != pressed {
		t.Errorf("%d events of %d presses", len(events), pressed)
	}
	for i := range min(len(events), pressed) {
		if want := pressTypes[i%2]; events[i].Type != want {
			t.Errorf("event %d is %s, want %s", i, events[i].Type, want)
			return
		}
	}
}

var pressTypes = []string{"initial_press", "short_release"}

// press presses a button at each of these times after now, in their order.
func (h *testHome) press(t testing.TB, after []time.Duration) (done func()) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		began := time.Now()
		for i, at := range after {
			time.Sleep(time.Until(began.Add(at)))
			h.bridge.PressButton(dimmerMAC, 1, pressTypes[i%2])
		}
	}()
	return func() { <-ended }
}

// A press every 7 minutes for a week, at all moments relative to the replacement of
// a silent stream, which takes its time.
func TestQuietWeekCausesFewRequests(t *testing.T) {
	const week = 7 * 24 * time.Hour
	var after []time.Duration
	for at, i := time.Duration(0), 0; at < week-10*time.Minute; i++ {
		// Silent streams are replaced every 2 minutes: presses come from 1 minute
		// before to 1 minute after the third time, in steps of 83 ms.
		at += 7*time.Minute + time.Duration(i*733%1440)*time.Minute/720 - time.Minute
		after = append(after, at)
	}
	for _, replay := range []bool{true, false} {
		t.Run(fmt.Sprintf("replay %t", replay), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouseWithoutTLS(t)
				furnish(h.bridge)
				h.bridge.SetReplay(replay)
				h.bridge.SetLatency(300 * time.Millisecond)
				done := h.press(t, after)
				events := h.live(t, time.Now().Add(week), 10*time.Minute)
				done()
				checkOnce(t, events, len(after))
				// One at the start, one when the stream opens, then every 10 minutes.
				if reads, limit := h.fullReads(), int(week/(10*time.Minute))+2; reads > limit {
					t.Errorf("%d full reads, want at most %d", reads, limit)
				}
			})
		})
	}
}

// newTestHomeWithoutTLS is newTestHomeV2 without the time that a week of handshakes takes.
func newHouseWithoutTLS(t testing.TB) *testHome {
	t.Helper()
	var bridge *huetest.Bridge
	h := newTestHome(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.TLS = &tls.ConnectionState{}
		bridge.ServeHTTP(w, r)
	}), nil)
	bridge = h.bridge
	h.collector.SetTransport2(&http.Transport{DialTLSContext: h.dial, DisableKeepAlives: true})
	return h
}

// There are never more than two requests side by side, also where polls, full reads
// and new streams coincide.
func TestAtMostTwoConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Counted here: a bridge learns late that a connection was closed.
		var open, highest atomic.Int64
		h := newTestHomeV2(t, nil, func(o *hue.Options) {
			dial := o.DialContext
			o.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := dial(ctx, network, address)
				if err == nil {
					highest.Store(max(highest.Load(), open.Add(1)))
					conn = &countedConn{conn, sync.OnceFunc(func() { open.Add(-1) })}
				}
				return conn, err
			}
		})
		furnish(h.bridge)
		h.bridge.SetLatency(700 * time.Millisecond)
		for i := range 20 {
			time.AfterFunc(time.Duration(i)*107*time.Second, h.bridge.CutStreams)
		}
		h.live(t, time.Now().Add(2*time.Hour), 10*time.Second)
		if n := highest.Load(); n != 2 {
			t.Errorf("%d requests side by side, want 2 at most", n)
		}
	})
}

// countedConn reports when it is closed.
type countedConn struct {
	net.Conn
	closed func()
}

func (c *countedConn) Close() error {
	c.closed()
	return c.Conn.Close()
}

// fullReads returns the number of full reads.
func (h *testHome) fullReads() int { return h.bridge.RequestsTo("/clip/v2/resource") }

// A press at any moment around a cut is published once, whether the bridge repeats
// what came in between or not.
func TestPressesAroundACutArePublishedOnce(t *testing.T) {
	cuts := map[string]func(*huetest.Bridge){
		"cut":     (*huetest.Bridge).CutStreams,
		"restart": func(b *huetest.Bridge) { b.Restart(3 * time.Second) },
		"boot":    func(b *huetest.Bridge) { b.RestartBooting(2*time.Second, 20*time.Second) },
	}
	for name, cut := range cuts {
		for _, replay := range []bool{true, false} {
			for _, age := range []time.Duration{5 * time.Second, 100 * time.Second} {
				t.Run(fmt.Sprintf("%s, replay %t, stream of %s", name, replay, age), func(t *testing.T) {
					for offset := -time.Second; offset < 3*time.Second; offset += 347 * time.Millisecond {
						synctest.Test(t, func(t *testing.T) {
							h := newTestHomeV2(t, nil, nil)
							furnish(h.bridge)
							h.bridge.SetReplay(replay)
							h.bridge.SetLatency(50 * time.Millisecond)
							time.AfterFunc(age, func() { cut(h.bridge) })
							done := h.press(t, []time.Duration{age + offset})
							events := h.live(t, time.Now().Add(4*time.Minute), time.Minute)
							done()
							if len(events) != 1 {
								t.Errorf("pressed %s after the cut: %v", offset, events)
							}
						})
					}
				})
			}
		}
	}
}

// A press and its release in a gap keep their order where the bridge repeats them.
func TestReplayKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, nil)
		furnish(h.bridge)
		time.AfterFunc(40*time.Second, func() {
			h.bridge.SetLatency(time.Second)
			h.bridge.CutStreams()
		})
		after := []time.Duration{10 * time.Second, 20 * time.Second, 40*time.Second + 100*time.Millisecond, 40*time.Second + 300*time.Millisecond}
		done := h.press(t, after)
		events := h.live(t, time.Now().Add(2*time.Minute), time.Minute)
		done()
		checkOnce(t, events, len(after))
		ids := h.bridge.LastEventIDs()
		if len(ids) != 2 || ids[0] != "" || ids[1] == "" {
			t.Errorf("streams were opened after %q", ids)
		}
	})
}

// A stream that dies without a sign is noticed after two minutes; the bridge then
// repeats what it sent meanwhile.
func TestPressesOnDeadStreamArePublished(t *testing.T) {
	for _, replay := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			h := newTestHomeV2(t, nil, nil)
			furnish(h.bridge)
			h.bridge.SetReplay(replay)
			time.AfterFunc(30*time.Second, h.bridge.SilenceStreams)
			done := h.press(t, []time.Duration{10 * time.Second, 50 * time.Second})
			events := h.live(t, time.Now().Add(15*time.Minute), time.Minute)
			done()
			checkOnce(t, events, 2)
		})
	}
}

// A stream that dies before its first event has no id that it could be resumed after.
func TestDeadStreamIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, nil)
		furnish(h.bridge)
		h.live(t, time.Now().Add(20*time.Second), 10*time.Second)
		h.bridge.SilenceStreams()
		warmer := hall
		warmer.Temperature += 5
		h.bridge.SetMotionSensor(warmer)
		h.live(t, time.Now().Add(130*time.Second), 10*time.Second)
		if got := deviceIn(t, h.mustCollect(t), hallID).Readings[collectors.Temperature]; got != collectors.Number(warmer.Temperature) {
			t.Errorf("temperature %s, want %v", got, warmer.Temperature)
		}
	})
}

// A request that is not answered raises doubt about the stream beside it, which is then
// replaced at once.
func TestFailedRequestReplacesTheStream(t *testing.T) {
	for _, replay := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			h := newTestHomeV2(t, nil, nil)
			furnish(h.bridge)
			h.bridge.SetReplay(replay)
			h.live(t, time.Now().Add(30*time.Second), 10*time.Second)
			h.bridge.SilenceStreams()
			h.bridge.ScriptPath("/auth/v1", huetest.Hang)
			h.live(t, time.Now().Add(20*time.Second), 10*time.Second)
			warmer := hall
			warmer.Temperature += 5
			h.bridge.SetMotionSensor(warmer)
			h.live(t, time.Now().Add(time.Second), time.Second)
			if got := deviceIn(t, h.mustCollect(t), hallID).Readings[collectors.Temperature]; got != collectors.Number(warmer.Temperature) {
				t.Errorf("replay %t: temperature %s, want %v", replay, got, warmer.Temperature)
			}
		})
	}
}

// An old report, of 1970 or of before the last full read, publishes nothing and
// changes nothing.
func TestOldReportsAreNotPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, nil)
		furnish(h.bridge)
		h.bridge.PressButton(dimmerMAC, 2, "initial_press")
		h.bridge.Turn(dialMAC, "clock_wise", 15)
		h.follow(t)
		button := h.collector.ServiceID(dimmerID, "button")
		h.bridge.RepeatReports()
		h.quiet(t)
		for _, updated := range []string{"1970-01-01T00:00:00Z", "1999-12-31T12:00:00.000Z"} {
			h.bridge.SendEvent("update", `{"id":"`+button+`","type":"button","button":{"button_report":{"event":"short_release","updated":"`+updated+`"},"last_event":"short_release"}}`)
			if updated[:4] == "1970" {
				h.quiet(t)
			}
		}
		h.next(t) // the first report of this button
		for range 3 {
			time.Sleep(time.Minute)
			h.bridge.PressButton(dimmerMAC, 1, "initial_press")
			if u := h.next(t); len(u.Events) != 1 {
				t.Errorf("%+v", u)
			}
			h.bridge.RepeatReports()
			h.bridge.SendEvent("update", `{"id":"`+button+`","type":"button","button":{"button_report":{"event":"long_release","updated":"1999-12-31T11:00:00.000Z"}}}`)
			h.quiet(t)
		}
		h.mustRead(t)
		h.quiet(t)
		h.sameAsFullRead(t)
	})
}

// What a press starts must not start long after it.
func TestLatePressIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, nil)
		furnish(h.bridge)
		h.follow(t)
		h.bridge.SetReplay(false)
		h.bridge.CutStreams()
		h.bridge.ScriptPath("/eventstream", slices.Repeat([]http.HandlerFunc{huetest.Busy(0)}, 60)...)
		time.Sleep(time.Minute)
		h.bridge.PressButton(dimmerMAC, 1, "initial_press")
		time.Sleep(20 * time.Minute)
		h.mustReadWithFaults(t)
		if u, err := h.updateWithin(t, 5*time.Second); err == nil {
			t.Errorf("%+v", u)
		}
	})
}

// Scenes come and go often; nothing of them is read.
func TestOtherKindsCauseNoFullRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, nil)
		furnish(h.bridge)
		h.follow(t)
		before := h.fullReads()
		for _, kind := range []string{"add", "delete"} {
			h.bridge.SendEvent(kind, `{"id":"s","type":"scene","metadata":{"name":"Sunset"}}`, `{"id":"g","type":"geofence_client"}`)
		}
		h.quiet(t)
		if n := h.fullReads() - before; n != 0 {
			t.Errorf("%d full reads", n)
		}
		h.bridge.SendEvent("add", `{"id":"s","type":"scene"}`, `{"id":"m","type":"motion"}`)
		h.nextResync(t)
	})
}

// A bridge that keeps sending malformed events is not read all the
// time.
func TestMalformedEventsRarelyCauseFullReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, nil)
		furnish(h.bridge)
		h.follow(t)
		before := h.fullReads()
		stop := make(chan struct{})
		go func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Second):
					h.bridge.SendEvent("update", `{"id":"x","type":"motion","motion":{}}`)
				}
			}
		}()
		h.live(t, time.Now().Add(5*time.Minute), time.Minute)
		close(stop)
		if n := h.fullReads() - before; n > 36 {
			t.Errorf("%d full reads in five minutes", n)
		}
	})
}

// While the stream lives, what it brought is published at each poll and the bridge
// is read every 10 minutes. Without a stream each poll reads.
func TestFullReadsAreRare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHomeV2(t, nil, nil)
		furnish(h.bridge)
		h.follow(t)
		before, streams := h.fullReads(), h.bridge.RequestsTo("/eventstream")
		changed := hall
		changed.Temperature = 25
		time.AfterFunc(90*time.Second, func() { h.bridge.SetMotionSensor(changed) })
		h.live(t, time.Now().Add(5*time.Minute), time.Minute)
		if d := deviceIn(t, h.mustCollect(t), hallID); d.Readings[collectors.Temperature] != collectors.Number(25) {
			t.Errorf("%+v", d)
		}
		if n := h.fullReads() - before; n != 0 {
			t.Errorf("%d full reads in five minutes of a living stream", n)
		}
		h.live(t, time.Now().Add(time.Hour), time.Minute)
		if n := h.fullReads() - before; n < 5 || n > 6 {
			t.Errorf("%d full reads in an hour", n)
		}
		if n := h.bridge.RequestsTo("/eventstream") - streams; n > 33 {
			t.Errorf("%d streams in an hour", n)
		}
		h.mustRead(t)

		h.bridge.ScriptPath("/eventstream", slices.Repeat([]http.HandlerFunc{huetest.Busy(0)}, 100)...)
		h.bridge.CutStreams()
		synctest.Wait()
		before = h.fullReads()
		h.live(t, time.Now().Add(10*time.Minute), time.Minute)
		if n := h.fullReads() - before; n != 10 {
			t.Errorf("%d full reads in ten minutes without a stream", n)
		}
	})
}

// One that does not know CLIP v2 for a moment, as while it boots, is not asked by
// CLIP v1 from then on.
func Test404WhileBootingIsTransient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		notFound := huetest.Status(http.StatusNotFound, nil, "")
		for name, before := range map[string]func(h *testHome){
			"after v2 has worked": func(h *testHome) { h.mustCollect(t) },
			"at the first poll":   func(*testHome) {},
		} {
			h := newTestHomeV2(t, nil, nil)
			furnish(h.bridge)
			before(h)
			old := h.bridge.Requests()
			h.bridge.ScriptPath("/clip/v2/resource", notFound)
			h.mustCollect(t)
			read := h.fullReads()
			time.Sleep(time.Minute)
			deviceIn(t, h.mustCollect(t), tapID)
			if n := h.fullReads() - read; n != 1 || strings.HasPrefix(name, "after") && h.bridge.Requests() != old {
				t.Errorf("%s: %d reads by v2, %d by v1", name, n, h.bridge.Requests()-old)
			}
			h.collector.Close()
		}
	})
}

// mustReadWithFaults is mustRead where there is no stream.
func (h *testHome) mustReadWithFaults(t testing.TB) {
	t.Helper()
	h.collector.Refresh()
	if _, err := h.collect(t); err != nil {
		t.Fatal(err)
	}
}

// updateWithin returns the next update or demand.
func (h *testHome) updateWithin(t testing.TB, d time.Duration) (collectors.Update, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	return h.collector.Next(ctx)
}

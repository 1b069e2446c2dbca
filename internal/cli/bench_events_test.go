package cli

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hueair2mqtt/collectors/hue/huetest"
	"hueair2mqtt/test/harness"
)

const (
	eventsMAC = "00:17:88:01:02:03:04:05"
	eventPace = time.Second / 50
)

// newEventsHome is a paired home with a sensor and a dimmer, and the program.
func newEventsHome(b *testing.B, interval string) *benchHome {
	b.Helper()
	h := newBenchHome(b)
	h.Hue.SetMotionSensor(huetest.MotionSensor{MAC: eventsMAC, Name: "Hall", Battery: 90, Reachable: true})
	h.Hue.SetSwitch(huetest.Switch{MAC: "00:17:88:01:02:03:04:07", Name: "Dimmer", Type: "ZLLSwitch", Battery: 90, Reachable: true})
	h.run(buildShipped(b), interval, "")
	return h
}

// delays are what one way of delivering took, event by event.
type delays []time.Duration

func (d delays) percentile(share float64) time.Duration {
	sorted := slices.Sorted(slices.Values(d))
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}

// BenchmarkEvents measures how long an event is on its way from the Hue bridge to
// an MQTT subscriber, at 50 events a second, through the whole program and a real
// Mosquitto; and, event by event in the same run, how long a bare publish with
// paho takes through the same broker. A round is one event. The ratios are what
// counts: a machine that is slow is so for both.
func BenchmarkEvents(b *testing.B) {
	h := newEventsHome(b, "1h")
	states := h.arrivals("hueair2mqtt/" + harness.HallID)
	bare := h.arrivals("bare")
	harness.Eventually(b, "the event stream", func() bool { return h.Hue.Streams() == 1 })
	temperature := func(n int) float64 { return float64(n%4000) / 100 }
	move := func(n int) {
		h.Hue.SetMotionSensor(huetest.MotionSensor{MAC: eventsMAC, Name: "Hall", Temperature: temperature(n), Battery: 90, Reachable: true})
	}
	// The first full reads must be over.
	move(1)
	states.next(fmt.Sprintf(`"temperature":%v}`, temperature(1)))
	time.Sleep(2 * time.Second)

	// An event and a bare publish take turns, so that both meet processes which have
	// been idle for as long.
	var through, direct delays
	pace := time.NewTicker(eventPace / 2)
	defer pace.Stop()
	n := 1
	for b.Loop() {
		n++
		<-pace.C
		move(n)
		through = append(through, states.next(fmt.Sprintf(`"temperature":%v}`, temperature(n))).Sub(h.Hue.LastSent()))

		<-pace.C
		text := fmt.Sprintf(`{"temperature":%d}`, n)
		began := time.Now()
		bare.client.Publish("bare", 1, true, text)
		direct = append(direct, bare.next(text).Sub(began))
	}
	for _, p := range []struct {
		name  string
		share float64
	}{{"p50", 0.5}, {"p99", 0.99}} {
		t, d := through.percentile(p.share), direct.percentile(p.share)
		b.ReportMetric(float64(t.Microseconds()), "µs-"+p.name)
		b.ReportMetric(float64(d.Microseconds()), "µs-bare-"+p.name)
		b.ReportMetric(float64(t)/float64(d), "ratio-"+p.name)
	}
}

// BenchmarkEventsByPolling measures the same way with the events left out: a Hue
// bridge whose software is too old for them, polled every second.
func BenchmarkEventsByPolling(b *testing.B) {
	h := newEventsHome(b, "1s")
	states := h.arrivals("hueair2mqtt/" + harness.HallID)
	h.Hue.SetSoftware("1941132080")
	h.Hue.CutStreams()
	var through delays
	for n := 1; b.Loop(); n++ {
		began := time.Now()
		h.Hue.SetMotionSensor(huetest.MotionSensor{MAC: eventsMAC, Name: "Hall", Temperature: float64(n%4000) / 100, Battery: 90, Reachable: true})
		through = append(through, states.next(fmt.Sprintf(`"temperature":%v}`, float64(n%4000)/100)).Sub(began))
		time.Sleep(time.Duration(n*137%1000) * time.Millisecond) // not in step with the polls
	}
	b.ReportMetric(float64(through.percentile(0.5).Milliseconds()), "ms-p50")
	b.ReportMetric(float64(through.percentile(0.99).Milliseconds()), "ms-p99")
}

// BenchmarkEventsLost counts the presses of buttons that are lost out of 100,000,
// one a millisecond as long as no more than 100 are on their way. A press is told
// from another one by its button, its type and the millisecond in which the Hue
// bridge saw it, so buttons and types take turns.
func BenchmarkEventsLost(b *testing.B) {
	const presses, onTheWay = 100_000, 100
	types := []string{"initial_press", "short_release"}
	h := newEventsHome(b, "1h")
	events := h.arrivals("hueair2mqtt/hue_0017880102030407/+")
	harness.Eventually(b, "the event stream", func() bool { return h.Hue.Streams() == 1 })
	time.Sleep(3 * time.Second) // the first full reads must be over
	for b.Loop() {
		free := make(chan struct{}, onTheWay)
		var counting sync.WaitGroup
		arrived := 0
		counting.Go(func() {
			for arrived < presses {
				select {
				case e := <-events.messages:
					if strings.Contains(e.payload, "event_type") {
						arrived++
						<-free
					}
				case <-time.After(harness.Patience):
					return
				}
			}
		})
		began := time.Now()
		pace := time.NewTicker(time.Millisecond)
		sent := 0
		for ; sent < presses; sent++ {
			<-pace.C
			if !offer(free) {
				break
			}
			h.Hue.PressButton("00:17:88:01:02:03:04:07", 1+sent%4, types[sent/4%2])
		}
		pace.Stop()
		counting.Wait()
		b.ReportMetric(float64(presses-arrived), "lost")
		b.ReportMetric(float64(arrived)/time.Since(began).Seconds(), "events/s")
	}
}

// offer takes a place, and gives up when none becomes free.
func offer(free chan<- struct{}) bool {
	select {
	case free <- struct{}{}:
		return true
	case <-time.After(harness.Patience):
		return false
	}
}

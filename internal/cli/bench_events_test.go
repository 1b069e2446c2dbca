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

// newEventsHome starts a paired home with a sensor and a dimmer, and the program.
func newEventsHome(b *testing.B, interval string) *benchHome {
	b.Helper()
	h := newBenchHome(b)
	h.Hue.SetMotionSensor(huetest.MotionSensor{MAC: eventsMAC, Name: "Hall", Battery: 90, Reachable: true})
	h.Hue.SetSwitch(huetest.Switch{MAC: "00:17:88:01:02:03:04:07", Name: "Dimmer", Type: "ZLLSwitch", Battery: 90, Reachable: true})
	h.run(buildShipped(b), interval, "")
	return h
}

// delays are the latencies of one way of delivery.
type delays []time.Duration

func (d delays) percentile(share float64) time.Duration {
	sorted := slices.Sorted(slices.Values(d))
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}

// BenchmarkEvents measures the latency of an event from the Hue bridge to an MQTT subscriber at 50
// events a second, through the program and Mosquitto, and in the same run the latency of a bare
// publish with paho through the same broker. A round is one event. The ratios matter: a slow
// machine slows both.
func BenchmarkEvents(b *testing.B) {
	h := newEventsHome(b, "1h")
	states := h.arrivals("hueair2mqtt/" + harness.HallID)
	bare := h.arrivals("bare")
	harness.Eventually(b, "the event stream", func() bool { return h.Hue.Streams() == 1 })
	temperature := func(n int) float64 { return float64(n%4000) / 100 }
	move := func(n int) {
		h.Hue.SetMotionSensor(huetest.MotionSensor{MAC: eventsMAC, Name: "Hall", Temperature: temperature(n), Battery: 90, Reachable: true})
	}
	// Wait for the first full reads.
	move(1)
	states.next(fmt.Sprintf(`"temperature":%v}`, temperature(1)))
	time.Sleep(2 * time.Second)

	// Events and bare publishes alternate, so that processes have been idle for the same time.
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

// BenchmarkEventsByPolling measures the same latency without events: the software of the Hue bridge
// is too old for them, and it is polled every second.
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

// BenchmarkEventsLost counts how many of 100,000 button presses are lost, at one a millisecond with
// at most 100 under way. The button, the type and the millisecond identify a press, so buttons and
// types alternate.
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

// offer takes a slot and returns false if none becomes free.
func offer(free chan<- struct{}) bool {
	select {
	case free <- struct{}{}:
		return true
	case <-time.After(harness.Patience):
		return false
	}
}

package cli

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"hueair2mqtt/collectors/hue/huetest"
)

const (
	eventsMAC = "00:17:88:01:02:03:04:05"
	eventPace = time.Second / 50
)

// newEventsHouse is a paired house with a sensor and a dimmer, and the program.
func newEventsHouse(b *testing.B, interval string) *pairedHouse {
	b.Helper()
	h := newPairedHouse(b)
	h.hue.SetMotionSensor(huetest.MotionSensor{MAC: eventsMAC, Name: "Hall", Battery: 90, Reachable: true})
	h.hue.SetSwitch(huetest.Switch{MAC: "00:17:88:01:02:03:04:07", Name: "Dimmer", Type: "ZLLSwitch", Battery: 90, Reachable: true})
	startShipped(b, h.dir, h.config(interval))
	return h
}

// arrivals notes when messages of a topic come, in their order.
type arrivals struct {
	client mqtt.Client
	came   chan arrival
}

type arrival struct {
	payload string
	at      time.Time
}

func (m *mosquitto) arrivals(topic string) *arrivals {
	m.t.Helper()
	a := &arrivals{came: make(chan arrival, 200_000)}
	a.client = mqtt.NewClient(mqtt.NewClientOptions().AddBroker(m.url()).SetAutoReconnect(false))
	for _, token := range []func() mqtt.Token{a.client.Connect, func() mqtt.Token {
		return a.client.Subscribe(topic, 1, func(_ mqtt.Client, message mqtt.Message) {
			a.came <- arrival{string(message.Payload()), time.Now()}
		})
	}} {
		if t := token(); !t.WaitTimeout(patience) || t.Error() != nil {
			m.t.Fatalf("the broker: %v", t.Error())
		}
	}
	m.t.Cleanup(func() { a.client.Disconnect(100) })
	return a
}

// next waits for a message that contains a text.
func (a *arrivals) next(b *testing.B, text string) time.Time {
	b.Helper()
	timeout := time.After(patience)
	for {
		select {
		case got := <-a.came:
			if strings.Contains(got.payload, text) {
				return got.at
			}
		case <-timeout:
			b.Fatalf("never came: %s", text)
		}
	}
}

// drain forgets what has come. The retained states of a program that ended stay.
func (a *arrivals) drain() {
	for {
		select {
		case <-a.came:
		default:
			return
		}
	}
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
	h := newEventsHouse(b, "1h")
	states := h.broker.arrivals("hueair2mqtt/" + hall)
	bare := h.broker.arrivals("bare")
	eventually(b, "the event stream", func() bool { return h.hue.Streams() == 1 })
	temperature := func(n int) float64 { return float64(n%4000) / 100 }
	move := func(n int) {
		h.hue.SetMotionSensor(huetest.MotionSensor{MAC: eventsMAC, Name: "Hall", Temperature: temperature(n), Battery: 90, Reachable: true})
	}
	// The first full reads must be over.
	move(1)
	states.next(b, fmt.Sprintf(`"temperature":%v}`, temperature(1)))
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
		through = append(through, states.next(b, fmt.Sprintf(`"temperature":%v}`, temperature(n))).Sub(h.hue.LastSent()))

		<-pace.C
		text := fmt.Sprintf(`{"temperature":%d}`, n)
		began := time.Now()
		bare.client.Publish("bare", 1, true, text)
		direct = append(direct, bare.next(b, text).Sub(began))
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
	h := newEventsHouse(b, "1s")
	states := h.broker.arrivals("hueair2mqtt/" + hall)
	h.hue.SetSoftware("1941132080")
	h.hue.CutStreams()
	var through delays
	for n := 1; b.Loop(); n++ {
		began := time.Now()
		h.hue.SetMotionSensor(huetest.MotionSensor{MAC: eventsMAC, Name: "Hall", Temperature: float64(n%4000) / 100, Battery: 90, Reachable: true})
		through = append(through, states.next(b, fmt.Sprintf(`"temperature":%v}`, float64(n%4000)/100)).Sub(began))
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
	h := newEventsHouse(b, "1h")
	events := h.broker.arrivals("hueair2mqtt/hue_0017880102030407/+")
	eventually(b, "the event stream", func() bool { return h.hue.Streams() == 1 })
	time.Sleep(3 * time.Second) // the first full reads must be over
	for b.Loop() {
		free := make(chan struct{}, onTheWay)
		var counting sync.WaitGroup
		arrived := 0
		counting.Go(func() {
			for arrived < presses {
				select {
				case e := <-events.came:
					if strings.Contains(e.payload, "event_type") {
						arrived++
						<-free
					}
				case <-time.After(patience):
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
			h.hue.PressButton("00:17:88:01:02:03:04:07", 1+sent%4, types[sent/4%2])
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
	case <-time.After(patience):
		return false
	}
}

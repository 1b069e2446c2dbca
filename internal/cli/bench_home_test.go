package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"hueair2mqtt/collectors/hue/huetest"
	"hueair2mqtt/test/harness"
)

// benchHome is a paired home without devices, with a Mosquitto without Nagle's
// algorithm and without bounds.
type benchHome struct {
	*harness.Home
	b *testing.B
}

func newBenchHome(b *testing.B) *benchHome {
	b.Helper()
	broker := harness.StartMosquitto(b, "set_tcp_nodelay true", "max_queued_messages 0", "max_inflight_messages 0", "log_type error")
	h := &benchHome{harness.NewHome(b, harness.Options{Broker: broker}), b}
	h.Pair()
	return h
}

// set gives n motion sensors a temperature.
func (h *benchHome) set(n int, temperature float64) {
	for i := range n {
		h.Hue.SetMotionSensor(huetest.MotionSensor{
			MAC:  fmt.Sprintf("00:17:88:01:02:03:%02x:%02x", i/256, i%256),
			Name: fmt.Sprintf("Sensor %d", i), Temperature: temperature, Lux: 100, Battery: 80, Reachable: true,
		})
	}
}

// buildShipped builds the program as it is shipped, without what the tests add.
func buildShipped(b *testing.B) (file string) {
	b.Helper()
	file = filepath.Join(b.TempDir(), "hueair2mqtt")
	if err := harness.Build(file); err != nil {
		b.Fatal(err)
	}
	return file
}

// run runs a build of the program, which polls the paired Hue bridge. hue is added to
// the section of that name.
func (h *benchHome) run(program, interval, hue string) *harness.Process {
	h.b.Helper()
	h.Configure("hue: {enabled: true, interval: %s, timeout: 1s%s}\nlog: {level: warn}\n", interval, hue)
	return harness.Start(h.b, exec.Command(program, "run", "--config", h.Config))
}

// arrivals notes when messages of a topic arrive, in their order.
type arrivals struct {
	b        *testing.B
	client   mqtt.Client
	messages chan arrival
}

type arrival struct {
	payload string
	at      time.Time
}

func (h *benchHome) arrivals(topic string) *arrivals {
	h.b.Helper()
	a := &arrivals{b: h.b, client: h.connect(), messages: make(chan arrival, 200_000)}
	token := a.client.Subscribe(topic, 1, func(_ mqtt.Client, message mqtt.Message) {
		a.messages <- arrival{string(message.Payload()), time.Now()}
	})
	if !token.WaitTimeout(harness.Patience) || token.Error() != nil {
		h.b.Fatalf("subscribing: %v", token.Error())
	}
	return a
}

// connect returns a bare client of the broker.
func (h *benchHome) connect() mqtt.Client {
	h.b.Helper()
	client := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(h.Broker.URL()).SetAutoReconnect(false))
	if token := client.Connect(); !token.WaitTimeout(harness.Patience) || token.Error() != nil {
		h.b.Fatalf("connecting: %v", token.Error())
	}
	h.b.Cleanup(func() { client.Disconnect(100) })
	return client
}

// next waits for a message that contains a text.
func (a *arrivals) next(text string) time.Time {
	a.b.Helper()
	timeout := time.After(harness.Patience)
	for {
		select {
		case got := <-a.messages:
			if strings.Contains(got.payload, text) {
				return got.at
			}
		case <-timeout:
			a.b.Fatalf("no message with %s", text)
		}
	}
}

// last waits for n messages and returns the time between the first and the last.
func (a *arrivals) last(n int) time.Duration {
	a.b.Helper()
	timeout := time.After(harness.Patience)
	var first, last time.Time
	for i := range n {
		select {
		case got := <-a.messages:
			last = got.at
			if i == 0 {
				first = got.at
			}
		case <-timeout:
			a.b.Fatalf("only %d of %d messages arrived", i, n)
		}
	}
	return last.Sub(first)
}

// drain discards the messages so far. The retained states of a program that ended
// stay.
func (a *arrivals) drain() {
	for {
		select {
		case <-a.messages:
		default:
			return
		}
	}
}

func residentMiB(p *harness.Process) float64 { return float64(p.Status("VmRSS")) / 1024 }

// processorTime returns what all threads of a process have run, to the nanosecond;
// /proc/PID/stat counts in hundredths of a second. A thread that has exited is not
// counted; Go's do not end.
func processorTime(b *testing.B, p *harness.Process) (total time.Duration) {
	b.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.PID()))
	if err != nil || len(threads) == 0 {
		b.Fatalf("no threads of process %d: %v", p.PID(), err)
	}
	for _, thread := range threads {
		ran, _, _ := strings.Cut(harness.ReadFile(b, thread), " ")
		nanoseconds, err := strconv.ParseInt(ran, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		total += time.Duration(nanoseconds)
	}
	return total
}

// binaryMiB returns the size of a program's file.
func binaryMiB(b *testing.B, file string) float64 {
	b.Helper()
	info, err := os.Stat(file)
	if err != nil {
		b.Fatal(err)
	}
	return float64(info.Size()) / (1 << 20)
}

package cli

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/collectors/hue/huetest"
)

// benchHouse is the program as it is shipped, with a Hue bridge of n motion
// sensors and a real Mosquitto.
type benchHouse struct {
	hue    *huetest.Bridge
	broker *mosquitto
	cmd    *exec.Cmd
	n      int
	asked  chan time.Time // when the Hue bridge was asked
}

func newBenchHouse(b *testing.B, n int, interval string) *benchHouse {
	b.Helper()
	dir := b.TempDir()
	h := &benchHouse{
		hue: huetest.NewBridge("001788fffe010203", hueKey), n: n, asked: make(chan time.Time, 1000),
		broker: startMosquitto(b, "set_tcp_nodelay true", "max_queued_messages 100000", "log_type error"),
	}
	h.set(0)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.asked <- time.Now()
		h.hue.ServeHTTP(w, r)
	}))
	b.Cleanup(server.Close)
	h.cmd = startShipped(b, dir, fmt.Sprintf("mqtt: {broker: %q}\nhue: {enabled: true, interval: %s, timeout: 1s, bridges: [{host: %q, username: %s}]}\nstate_dir: %s\nlog: {level: warn}\n",
		h.broker.url(), interval, server.URL, hueKey, dir))
	return h
}

// set gives every sensor another temperature in each round.
func (h *benchHouse) set(round int) {
	for i := range h.n {
		h.hue.SetMotionSensor(huetest.MotionSensor{
			MAC: fmt.Sprintf("00:17:88:01:02:03:%02x:%02x", i/256, i%256), Name: fmt.Sprintf("Sensor %d", i),
			Temperature: float64(round%50) + 0.25, Lux: 100, Battery: 80, Reachable: true,
		})
	}
}

// count is how many devices have the temperature of a round.
func (l *listener) countStates(round int) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	want := fmt.Sprintf(`"temperature":%v}`, float64(round%50)+0.25)
	for topic, payload := range l.latest {
		if strings.HasPrefix(topic, "hueair2mqtt/hue_") && strings.HasSuffix(payload, want) {
			n++
		}
	}
	return n
}

// BenchmarkThousandDevices measures, for 1,000 devices that all have changed, the
// time from the poll's request to the last state at a subscriber, through a real
// Mosquitto. The first poll announces them all besides.
func BenchmarkThousandDevices(b *testing.B) {
	const devices = 1000
	h := newBenchHouse(b, devices, "1h")
	l := h.broker.listen()
	first := <-h.asked
	eventually(b, "all first states", func() bool { return l.countStates(0) == devices })
	firstPoll := time.Since(first)
	round := 0
	var total time.Duration
	for b.Loop() {
		round++
		h.set(round)
		l.publish("hueair2mqtt/bridge/request/refresh", "", false)
		asked := <-h.asked
		eventually(b, "all states", func() bool { return l.countStates(round) == devices })
		total += time.Since(asked)
	}
	b.ReportMetric(firstPoll.Seconds(), "s/first-poll")
	b.ReportMetric(total.Seconds()/float64(b.N), "s/poll")
}

// BenchmarkResidentMemory reports the resident memory after 60 polls of 20
// devices; a round is one poll.
func BenchmarkResidentMemory(b *testing.B) {
	h := newBenchHouse(b, 20, "1s")
	for range 60 {
		<-h.asked
	}
	for b.Loop() {
		<-h.asked
	}
	b.ReportMetric(residentMiB(b, h.cmd.Process.Pid), "MiB-resident")
}

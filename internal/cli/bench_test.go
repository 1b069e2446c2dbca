package cli

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"hueair2mqtt/test/harness"
)

// newCountedHome returns a home whose program polls n motion sensors by CLIP v1, and the times of
// its requests.
func newCountedHome(b *testing.B, n int, interval string) (h *benchHome, p *harness.Process, asked chan time.Time) {
	b.Helper()
	asked = make(chan time.Time, 1000)
	h = newBenchHome(b)
	if err := os.Remove(h.StateFile("hue.json")); err != nil {
		b.Fatal(err)
	}
	h.set(n, 0.25)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- time.Now()
		h.Hue.ServeHTTP(w, r)
	}))
	b.Cleanup(server.Close)
	bridges := fmt.Sprintf(", bridges: [{host: %q, username: %s}]", server.URL, harness.HueKey)
	return h, h.run(buildShipped(b), interval, bridges), asked
}

// BenchmarkThousandDevices measures the time from the request of a poll until a subscriber has
// received the states of 1,000 devices that have all changed. The first poll also announces them.
func BenchmarkThousandDevices(b *testing.B) {
	const devices = 1000
	h, _, asked := newCountedHome(b, devices, "1h")
	states := h.arrivals("hueair2mqtt/+")
	first := <-asked
	states.last(devices)
	firstPoll := time.Since(first)
	var total time.Duration
	for round := 1; b.Loop(); round++ {
		h.set(devices, float64(round%50)+0.25)
		states.client.Publish("hueair2mqtt/bridge/request/refresh", 1, false, "")
		began := <-asked
		states.last(devices)
		total += time.Since(began)
	}
	b.ReportMetric(firstPoll.Seconds(), "s/first-poll")
	b.ReportMetric(total.Seconds()/float64(b.N), "s/poll")
}

// BenchmarkResidentMemory reports the resident memory after 60 polls of 20 devices. A round is one
// poll.
func BenchmarkResidentMemory(b *testing.B) {
	_, p, asked := newCountedHome(b, 20, "1s")
	for range 60 {
		<-asked
	}
	for b.Loop() {
		<-asked
	}
	b.ReportMetric(residentMiB(p), "MiB-resident")
}

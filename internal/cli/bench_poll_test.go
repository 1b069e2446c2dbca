package cli

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"hueair2mqtt/test/harness"
)

var homeSizes = []int{20, 200, 2000}

// withoutEvents removes the event stream, so that each poll is a full read like Telegraf's.
func (h *benchHome) withoutEvents() {
	h.Hue.ScriptPath("/eventstream", slices.Repeat([]http.HandlerFunc{http.NotFound}, 10_000)...)
}

// BenchmarkPoll measures the processor time of a poll and the resident memory afterwards. A round
// is one poll a second, which publishes every state.
func BenchmarkPoll(b *testing.B) {
	shipped := buildShipped(b)
	for _, n := range homeSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := newBenchHome(b)
			h.set(n, 21.25)
			h.withoutEvents()
			p := h.run(shipped, "1s", "")
			measurePolls(b, h, "/clip/v2/resource", p)
			p.Stop()
		})
	}
}

// measurePolls measures a process that polls the home by itself, after five polls. Each poll
// requests the path once.
func measurePolls(b *testing.B, h *benchHome, path string, p *harness.Process) {
	asked := 5
	h.awaitPoll(path, asked)
	began := processorTime(b, p)
	for b.Loop() {
		asked++
		h.awaitPoll(path, asked)
	}
	b.ReportMetric(float64((processorTime(b, p)-began).Microseconds())/1000/float64(b.N), "cpu-ms/poll")
	b.ReportMetric(residentMiB(p), "MiB-resident")
	b.ReportMetric(0, "ns/op") // of the pause, mostly
}

// awaitPoll waits until the Hue bridge has been asked for a path this many times.
func (h *benchHome) awaitPoll(path string, asked int) {
	h.b.Helper()
	harness.Eventually(h.b, "the poll", func() bool { return h.Hue.RequestsTo(path) >= asked })
}

// allocatedTo names a file to which the test binary, run as the program, writes the bytes that it
// has allocated in total whenever it receives SIGUSR1.
const allocatedTo = "HUEAIR2MQTT_TEST_ALLOCATED_TO"

// writeAllocated answers SIGUSR1.
func writeAllocated(file string) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	go func() {
		for range asked {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			next := file + ".next"
			if err := os.WriteFile(next, binary.BigEndian.AppendUint64(nil, m.TotalAlloc), 0o600); err != nil {
				panic(err)
			}
			if err := os.Rename(next, file); err != nil {
				panic(err)
			}
		}
	}()
}

// BenchmarkPollAllocated measures the bytes that the program allocates in a poll. A round is one
// poll.
func BenchmarkPollAllocated(b *testing.B) {
	for _, n := range homeSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := newBenchHome(b)
			h.set(n, 21.25)
			h.withoutEvents()
			file := filepath.Join(h.Dir, "allocated")
			b.Setenv(asProgram, "1")
			b.Setenv(allocatedTo, file)
			p := h.run(os.Args[0], "1s", "")

			asked := 5
			h.awaitPoll("/clip/v2/resource", asked)
			began := askAllocated(b, p, file)
			for b.Loop() {
				asked++
				h.awaitPoll("/clip/v2/resource", asked)
			}
			b.ReportMetric(float64(askAllocated(b, p, file)-began)/1024/float64(b.N), "KiB-allocated/poll")
			p.Stop()
			b.ReportMetric(0, "ns/op")
		})
	}
}

// askAllocated returns the bytes that a process has allocated in total.
func askAllocated(b *testing.B, p *harness.Process, file string) (bytes uint64) {
	b.Helper()
	if err := os.RemoveAll(file); err != nil {
		b.Fatal(err)
	}
	p.Signal(syscall.SIGUSR1)
	harness.Eventually(b, "the program's answer", func() bool {
		text, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		bytes = binary.BigEndian.Uint64(text)
		return true
	})
	return bytes
}

// BenchmarkStart measures the time from the start of the program until a subscriber receives the
// first state. A round is one start.
func BenchmarkStart(b *testing.B) {
	shipped := buildShipped(b)
	h := newBenchHome(b)
	h.set(20, 21.25)
	states := h.arrivals("hueair2mqtt/+")
	var total time.Duration
	for b.Loop() {
		began := time.Now()
		p := h.run(shipped, "1h", "")
		total += states.next(`"temperature"`).Sub(began)
		p.Stop()
		states.drain()
	}
	b.ReportMetric(float64(total.Microseconds())/1000/float64(b.N), "ms-to-first-state")
	b.ReportMetric(binaryMiB(b, shipped), "MiB-binary")
	b.ReportMetric(0, "ns/op")
}

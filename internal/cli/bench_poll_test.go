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

// withoutEvents makes each poll a full read, as Telegraf's are: the Hue bridge has no
// event stream.
func (h *benchHome) withoutEvents() {
	h.Hue.ScriptPath("/eventstream", slices.Repeat([]http.HandlerFunc{http.NotFound}, 10_000)...)
}

// BenchmarkPoll measures what polling a home costs the program as it is shipped:
// the processor's time a poll, and the resident memory afterwards. A round is one
// poll a second; each publishes every state.
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

// measurePolls measures a process that polls the home by itself, once it has
// settled. The path is one that each poll asks for once.
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

// awaitPoll waits until the Hue bridge was asked for a path so often.
func (h *benchHome) awaitPoll(path string, asked int) {
	h.b.Helper()
	harness.Eventually(h.b, "the poll", func() bool { return h.Hue.RequestsTo(path) >= asked })
}

// allocatedTo has the test binary, when it is the program, write how many bytes it
// has allocated in all to this file when it gets SIGUSR1.
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

// BenchmarkPollAllocated measures the bytes that the program allocates a poll, in a
// process of its own. A round is one poll.
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

// askAllocated returns how many bytes a process has allocated in all.
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

// BenchmarkStart measures the time from the start of the program to the first state
// at a subscriber. A round is one start.
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

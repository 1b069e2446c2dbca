package cli

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
)

var houseSizes = []int{20, 200, 2000}

// withoutEvents makes each poll a full read, as Telegraf's are: the Hue bridge has no
// event stream.
func (h *pairedHouse) withoutEvents() {
	h.hue.ScriptPath("/eventstream", slices.Repeat([]http.HandlerFunc{http.NotFound}, 10_000)...)
}

// BenchmarkPoll measures what polling a house costs the program as it is shipped:
// the processor's time a poll, and the resident memory afterwards. A round is one
// poll a second; each publishes every state.
func BenchmarkPoll(b *testing.B) {
	shipped := buildShipped(b)
	for _, n := range houseSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := newPairedHouse(b)
			h.furnish(n)
			h.withoutEvents()
			cmd := startConfigured(b, shipped, h.dir, h.config("1s"))
			defer terminate(b, cmd)
			measurePolls(b, h, "/clip/v2/resource", cmd.Process.Pid)
		})
	}
}

// measurePolls measures a process that polls the house by itself, once it has
// settled. The path is one that each poll asks for once.
func measurePolls(b *testing.B, h *pairedHouse, path string, pid int) {
	asked := 5
	h.awaitPoll(b, path, asked)
	began := processorTime(b, pid)
	for b.Loop() {
		asked++
		h.awaitPoll(b, path, asked)
	}
	b.ReportMetric(float64((processorTime(b, pid)-began).Microseconds())/1000/float64(b.N), "cpu-ms/poll")
	b.ReportMetric(residentMiB(b, pid), "MiB-resident")
	b.ReportMetric(0, "ns/op") // of the pause, mostly
}

// awaitPoll waits until the Hue bridge was asked for a path so often.
func (h *pairedHouse) awaitPoll(b *testing.B, path string, asked int) {
	b.Helper()
	eventually(b, "the poll", func() bool { return h.hue.RequestsTo(path) >= asked })
}

// allocatedTo has the test binary, when it is the program, write how many bytes it
// has allocated in all to this file when it gets SIGUSR1.
const allocatedTo = "HUEAIR2MQTT_TEST_ALLOCATED_TO"

// tellAllocated answers SIGUSR1.
func tellAllocated(file string) {
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
	for _, n := range houseSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := newPairedHouse(b)
			h.furnish(n)
			h.withoutEvents()
			configFile, file := filepath.Join(h.dir, "hueair2mqtt.yaml"), filepath.Join(h.dir, "allocated")
			if err := os.WriteFile(configFile, []byte(h.config("1s")), 0o600); err != nil {
				b.Fatal(err)
			}
			cmd := exec.Command(os.Args[0], "run", "--config", configFile)
			cmd.Env = append(os.Environ(), asProgram+"=1", allocatedTo+"="+file)
			startChild(b, cmd)
			defer terminate(b, cmd)

			asked := 5
			h.awaitPoll(b, "/clip/v2/resource", asked)
			began := askAllocated(b, cmd.Process.Pid, file)
			for b.Loop() {
				asked++
				h.awaitPoll(b, "/clip/v2/resource", asked)
			}
			b.ReportMetric(float64(askAllocated(b, cmd.Process.Pid, file)-began)/1024/float64(b.N), "KiB-allocated/poll")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// askAllocated returns how many bytes a process has allocated in all.
func askAllocated(b *testing.B, pid int, file string) (bytes uint64) {
	b.Helper()
	if err := os.RemoveAll(file); err != nil {
		b.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGUSR1); err != nil {
		b.Fatal(err)
	}
	eventually(b, "the program's answer", func() bool {
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
	h := newPairedHouse(b)
	h.furnish(20)
	states := h.broker.arrivals("hueair2mqtt/+")
	var total time.Duration
	for b.Loop() {
		began := time.Now()
		cmd := startConfigured(b, shipped, h.dir, h.config("1h"))
		total += states.next(b, `"temperature"`).Sub(began)
		terminate(b, cmd)
		states.drain()
	}
	b.ReportMetric(float64(total.Microseconds())/1000/float64(b.N), "ms-to-first-state")
	b.ReportMetric(binaryMiB(b, shipped), "MiB-binary")
	b.ReportMetric(0, "ns/op")
}

package bridge_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/huetest"
	"hueair2mqtt/test/harness"
)

// pollsWanted is the variable with the number of polls of TestPolls, for the benchmark.
const pollsWanted = "HUEAIR2MQTT_TEST_POLLS"

// Many polls leave no goroutine behind. The memory is logged for the benchmark: it is
// that of the bridge, the Hue bridge and the broker in one process.
func TestPolls(t *testing.T) {
	polls := 2000
	if text := os.Getenv(pollsWanted); text != "" {
		var err error
		if polls, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		const key = "key"
		hueBridge := huetest.NewBridge("001788fffe010203", key)
		for i := range 2 {
			hueBridge.SetMotionSensor(huetest.MotionSensor{
				MAC: fmt.Sprintf("00:17:88:01:02:03:04:%02x", i), Name: fmt.Sprintf("Sensor %d", i),
				Temperature: 21, Lux: 100, Battery: 80, Reachable: true,
			})
		}
		listener := harness.NewNetwork()
		server := &http.Server{Handler: hueBridge}
		go server.Serve(listener)
		defer server.Close()
		collector, err := hue.New(hue.Options{
			Host: "http://192.0.2.1", Username: key,
			DialContext: listener.DialContext,
		})
		if err != nil {
			t.Fatal(err)
		}
		h := newHome(t)
		defer h.stopBroker()
		h.forgetful, h.options.Log = true, zap.NewNop() // the test's own records would grow
		h.options.Tasks = []bridge.Task{{Collector: collector, Interval: time.Second, AlertFile: "ALERT.txt"}}
		h.start()
		defer h.stop()

		const early = 1000
		after(early*time.Second - time.Second/2)
		goroutines := runtime.NumGoroutine()
		logMemory(t, early)
		after(time.Duration(polls-early) * time.Second)
		logMemory(t, polls)
		if got := runtime.NumGoroutine(); got != goroutines {
			t.Errorf("%d goroutines after %d polls, %d after %d", goroutines, early, got, polls)
		}
		if got := hueBridge.Requests(); got < polls {
			t.Errorf("%d requests to the Hue bridge, want %d", got, polls)
		}
	})
}

// logMemory logs the resident memory of this process and the heap in use. Virtual time
// costs the runtime about 40 bytes per poll outside the heap (MemStats.OtherSys, Go 1.26),
// which are part of the resident memory; real time does not.
func logMemory(t *testing.T, polls int) {
	t.Helper()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			t.Logf("after %d polls: %s resident, %d kB of heap in use", polls, strings.TrimSpace(rest), m.HeapInuse>>10)
		}
	}
}

// BenchmarkMillionPolls measures the resident memory and the heap after 1,000 and after 1,000,000
// polls of a home with two sensors, one a second, in virtual time: those of the bridge, a
// Hue bridge and a broker together.
func BenchmarkMillionPolls(b *testing.B) {
	logged := regexp.MustCompile(`after (\d+) polls: (\d+) kB resident, (\d+) kB of heap`)
	for b.Loop() {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestPolls$", "-test.v", "-test.timeout", "1h")
		cmd.Env = append(os.Environ(), pollsWanted+"=1000000")
		out, err := cmd.CombinedOutput()
		if err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		for _, found := range logged.FindAllSubmatch(out, -1) {
			for i, what := range []string{"resident", "heap"} {
				kib, err := strconv.Atoi(string(found[2+i]))
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(kib)/1024, fmt.Sprintf("MiB-%s-after-%s-polls", what, found[1]))
			}
		}
	}
}

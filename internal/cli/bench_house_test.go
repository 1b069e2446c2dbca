package cli

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"hueair2mqtt/collectors/hue/huetest"
)

const pairedID = "001788fffe010203"

// pairedHouse is what a benchmark runs a program in: a Hue bridge with CLIP v2 over
// TLS, the file of a pairing with it, and a Mosquitto without Nagle's algorithm and
// without bounds.
type pairedHouse struct {
	hue    *huetest.Bridge
	server *huetest.Server
	broker *mosquitto
	dir    string
}

func newPairedHouse(b *testing.B) *pairedHouse {
	b.Helper()
	h := &pairedHouse{
		hue: huetest.NewBridge(pairedID, hueKey), dir: b.TempDir(),
		broker: startMosquitto(b, "set_tcp_nodelay true", "max_queued_messages 0", "max_inflight_messages 0",
			"log_type error"),
	}
	h.server = huetest.StartTLS(h.hue, huetest.WithSelfSigned())
	b.Cleanup(h.server.Close)
	pairing := fmt.Sprintf(`{"bridges":[{"id":%q,"host":%q,"username":%q,"fingerprint":"%x"}]}`,
		pairedID, h.server.Host(), hueKey, sha256.Sum256(h.server.Certificate().Raw))
	if err := os.WriteFile(filepath.Join(h.dir, "hue.json"), []byte(pairing), 0o600); err != nil {
		b.Fatal(err)
	}
	return h
}

// furnish puts n motion sensors into the house.
func (h *pairedHouse) furnish(n int) {
	for i := range n {
		h.hue.SetMotionSensor(huetest.MotionSensor{
			MAC:  fmt.Sprintf("00:17:88:01:02:03:%02x:%02x", i/256, i%256),
			Name: fmt.Sprintf("Sensor %d", i), Temperature: 21.25, Lux: 100, Battery: 80, Reachable: true,
		})
	}
}

// config is that of a program which polls the house's Hue bridge.
func (h *pairedHouse) config(interval string) string {
	return fmt.Sprintf("mqtt: {broker: %q}\nhue: {enabled: true, interval: %s, timeout: 1s}\nstate_dir: %s\nlog: {level: warn}\n",
		h.broker.url(), interval, h.dir)
}

// buildShipped builds the program as it is shipped, without what the tests add.
func buildShipped(b *testing.B) string {
	b.Helper()
	binary := filepath.Join(b.TempDir(), "hueair2mqtt")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "../../cmd/hueair2mqtt")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("building: %v\n%s", err, out)
	}
	return binary
}

// startShipped builds the program as it is shipped and runs it with this
// configuration until the benchmark's end.
func startShipped(b *testing.B, dir, config string) *exec.Cmd {
	b.Helper()
	cmd := startConfigured(b, buildShipped(b), dir, config)
	b.Cleanup(func() { terminate(b, cmd) })
	return cmd
}

func startConfigured(b *testing.B, binary, dir, config string) *exec.Cmd {
	b.Helper()
	configFile := filepath.Join(dir, "hueair2mqtt.yaml")
	if err := os.WriteFile(configFile, []byte(config), 0o600); err != nil {
		b.Fatal(err)
	}
	return startChild(b, exec.Command(binary, "run", "--config", configFile))
}

func startChild(b *testing.B, cmd *exec.Cmd) *exec.Cmd {
	b.Helper()
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	return cmd
}

func terminate(b *testing.B, cmd *exec.Cmd) {
	b.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		b.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		b.Error(err)
	}
}

// residentMiB is the resident memory of a process.
func residentMiB(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				b.Fatal(err)
			}
			return float64(kib) / 1024
		}
	}
	b.Fatal("the kernel tells no VmRSS")
	return 0
}

// processorTime is what all threads of a process have run, to the nanosecond;
// /proc/PID/stat counts in hundredths of a second. A thread that has ended is not
// counted, which Go's do not.
func processorTime(b *testing.B, pid int) (total time.Duration) {
	b.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(threads) == 0 {
		b.Fatalf("no threads of process %d: %v", pid, err)
	}
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err != nil {
			b.Fatal(err)
		}
		ran, _, _ := strings.Cut(string(text), " ")
		nanoseconds, err := strconv.ParseInt(ran, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		total += time.Duration(nanoseconds)
	}
	return total
}

// binaryMiB is the size of a program's file.
func binaryMiB(b *testing.B, file string) float64 {
	b.Helper()
	info, err := os.Stat(file)
	if err != nil {
		b.Fatal(err)
	}
	return float64(info.Size()) / (1 << 20)
}

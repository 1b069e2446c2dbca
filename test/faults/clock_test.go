//go:build faults && linux

package faults

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"hueair2mqtt/test/harness"
)

// steppable makes a build of the program follow a clock that the test steps. A time namespace does
// not move the wall clock, a static program loads no library that could, and the machine's clock is
// shared. So the program is built with another time.Now, by go build -overlay: it adds the seconds
// in a file that the program maps. The monotonic clock is unchanged, as when somebody sets a
// machine's clock.
const steppable = `package main

import (
	"os"
	"syscall"
	"time"
	"unsafe"
)

func init() {
	f, err := os.OpenFile(os.Getenv("CLOCK_STEP"), os.O_RDWR, 0)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	mapped, err := syscall.Mmap(int(f.Fd()), 0, 8, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		panic(err)
	}
	time.ClockStep = (*int64)(unsafe.Pointer(&mapped[0]))
}
`

// buildSteppable builds the program with that clock.
func buildSteppable(t *testing.T, program string) {
	t.Helper()
	dir := filepath.Dir(program)
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	now := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	source, err := os.ReadFile(now)
	if err != nil {
		t.Fatal(err)
	}
	const call = "\tsec, nsec, mono := runtimeNow()\n"
	head := strings.Index(string(source), "func Now() Time {\n"+call)
	if head < 0 {
		t.Fatalf("this Go's time.Now is written otherwise: %s", now)
	}
	changed := strings.Replace(string(source[head:]), call, call+"\tif ClockStep != nil {\n\t\tsec += *ClockStep\n\t}\n", 1)
	module, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	replace := map[string]string{
		now: string(source[:head]) + "// ClockStep is added to Now, in seconds.\nvar ClockStep *int64\n\n" + changed,
		filepath.Join(module, "cmd", "hueair2mqtt", "clock_step.go"): steppable,
	}
	overlay := map[string]map[string]string{"Replace": {}}
	for path, content := range replace {
		file := filepath.Join(dir, filepath.Base(path))
		harness.WriteFile(t, file, content, 0o600)
		overlay["Replace"][path] = file
	}
	encoded, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, encoded, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := harness.Build(program, "-overlay", file); err != nil {
		t.Fatal(err)
	}
}

// clock is the clock of one program.
type clock struct{ step *int64 }

func newClock(t *testing.T) (c clock, env string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "step")
	if err := os.WriteFile(file, binary.NativeEndian.AppendUint64(nil, 0), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	mapped, err := syscall.Mmap(int(f.Fd()), 0, 8, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(mapped); err != nil {
			t.Error(err)
		}
	})
	return clock{(*int64)(unsafe.Pointer(&mapped[0]))}, "CLOCK_STEP=" + file
}

// set moves the clock by an offset from the true time.
func (c clock) set(off time.Duration) { atomic.StoreInt64(c.step, int64(off/time.Second)) }

// TestClockSteps steps the program's clock by hours in both directions, between polls and during an
// alert.
func TestClockSteps(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "hueair2mqtt")
	buildSteppable(t, program)
	clock, env := newClock(t)
	h := newTestHome(t, layout{build: program, env: env})
	p := h.run()
	h.holds(harness.Patience, "before")
	before := p.atRest()
	for _, off := range []time.Duration{5 * time.Hour, -7 * time.Hour, 26 * time.Hour, -49 * time.Hour, 0} {
		clock.set(off)
		h.change()
		h.Amazon.KillCookies() // renewed in another time
		h.holds(soon, fmt.Sprintf("with the clock %s off", off))
		h.refuse("amazon")
		h.holds(soon, "in an alert")
		if since := h.alertSince("amazon"); time.Since(since.Add(-off)).Abs() > time.Minute {
			t.Errorf("with the clock %s off the alert is since %s", off, since)
		}
		clock.set(-off)
		h.holds(soon, "in an alert, the clock stepped to the other side")
		wait(t, interval)
		h.letIn("amazon")
		h.change()
		took := h.holds(soon, "accepted again")
		report(t, "%-8s off: true again after %s", off, took.Round(time.Millisecond))
	}
	// A source sends at most one mail every 10 minutes, whatever the clock says.
	if got := h.mailsAbout("amazon"); got != 1 {
		t.Errorf("%d mails, want 1", got)
	}
	report(t, "before %s; after %s", before, p.shrinks(before))
	p.stop()
}

// alertSince returns when a source's alert began, from its problem topic.
func (h *testHome) alertSince(source string) time.Time {
	h.t.Helper()
	seen, err := h.Broker.TryRetained()
	if err != nil {
		h.t.Fatal(err)
	}
	var p struct{ Since time.Time }
	if err := json.Unmarshal([]byte(seen["hueair2mqtt/"+source+"/problem"]), &p); err != nil {
		h.t.Fatal(err)
	}
	return p.Since
}

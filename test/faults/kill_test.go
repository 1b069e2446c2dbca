//go:build faults && linux

package faults

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/test/harness"
)

// TestKilledAtRandomMoments kills the program 200 times in its first second, while it renews
// cookies and writes alerts. Each time every file is complete and nothing is lost.
func TestKilledAtRandomMoments(t *testing.T) {
	t.Parallel()
	const kills, longest = 200, 700 * time.Millisecond
	h := newTestHome(t, layout{})
	var starts []time.Duration
	for i := range kills {
		h.Amazon.KillCookies()
		for _, source := range sources {
			switch h.random.IntN(4) {
			case 0:
				h.refuse(source)
			case 1:
				h.letIn(source)
			}
		}
		began := time.Now()
		p := h.run()
		wait(t, time.Duration(h.random.Int64N(int64(longest))))
		if strings.Contains(p.Stderr.String(), "connected to the broker") {
			starts = append(starts, time.Since(began))
		}
		p.Kill()
		p.checkLog()
		var wrong []string
		h.checkCredentials(func(format string, args ...any) { wrong = append(wrong, format) })
		h.checkAlertFiles(func(text string) { wrong = append(wrong, text) })
		if len(wrong) > 0 {
			t.Fatalf("after kill %d: %s", i+1, strings.Join(wrong, "\n"))
		}
	}
	for _, source := range sources {
		h.letIn(source)
	}
	h.change()
	began := time.Now()
	p := h.run()
	h.holds(harness.Patience, "after the last kill")
	report(t, "%d of %d lived to see the broker; everything was true %s after the last start", len(starts), kills, time.Since(began).Round(time.Millisecond))
	if left := h.leftovers(); len(left) > 0 {
		t.Errorf("files that are never read, with secrets in them: %q", left)
	}
	p.stop()
}

// checkAlertFiles checks that every alert file is complete.
func (h *testHome) checkAlertFiles(bad func(string)) {
	h.t.Helper()
	for _, name := range alertFiles {
		content, err := os.ReadFile(filepath.Join(h.StateDir, name))
		if err == nil && !strings.Contains(string(content), "clears by itself after the first success.\n") {
			bad(name + " is half written: " + string(content))
		}
	}
}

// leftovers returns the files of the state directory that serve no purpose.
func (h *testHome) leftovers() []string {
	h.t.Helper()
	entries, err := os.ReadDir(h.StateDir)
	if err != nil {
		h.t.Fatal(err)
	}
	var left []string
	for _, entry := range entries {
		if !slices.Contains([]string{"hue.json", "amazon.json", alertFiles["hue"], alertFiles["amazon"]}, entry.Name()) {
			left = append(left, entry.Name())
		}
	}
	return left
}

// TestStartsAreQuick measures the time from a start until a subscriber has everything.
func TestStartsAreQuick(t *testing.T) {
	t.Parallel()
	h := newTestHome(t, layout{})
	const starts = 10
	var took []time.Duration
	for range starts {
		began := time.Now()
		p := h.run()
		h.holds(harness.Patience, "after the start")
		took = append(took, time.Since(began))
		p.stop()
	}
	slices.Sort(took)
	report(t, "everything true after the start: %s in the middle, %s at most", took[starts/2].Round(time.Millisecond), took[starts-1].Round(time.Millisecond))
	if took[starts/2] > soon {
		t.Errorf("a start takes %s", took[starts/2])
	}
}

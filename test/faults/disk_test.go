//go:build faults && linux

package faults

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"hueair2mqtt/test/harness"
)

// onSmallDisk mounts a disk of 64 KiB as the state directory.
func onSmallDisk(t *testing.T) func(stateDir string) {
	return func(stateDir string) {
		if err := syscall.Mount("tmpfs", stateDir, "tmpfs", 0, "size=64k,mode=0750"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := syscall.Unmount(stateDir, syscall.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
	}
}

// fill fills a disk to the last byte.
func fill(t *testing.T, dir string) (free func()) {
	t.Helper()
	name := filepath.Join(dir, "filler")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 512))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	f.Close()
	return func() {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

func readOnly(t *testing.T, dir string) (writable func()) {
	t.Helper()
	remount := func(flags uintptr) {
		if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	remount(syscall.MS_RDONLY)
	return func() { remount(0) }
}

// TestUnwritableDisk makes the state directory full, then read-only. Only the alert file is lost,
// and the problem sensor reports the alert. Renewed cookies are in memory only: a program that is
// killed starts with the previous ones and renews them again.
func TestUnwritableDisk(t *testing.T) {
	for name, break_ := range map[string]func(*testing.T, string) func(){"full": fill, "read-only": readOnly} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newTestHome(t, layout{disk: onSmallDisk(t)})
			p := h.run()
			h.holds(harness.Patience, "before")
			before := p.atRest()
			mend := break_(t, h.StateDir)

			h.Amazon.KillCookies() // a renewal that can't be saved
			h.change()
			wait(t, interval)
			h.holds(soon, "with cookies that can't be saved")
			h.refuse("hue") // an alert that can't be written
			h.holdsBut("ALERT_HUE_PAIRING_NEEDED.txt is missing", "with an alert that can't be written")

			p.Kill()
			h.Amazon.KillCookies()
			p = h.run()
			h.holdsBut("ALERT_HUE_PAIRING_NEEDED.txt is missing", "restarted")
			h.change()
			h.letIn("hue")
			h.holds(soon, "accepted again")
			h.refuse("amazon")
			h.holdsBut("ALERT_TOKEN_REFRESH_NEEDED.txt is missing", "with another alert that can't be written")
			mend()
			took := h.holds(soon, "with a disk that takes all")
			h.letIn("amazon")
			h.holds(soon, "accepted again")
			report(t, "true again %s after it; before %s; after %s", took.Round(time.Millisecond), before, p.atRest())
			p.stop()
		})
	}
}

// TestAlertFileThatCannotBeRemoved makes the state directory read-only during an alert.
func TestAlertFileThatCannotBeRemoved(t *testing.T) {
	t.Parallel()
	h := newTestHome(t, layout{disk: onSmallDisk(t)})
	p := h.run()
	h.holds(harness.Patience, "before")
	h.refuse("amazon")
	h.holds(soon, "in an alert")
	mend := readOnly(t, h.StateDir)
	h.letIn("amazon")
	h.holdsBut("ALERT_TOKEN_REFRESH_NEEDED.txt exists without a reason", "with a file that can't be removed")
	mend()
	h.holds(soon, "with a disk that takes all")
	p.stop()
}

// holdsBut waits until exactly one invariant is violated, the one that the fault costs.
func (h *testHome) holdsBut(cost, when string) {
	h.t.Helper()
	harness.Within(h.t, harness.Patience, when, func() error {
		wrong := h.violations()
		if i := slices.Index(wrong, cost); i >= 0 {
			return asError(slices.Delete(wrong, i, i+1))
		}
		return fmt.Errorf("the invariant holds: %s", cost)
	})
}

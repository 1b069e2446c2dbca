package history_test

import (
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"go.uber.org/zap/zapcore"

	"hueair2mqtt/test/harness"
)

// TestFullDisk runs itself again where it may mount a small disk: in a mount
// namespace of its own, which ends with it.
func TestFullDisk(t *testing.T) {
	if !harness.Isolated(t, syscall.CLONE_NEWNS) {
		return
	}
	t.Run("by itself", func(t *testing.T) {
		k := openBounded(t, filepath.Join(smallDisk(t), "history"), week, 1<<20)
		defer k.Close()
		k.add(false, 1, 5000)
		got := numbers(t, k.replay())
		s := k.Stats()
		if s.Overflowed == 0 || s.Unwritten+s.Damaged != 0 || !slices.Equal(got, from(int(s.Overflowed)+1, 5000)) {
			t.Errorf("%d come, %+v", len(got), s)
		}
		if n := k.logs.FilterMessageSnippet("the disk is full").Len(); n != 1 {
			t.Errorf("logged %d times: %v", n, k.logs.All())
		}
	})
	t.Run("by others", func(t *testing.T) {
		disk := smallDisk(t)
		k := openBounded(t, filepath.Join(disk, "history"), week, 16<<20)
		defer k.Close()
		k.add(false, 1, 10)
		other := filepath.Join(disk, "other")
		fill(t, other)
		n := 10
		for k.Stats().Unwritten < 100 { // what is left of the last block is still used
			n++
			k.add(n%2 == 0, n, n)
		}
		if n := k.logs.FilterLevelExact(zapcore.ErrorLevel).Len(); n != 1 {
			t.Errorf("logged %d times: %v", n, k.logs.All())
		}
		if err := os.Remove(other); err != nil {
			t.Fatal(err)
		}
		last := n - 100
		k.ReleaseAll()
		k.add(false, n+1, n+10)
		k.wantReplay(append(from(1, last), from(n+1, n+10)...))
		if s := k.Stats(); s.Damaged != 0 {
			t.Errorf("%+v", s)
		}
	})
	t.Run("with a replay", func(t *testing.T) {
		disk := smallDisk(t)
		k := openBounded(t, filepath.Join(disk, "history"), week, 16<<20)
		k.add(false, 1, 100)
		fill(t, filepath.Join(disk, "other"))
		k.wantReplay(from(1, 100)) // acknowledging needs room too, but not for ever
		k.Close()
		k.wantFiles(0)
	})
}

// smallDisk mounts one of 256 KiB.
func smallDisk(t *testing.T) string {
	dir := t.TempDir()
	if err := syscall.Mount("history", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill writes until there is no room left.
func fill(t *testing.T, file string) {
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
}

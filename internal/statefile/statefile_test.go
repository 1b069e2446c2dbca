package statefile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"hueair2mqtt/internal/statefile"
)

func TestWriteReplacesFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "amazon.json")
	for _, content := range []string{"old", "new and longer"} {
		if err := statefile.Write(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(file)
		if err != nil || string(got) != content {
			t.Errorf("read %q (%v), want %q", got, err, content)
		}
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v (%v)", info.Mode(), err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v (%v)", entries, err)
	}
}

func TestFailedWriteKeepsTheOldFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "amazon.json")
	// A directory that is not empty can't be replaced by a file.
	if err := os.MkdirAll(filepath.Join(file, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := statefile.Write(file, []byte("new"), 0o600); err == nil {
		t.Error("no error")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v (%v)", entries, err)
	}
	if err := statefile.Write(filepath.Join(dir, "none", "x"), nil, 0o600); err == nil {
		t.Error("no error for a directory that is not there")
	}
}

func TestRemove(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := statefile.Remove(file); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("still there: %v", err)
	}
}

// People sign in with sudo, and the service must be able to read the file.
func TestWriteMatchesOwnerOfDirectory(t *testing.T) {
	dir := t.TempDir()
	if os.Geteuid() == 0 {
		if err := os.Chown(dir, 4711, 4712); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "hue.json")
	if err := statefile.Write(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	of := func(path string) [2]uint32 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		owner := info.Sys().(*syscall.Stat_t)
		return [2]uint32{owner.Uid, owner.Gid}
	}
	if of(file) != of(dir) {
		t.Errorf("the file is %v's, the directory %v's", of(file), of(dir))
	}
}

func TestRemoveLeftovers(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "amazon.json")
	for _, name := range []string{".amazon.json.123", ".amazon.json.written", ".hue.json.1", "amazon.json"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Write of another process holds a lock.
	writing, err := os.Open(filepath.Join(dir, ".amazon.json.written"))
	if err != nil {
		t.Fatal(err)
	}
	defer writing.Close()
	if err := syscall.Flock(int(writing.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if err := statefile.RemoveLeftovers(file); err != nil {
		t.Fatal(err)
	}
	var left []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		left = append(left, entry.Name())
	}
	if want := []string{".amazon.json.written", ".hue.json.1", "amazon.json"}; !slices.Equal(left, want) {
		t.Errorf("left %q, want %q", left, want)
	}
	if err := statefile.RemoveLeftovers(filepath.Join(dir, "none", "x")); err != nil {
		t.Error(err)
	}
}

// TestWriteWhileLeftoversAreRemoved runs both concurrently.
func TestWriteWhileLeftoversAreRemoved(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x")
	done := make(chan error)
	go func() {
		var err error
		for range 300 {
			err = errors.Join(err, statefile.RemoveLeftovers(file))
		}
		done <- err
	}()
	for range 300 {
		if err := statefile.Write(file, []byte("content"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestRead(t *testing.T) {
	for name, test := range map[string]struct {
		make func(file string) error
		want string // of the error; "" is none
	}{
		"mode 600":       {func(file string) error { return os.WriteFile(file, []byte("x"), 0o600) }, ""},
		"mode 644":       {func(file string) error { return os.WriteFile(file, []byte("x"), 0o644) }, ""},
		"too large":      {func(file string) error { return os.WriteFile(file, make([]byte, 1025), 0o600) }, "larger than 1 KiB"},
		"a directory":    {func(file string) error { return os.Mkdir(file, 0o700) }, "not a regular file"},
		"a pipe":         {func(file string) error { return syscall.Mkfifo(file, 0o600) }, "not a regular file"},
		"a link":         {func(file string) error { return os.Symlink("/etc/hostname", file) }, "symbolic link"},
		"group-writable": {func(file string) error { return errors.Join(os.WriteFile(file, nil, 0o600), os.Chmod(file, 0o620)) }, "other users may write to it (mode 0620)"},
		"world-writable": {func(file string) error { return errors.Join(os.WriteFile(file, nil, 0o600), os.Chmod(file, 0o666)) }, "run chmod go-w"},
		"not there":      {func(string) error { return nil }, "no such file"},
		"its own temp":   {func(file string) error { return statefile.Write(file, []byte("x"), 0o600) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "amazon.json")
			if err := test.make(file); err != nil {
				t.Fatal(err)
			}
			content, err := statefile.Read(file, 1024)
			switch {
			case test.want == "" && (err != nil || string(content) != "x"):
				t.Errorf("read %q, %v", content, err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("the error is %v, want %q", err, test.want)
			}
			if test.want == "no such file" && !errors.Is(err, fs.ErrNotExist) {
				t.Error("the error is not fs.ErrNotExist")
			}
		})
	}
}

// TestReadFileOfAnotherUser needs root to change owners; CI is root.
func TestReadFileOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("not root: only the rule for the own user can be seen")
	}
	for name, test := range map[string]struct {
		file, dir int
		trusted   bool
	}{
		"root's in root's":         {0, 0, true},
		"the service's in its own": {1234, 1234, true},
		"root's in the service's":  {0, 1234, true},
		"another's in root's":      {1234, 0, false},
		"another's in a third's":   {1234, 4321, false},
	} {
		if os.Geteuid() != 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "hue.json")
			if err := errors.Join(os.WriteFile(file, []byte("x"), 0o600), os.Chown(file, test.file, -1), os.Chown(dir, test.dir, -1)); err != nil {
				t.Fatal(err)
			}
			_, err := statefile.Read(file, 1024)
			if (err == nil) != test.trusted {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// TestReadCredentials reads links, which are followed if their owner is trusted.
func TestReadCredentials(t *testing.T) {
	state := t.TempDir()
	for name, test := range map[string]struct {
		make    func(file string) error
		trusted bool
	}{
		"a file": {func(file string) error { return os.WriteFile(file, []byte("x"), 0o600) }, true},
		"a relative link": {func(file string) error {
			return errors.Join(os.WriteFile(file+"1", []byte("x"), 0o600), os.Symlink(filepath.Base(file)+"1", file))
		}, true},
		"writable by all": {func(file string) error {
			return errors.Join(os.WriteFile(file, []byte("x"), 0o600), os.Chmod(file, 0o602))
		}, false},
		"links in a circle": {func(file string) error { return errors.Join(os.Symlink(file, file+"1"), os.Symlink(file+"1", file)) }, false},
		"a link to a pipe": {func(file string) error {
			return errors.Join(syscall.Mkfifo(file+"1", 0o600), os.Symlink(file+"1", file))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "cookies")
			if err := test.make(file); err != nil {
				t.Fatal(err)
			}
			if content, err := statefile.ReadCredentials(file, state, 1024); (err == nil) != test.trusted || test.trusted && string(content) != "x" {
				t.Errorf("%q, %v", content, err)
			}
		})
	}
}

func TestReadableByOthers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hue.json")
	for _, mode := range []os.FileMode{0o600, 0o640, 0o604} {
		if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Chmod(file, mode)); err != nil {
			t.Fatal(err)
		}
		if exposed, err := statefile.ReadableByOthers(file); err != nil || exposed != (mode != 0o600) {
			t.Errorf("mode %04o: %t, %v", mode, exposed, err)
		}
	}
	if exposed, err := statefile.ReadableByOthers(file + "x"); err != nil || exposed {
		t.Errorf("a file that is not there: %t, %v", exposed, err)
	}
}

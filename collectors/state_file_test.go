package collectors_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"hueair2mqtt/collectors"
)

func TestReplaceFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "amazon.json")
	for _, content := range []string{"old", "new and longer"} {
		if err := collectors.ReplaceFile(file, []byte(content), 0o600); err != nil {
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

func TestReplaceFileThatFailsLeavesTheOldOne(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "amazon.json")
	// A directory that is not empty can't be replaced by a file.
	if err := os.MkdirAll(filepath.Join(file, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := collectors.ReplaceFile(file, []byte("new"), 0o600); err == nil {
		t.Error("no error")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v (%v)", entries, err)
	}
	if err := collectors.ReplaceFile(filepath.Join(dir, "none", "x"), nil, 0o600); err == nil {
		t.Error("no error for a directory that is not there")
	}
}

func TestRemoveFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := collectors.RemoveFile(file); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("still there: %v", err)
	}
}

// People sign in with sudo, and the service has to read what that wrote.
func TestReplaceFileGivesTheFileToTheDirectorysOwner(t *testing.T) {
	dir := t.TempDir()
	if os.Geteuid() == 0 {
		if err := os.Chown(dir, 4711, 4712); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "hue.json")
	if err := collectors.ReplaceFile(file, nil, 0o600); err != nil {
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

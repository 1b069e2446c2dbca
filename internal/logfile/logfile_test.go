package logfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"hueair2mqtt/internal/logfile"
)

// notices collects the notices of a file.
type notices struct {
	mu    sync.Mutex
	notes []string
}

func (n *notices) add(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.notes = append(n.notes, fmt.Sprintf(format, args...))
}

func (n *notices) all() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(n.notes, ", ")
}

func (n *notices) notice() logfile.Notice {
	return logfile.Notice{
		Failed:    func(error) { n.add("failed") },
		Recovered: func(lost int) { n.add("recovered, %d lost", lost) },
		Replaced:  func() { n.add("replaced") },
		Ended:     func(lost int) { n.add("ended, %d lost", lost) },
	}
}

func open(t *testing.T, path string, notice logfile.Notice) *logfile.File {
	t.Helper()
	f, err := logfile.Open(path, notice)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

func write(t *testing.T, f *logfile.File, line string) {
	t.Helper()
	if n, err := f.Write([]byte(line)); n != len(line) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

// waitFor waits until a condition holds: the file is written by another goroutine.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); {
		if time.Now().After(end) {
			t.Fatalf("never came: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func content(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

func TestLinesAreAppended(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for _, line := range []string{"one\n", "two\n"} {
		var n notices
		f := open(t, path, n.notice())
		write(t, f, line)
		f.Close()
		f.Close()
		write(t, f, "after the end\n")
		if n.all() != "" {
			t.Error(n.all())
		}
	}
	if got := content(t, path); got != "one\ntwo\n" {
		t.Errorf("%q", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestRotation(t *testing.T) {
	dir := t.TempDir()
	var n notices
	f := open(t, filepath.Join(dir, "log"), n.notice())
	line := append(bytes.Repeat([]byte("x"), 1<<20-1), '\n')
	const lines = 85 // eight files of 10 MiB, and a half
	for range lines {
		if _, err := f.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	f.Close()
	var files []fs.DirEntry
	waitFor(t, "five backups", func() bool {
		var err error
		if files, err = os.ReadDir(dir); err != nil {
			t.Fatal(err)
		}
		return len(files) == 6
	})
	for _, file := range files {
		info, err := file.Info()
		if err != nil || info.Size() > 10<<20 || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", file.Name(), info, err)
		}
	}
	if n.all() != "" {
		t.Error(n.all())
	}
}

func TestFileIsReopenedAfterRename(t *testing.T) {
	dir := t.TempDir()
	path, moved := filepath.Join(dir, "log"), filepath.Join(dir, "log.old")
	var n notices
	f := open(t, path, n.notice())
	write(t, f, "one\n")
	waitFor(t, "the first line", func() bool { return content(t, path) == "one\n" })
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(t, f, "two\n")
	waitFor(t, "the second line", func() bool { return content(t, path) == "two\n" })
	if err := os.Rename(path, moved); err != nil {
		t.Fatal(err)
	}
	write(t, f, "three\n")
	waitFor(t, "the third line", func() bool { return content(t, path) == "three\n" })
	// A file that somebody else put there is appended to.
	if err := os.WriteFile(moved+".new", []byte("other\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(moved+".new", path); err != nil {
		t.Fatal(err)
	}
	write(t, f, "four\n")
	f.Close()
	if got := content(t, path); got != "other\nfour\n" {
		t.Errorf("%q", got)
	}
	if got := content(t, moved); got != "two\n" {
		t.Errorf("%q", got)
	}
	if n.all() != "replaced, replaced, replaced" {
		t.Error(n.all())
	}
}

func TestMissingDirectoryRecovers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	path := filepath.Join(dir, "log")
	var n notices
	f := open(t, path, n.notice())
	write(t, f, "lost\n")
	write(t, f, "lost\n")
	waitFor(t, "the failure", func() bool { return n.all() == "failed" })
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, f, "three\n")
	waitFor(t, "the end of it", func() bool { return n.all() == "failed, recovered, 2 lost" })
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	write(t, f, "lost\n")
	f.Close()
	if n.all() != "failed, recovered, 2 lost, failed, ended, 1 lost" {
		t.Error(n.all())
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory that was taken away is there again: %v", err)
	}
}

// lumberjack alone would wait for a reader of the pipe.
func TestPipeInPlaceOfFileBlocksNobody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	var n notices
	f := open(t, path, n.notice())
	write(t, f, "one\n")
	waitFor(t, "the first line", func() bool { return content(t, path) == "one\n" })
	if err := errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)); err != nil {
		t.Fatal(err)
	}
	write(t, f, "lost\n")
	waitFor(t, "the failure", func() bool { return n.all() == "failed" })
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(t, f, "two\n")
	f.Close()
	if got := content(t, path); got != "two\n" || n.all() != "failed, recovered, 1 lost" {
		t.Errorf("%q, %s", got, n.all())
	}
}

// On a hanging disk lines are lost, and Write does not block.
func TestHangingDiskBlocksNobody(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	var n notices
	notice := n.notice()
	hangs, first := make(chan struct{}), atomic.Bool{}
	notice.Failed = func(err error) {
		n.add("%v", err)
		if first.CompareAndSwap(false, true) {
			<-hangs // the goroutine that writes
		}
	}
	f := open(t, filepath.Join(dir, "log"), notice)
	write(t, f, "lost\n")
	waitFor(t, "the failure", func() bool { return n.all() != "" })
	const lines = 3000
	for range lines {
		write(t, f, "x\n")
	}
	if !strings.HasSuffix(n.all(), "the disk hangs or is too slow") {
		t.Error(n.all())
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	close(hangs)
	waitFor(t, "the end of it", func() bool { return strings.Contains(n.all(), "recovered") })
	f.Close()
	written := strings.Count(content(t, filepath.Join(dir, "log")), "\n")
	if want := fmt.Sprintf("recovered, %d lost", 1+lines-written); !strings.Contains(n.all(), want) {
		t.Errorf("%d lines are there and it reported %s, want %s", written, n.all(), want)
	}
}

func TestOpenRejectsIrregularFile(t *testing.T) {
	for _, path := range []string{os.DevNull, t.TempDir()} {
		if f, err := logfile.Open(path, logfile.Notice{}); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s: %v, %v", path, f, err)
		}
	}
}

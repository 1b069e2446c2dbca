// Package logfile writes a log to a rotated file, for machines without a service
// manager that collects logs.
//
// A log file must never block the program, which lumberjack alone does not
// guarantee: a write to a hanging disk or to a pipe in the file's place would block
// a poll, and a missing directory, perhaps a mount point, would be created. So a
// goroutine writes the lines. If the file fails, lines are lost and counted, and the
// failure is reported elsewhere, once.
package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"
)

const (
	// maxSize is the size, in MiB, at which a new file begins.
	maxSize = 10
	// maxBackups is the number of old files that remain.
	maxBackups = 5

	// maxQueued bounds the lines that wait for a slow disk.
	maxQueued = 1000

	// closeTimeout bounds how long Close waits for the last lines.
	closeTimeout = 2 * time.Second
)

// Notice has callbacks for events of the file. They may be called concurrently.
type Notice struct {
	// Failed means that lines are lost from now on.
	Failed func(err error)
	// Recovered means that the file is written again, after lost lines.
	Recovered func(lost int)
	// Replaced means that the file was deleted or renamed, and a new one begins. No
	// line was lost.
	Replaced func()
	// Ended means that lines were lost and the file is closed before it recovered.
	Ended func(lost int)
}

// errSlow means that lines arrive faster than the disk writes them.
var errSlow = errors.New("the disk hangs or is too slow")

// File is a log file. It implements zapcore.WriteSyncer and is safe for concurrent
// use.
type File struct {
	notice Notice
	target target

	mu     sync.RWMutex
	closed bool
	lines  chan []byte

	overrun atomic.Int64  // lines lost because the queue was full
	done    chan struct{} // closed when run returns
}

// Open returns the log file at path, which is created with the first line. It
// returns an error only if path is not a regular file. Other failures can be fixed
// while the program runs, and become notices.
func Open(path string, notice Notice) (*File, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, notRegular(path)
	}
	f := &File{
		notice: notice,
		target: target{path: path, rotated: &lumberjack.Logger{Filename: path, MaxSize: maxSize, MaxBackups: maxBackups}},
		lines:  make(chan []byte, maxQueued), done: make(chan struct{}),
	}
	go f.run()
	return f, nil
}

// Write queues a line. It never blocks or fails; see Notice. Lines after Close are
// dropped.
func (f *File) Write(line []byte) (int, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.closed {
		return len(line), nil
	}
	select {
	case f.lines <- bytes.Clone(line):
	default:
		if f.overrun.Add(1) == 1 {
			f.notice.Failed(errSlow)
		}
	}
	return len(line), nil
}

// Sync does nothing: queued lines are written without it.
func (f *File) Sync() error { return nil }

// Close writes the queued lines and closes the file. On a hanging disk it returns
// after closeTimeout.
func (f *File) Close() {
	f.mu.Lock()
	if !f.closed {
		f.closed = true
		close(f.lines)
	}
	f.mu.Unlock()
	patience := time.NewTimer(closeTimeout)
	defer patience.Stop()
	select {
	case <-f.done:
	case <-patience.C:
	}
}

// run writes the lines.
func (f *File) run() {
	defer close(f.done)
	var (
		failing bool
		lost    int
	)
	for line := range f.lines {
		replaced, err := f.target.write(line)
		lost += int(f.overrun.Swap(0))
		switch {
		case err != nil:
			lost++
			if !failing {
				f.notice.Failed(err)
			}
			failing = true
			continue
		case lost > 0:
			f.notice.Recovered(lost)
		case replaced:
			f.notice.Replaced()
		}
		failing, lost = false, 0
	}
	f.target.forget()
	if lost > 0 {
		f.notice.Ended(lost)
	}
}

// target is the file at a path, which others may delete or rename.
type target struct {
	path    string
	rotated *lumberjack.Logger
	is      fs.FileInfo // the file that rotated has open, or nil
	torn    bool        // its last line is incomplete
}

// write writes one line. It reports whether the file of the line before was no
// longer at its path.
func (t *target) write(line []byte) (replaced bool, err error) {
	// lumberjack would create a missing directory, which may be a mount point, and
	// rename a file that it cannot open.
	if _, err := os.Stat(filepath.Dir(t.path)); err != nil {
		t.forget()
		return false, err
	}
	now, err := os.Stat(t.path)
	switch {
	case err == nil && !now.Mode().IsRegular():
		t.forget()
		return false, notRegular(t.path)
	case t.is != nil && (err != nil || !os.SameFile(now, t.is)):
		t.forget()
		replaced = true
	}
	if t.torn {
		line = append([]byte{'\n'}, line...)
	}
	written, err := t.rotated.Write(line)
	if err != nil {
		t.forget()
		t.torn = written > 0 || t.torn && !replaced
		return replaced, err
	}
	t.torn = false
	if t.is, err = os.Stat(t.path); err != nil {
		t.forget() // deleted just now; the next line begins a new file
	}
	return replaced, nil
}

// forget closes the file, so that the next line opens the one at the path.
func (t *target) forget() {
	// Its lines are written, or their loss has been reported.
	_ = t.rotated.Close()
	t.is = nil
}

func notRegular(path string) error { return fmt.Errorf("%s is not a regular file", path) }

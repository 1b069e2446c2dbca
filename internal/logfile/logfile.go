// Package logfile writes a log to a file of its own, for machines without a
// service manager that keeps logs: it rotates it, and goes on when the file fails.
//
// What is logged must never hold up what is done. So a line is only handed over
// here, and a goroutine writes it; where a disk hangs or is full, lines are lost
// and counted, and nothing else happens. The failure is told once, elsewhere than
// in the file that fails, and its end with the count.
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
	// maxSize is the size, in MiB, at which a new file is begun.
	maxSize = 10
	// maxBackups is how many of the old ones are kept.
	maxBackups = 5

	// maxWaiting bounds the lines that wait for a disk that is slow.
	maxWaiting = 1000

	// closeTimeout is how long the last lines may take at the end of the program.
	closeTimeout = 2 * time.Second
)

// Notice is told what happens to the file. Its functions may be called at the same
// time.
type Notice struct {
	// Failed says that lines are lost from now on.
	Failed func(err error)
	// Recovered says that the file is written again, and how many lines were lost.
	Recovered func(lost int)
	// Replaced says that the file had been deleted or renamed, and is begun anew. No
	// line was lost.
	Replaced func()
	// Ended says that the program ends while the file fails, and how many lines were
	// lost.
	Ended func(lost int)
}

// errSlow is the failure of a disk that takes lines slower than they come.
var errSlow = errors.New("the disk hangs or is too slow")

// File is a log file. It implements zapcore.WriteSyncer and may be used from many
// goroutines.
type File struct {
	notice Notice
	target target

	mu     sync.RWMutex
	closed bool
	lines  chan []byte

	overrun atomic.Int64 // lines for which there was no room in lines
	ended   chan struct{}
}

// Open begins to write to a file, which is made with the first line. Only what
// could never be a log file is an error; whatever else fails may be mended while
// the program runs, and is told as a notice.
func Open(path string, notice Notice) (*File, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, notRegular(path)
	}
	f := &File{
		notice: notice,
		target: target{path: path, rotated: &lumberjack.Logger{Filename: path, MaxSize: maxSize, MaxBackups: maxBackups}},
		lines:  make(chan []byte, maxWaiting), ended: make(chan struct{}),
	}
	go f.run()
	return f, nil
}

// Write hands a line over. It never waits and never fails: see Notice. A line that
// comes after Close is dropped.
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

// Sync does nothing: what was handed over is written without it.
func (f *File) Sync() error { return nil }

// Close writes what was handed over and closes the file. It waits for a disk that
// hangs no longer than closeTimeout. No Write may follow.
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
	case <-f.ended:
	case <-patience.C:
	}
}

// run writes the lines, and alone knows the state of the file.
func (f *File) run() {
	defer close(f.ended)
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

// target is the file under its path, which others may delete or rename.
type target struct {
	path    string
	rotated *lumberjack.Logger
	is      fs.FileInfo // the file that rotated has open; nil if it has none
	torn    bool        // its last line is there in part
}

// write writes one line. replaced says that the file of the line before was gone
// from its path: what is written to it nobody would see.
func (t *target) write(line []byte) (replaced bool, err error) {
	// lumberjack would make a directory that is gone, which may be where a disk was
	// mounted, and rename whatever it can't open.
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
		t.forget() // deleted in this very moment; the next line begins a new one
	}
	return replaced, nil
}

// forget closes the file, so that the next line opens what is under the path.
func (t *target) forget() {
	// The lines are with the kernel, or their loss has been told.
	_ = t.rotated.Close()
	t.is = nil
}

func notRegular(path string) error { return fmt.Errorf("%s is no ordinary file", path) }

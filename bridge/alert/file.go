package alert

import (
	"os"
	"sync"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/internal/statefile"
)

const (
	// fileMode lets the service's group read what has to be done. The file contains no
	// secret.
	fileMode = 0o640

	// maxFileSize is the maximum size of an alert file, in bytes.
	maxFileSize = 64 << 10
)

// file is an alert file. Its disk operations run in a goroutine, because a disk may
// hang.
type file struct {
	path string // "" if there is to be no file
	log  *zap.Logger

	mu      sync.Mutex
	content string        // of the file; "" if it is to be removed
	stale   bool          // the file on disk may have other content
	written chan struct{} // closed when the running write ends; nil if none runs
	failed  bool          // an error about this content was logged
}

// slowWrite is how long a change waits for its file: a disk may hang.
const slowWrite = time.Second

// set changes the content of the file, and repeats what has failed. done is called when
// the file is written, could not be written, or is slow.
func (f *file) set(content string, running *sync.WaitGroup, done func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.path == "" {
		return
	}
	if content != f.content {
		f.content, f.stale, f.failed = content, true, false
	}
	if !f.stale {
		return
	}
	if f.written == nil {
		f.written = make(chan struct{})
		running.Go(f.write)
	}
	written := f.written
	running.Go(func() {
		select {
		case <-written:
		case <-time.After(slowWrite):
		}
		done()
	})
}

// write writes or removes the file until it is up to date or an operation fails.
func (f *file) write() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.stale {
		content := f.content
		f.mu.Unlock()
		var err error
		if content == "" {
			err = statefile.Remove(f.path)
		} else {
			err = statefile.Write(f.path, []byte(content), fileMode)
		}
		f.mu.Lock()
		if content != f.content {
			continue
		}
		if f.stale = err != nil; f.stale {
			f.logFailure(err)
			break
		}
	}
	close(f.written)
	f.written = nil
}

// logFailure logs a failure once for each content.
func (f *file) logFailure(err error) {
	if f.failed {
		return
	}
	f.failed = true
	text := "the alert file cannot be written: check that state_dir exists and is writable"
	if f.content == "" {
		text = "the alert is cleared, but its file cannot be removed: remove it"
	}
	f.log.Error(text, zap.String("file", f.path), zap.Error(err))
}

// read reads the file that the previous run has left, and when it was changed.
func (f *file) read() (content string, changed time.Time, err error) {
	info, err := os.Lstat(f.path)
	if err != nil {
		return "", time.Time{}, err
	}
	read, err := statefile.Read(f.path, maxFileSize)
	f.content = string(read)
	f.stale = f.content == ""
	return f.content, info.ModTime(), err
}

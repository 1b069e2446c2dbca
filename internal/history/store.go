package history

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/internal/statefile"
)

// store is the directory with the files. It is not safe for concurrent use.
type store struct {
	options Options

	root      *os.Root   // nil while the directory is unusable
	lock      *os.File   // of the directory, against a second process
	segments  []*segment // oldest first
	active    *os.File   // of the last segment, which is written to, or nil
	retired   []retired  // previous active ones, to be synced and closed
	bytes     int64
	unsynced  bool  // readings were written since the last fsync
	torn      bool  // a write failed and left an incomplete line
	unwritten []Key // acknowledged, but not on disk

	stats    Stats
	failing  bool // the last access failed, and that is logged
	dropping bool // readings were dropped since the history was last empty, and that is logged
}

// retired is a file that is no longer written to.
type retired struct {
	segment *segment
	file    *os.File
}

// open opens and loads the directory unless it is open.
func (s *store) open() error {
	if s.root != nil {
		return nil
	}
	if err := makeDir(s.options.Dir); err != nil {
		return err
	}
	root, err := os.OpenRoot(s.options.Dir + "/.") // fails for a pipe instead of waiting for its writer
	if err != nil {
		return err
	}
	lock, err := root.Open(".")
	if err != nil {
		return errors.Join(err, root.Close())
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errors.Join(fmt.Errorf("another hueair2mqtt uses it: %w", err), lock.Close(), root.Close())
	}
	s.root, s.lock = root, lock
	if err := s.load(); err != nil {
		s.root, s.lock = nil, nil
		return errors.Join(err, lock.Close(), root.Close())
	}
	return nil
}

func makeDir(dir string) error {
	if err := os.Mkdir(dir, 0o750); errors.Is(err, fs.ErrExist) {
		return nil
	} else if err != nil {
		return err
	}
	made, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(statefile.MatchOwner(made, filepath.Dir(dir)), made.Close())
}

func (s *store) close() {
	if s.active != nil {
		s.check(s.active.Close())
		s.active = nil
		if last := s.last(); last.size == 0 {
			s.remove(last)
		}
	}
	if s.root != nil {
		s.check(errors.Join(s.root.Close(), s.lock.Close()))
		s.root = nil
	}
}

// load loads the files of previous runs.
func (s *store) load() error {
	entries, err := fs.ReadDir(s.root.FS(), ".")
	if err != nil {
		return err
	}
	var found []*segment
	for _, entry := range entries {
		if segment := newSegment(entry.Name()); segment != nil && entry.Type().IsRegular() {
			found = append(found, segment)
		}
	}
	slices.SortFunc(found, (*segment).compare)
	var damaged int64
	for _, segment := range found {
		s.segments = append(s.segments, segment)
		lost, err := s.loadSegment(segment)
		if err != nil {
			s.leave(segment, err)
			continue
		}
		damaged += lost
	}
	for _, segment := range s.segments {
		s.stats.Kept += int64(segment.pending)
	}
	s.damaged(damaged)
	s.removeFinished()
	return nil
}

// loadSegment loads a file and applies its acknowledgements to earlier files.
func (s *store) loadSegment(of *segment) (lost int64, err error) {
	file, err := s.root.Open(of.name())
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	of.size = info.Size()
	s.bytes += of.size
	broken := int64(0) // lines since the last valid reading
	lines := newLines(file)
	for lines.next() {
		line, ok := parse(lines.text, of.id)
		switch {
		case !ok || line.reading && !of.plausible(line.index):
			if lines.whole {
				broken++
			}
		case line.reading:
			if of.first == 0 {
				lost += broken
			} else {
				lost += int64(line.index - of.next)
			}
			broken = 0
			of.take(line.index, line.time)
		default:
			i := slices.IndexFunc(s.segments, func(other *segment) bool { return other.id == line.segment })
			if i < 0 {
				continue
			}
			earlier := s.segments[i]
			for index := max(line.index, earlier.first); index <= line.last && index < earlier.next; index++ {
				earlier.acknowledge(index)
			}
		}
	}
	return lost + broken, lines.err
}

// find returns the segment with a number, or nil.
func (s *store) find(number uint64) *segment {
	i, ok := slices.BinarySearchFunc(s.segments, number, func(segment *segment, number uint64) int { return cmp.Compare(segment.number, number) })
	if !ok {
		return nil
	}
	return s.segments[i]
}

func (s *store) last() *segment { return s.segments[len(s.segments)-1] }

// drop deletes the oldest file and returns the number of readings lost.
func (s *store) drop() (lost int64) {
	oldest := s.segments[0]
	s.forget(oldest)
	s.remove(oldest)
	// Its space is free once no process has it open.
	s.retired = slices.DeleteFunc(s.retired, func(r retired) bool {
		if r.segment == oldest {
			s.check(r.file.Close())
		}
		return r.segment == oldest
	})
	return int64(oldest.pending)
}

// dropExpired drops the files in which every reading is too old.
func (s *store) dropExpired(now time.Time) {
	for len(s.segments) > 1 && now.Sub(s.segments[0].newest) > s.options.MaxAge {
		if lost := s.drop(); lost > 0 {
			s.stats.Expired += lost
			s.reportDropped("they are older than history.max_age")
		}
	}
}

// leave removes an unreadable file from the store, but not from the directory.
func (s *store) leave(unreadable *segment, err error) {
	s.options.Log.Error("a file of recorded readings can't be read; it remains and is tried again at the next start",
		zap.String("file", filepath.Join(s.options.Dir, unreadable.name())), zap.Int("readings", unreadable.pending), zap.Error(err))
	if s.active != nil && unreadable == s.last() {
		s.retire()
	}
	s.forget(unreadable)
}

// retire stops writing to the active file.
func (s *store) retire() {
	s.retired = append(s.retired, retired{s.last(), s.active})
	s.active = nil
}

// forget removes a file from the store.
func (s *store) forget(gone *segment) {
	s.segments = slices.DeleteFunc(s.segments, func(other *segment) bool { return other == gone })
	s.bytes -= gone.size
}

// removeFinished deletes the oldest files without pending readings. Later files
// remain, because they may acknowledge readings of earlier ones.
func (s *store) removeFinished() {
	for len(s.segments) > 0 && s.segments[0].pending == 0 && (len(s.segments) > 1 || s.active == nil) {
		oldest := s.segments[0]
		s.forget(oldest)
		s.remove(oldest)
	}
}

// remove deletes a file.
func (s *store) remove(gone *segment) {
	if err := s.root.Remove(gone.name()); !errors.Is(err, fs.ErrNotExist) {
		s.check(err)
	}
}

// check logs that the disk fails, once until it recovers.
func (s *store) check(err error) {
	if err == nil || s.failing {
		return
	}
	s.failing = true
	s.options.Log.Error("readings can't be recorded for later, only published: make this directory writable for hueair2mqtt and free some space",
		zap.String("directory", s.options.Dir), zap.Error(err))
}

// recovered logs that the disk works again.
func (s *store) recovered() {
	if s.failing {
		s.failing = false
		s.options.Log.Info("readings are recorded again", zap.String("directory", s.options.Dir))
	}
}

// damaged counts and logs readings that are damaged on disk.
func (s *store) damaged(lost int64) {
	if lost == 0 {
		return
	}
	s.stats.Damaged += lost
	s.options.Log.Warn("recorded readings are damaged on disk and lost; the others are not affected",
		zap.String("directory", s.options.Dir), zap.Int64("lost", lost))
}

// reportDropped logs that readings are dropped, once until the history is empty.
func (s *store) reportDropped(reason string) {
	if s.dropping {
		return
	}
	s.dropping = true
	s.options.Log.Warn("the oldest recorded readings are dropped: "+reason,
		zap.Duration("max_age", s.options.MaxAge), zap.Int64("max_bytes", s.options.MaxBytes))
}

package history

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"go.uber.org/zap"

	"hueair2mqtt/internal/statefile"
)

// open makes the directory usable and loads it, if that is still to be done.
func (l *Log) open() error {
	if l.root != nil {
		return nil
	}
	if err := makeDir(l.options.Dir); err != nil {
		return err
	}
	root, err := os.OpenRoot(l.options.Dir + "/.") // which fails for a pipe, rather than wait for its writer
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
	l.root, l.lock = root, lock
	if err := l.load(); err != nil {
		l.root, l.lock = nil, nil
		return errors.Join(err, lock.Close(), root.Close())
	}
	return nil
}

// makeDir makes the directory if it is missing.
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

// load takes up what earlier runs have left.
func (l *Log) load() error {
	directory, err := l.root.Open(".")
	if err != nil {
		return err
	}
	entries, err := directory.ReadDir(-1)
	if err := errors.Join(err, directory.Close()); err != nil {
		return err
	}
	var found []*segment
	for _, entry := range entries {
		if s := newSegment(entry.Name()); s != nil && entry.Type().IsRegular() {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, (*segment).compare)
	var damaged int64
	for _, s := range found {
		l.segments = append(l.segments, s)
		lost, err := l.loadSegment(s)
		if err != nil {
			l.leave(s, err)
			continue
		}
		damaged += lost
	}
	for _, s := range l.segments {
		l.stats.Kept += int64(s.pending)
	}
	if damaged > 0 {
		l.stats.Damaged += damaged
		l.options.Log.Warn("readings of the history are damaged on the disk and lost; the others are not touched by that",
			zap.String("directory", l.options.Dir), zap.Int64("lost", damaged))
	}
	l.removeFinished()
	if len(l.segments) > 0 {
		signal(l.changed)
	}
	return nil
}

// loadSegment reads a file, and what it says of files before it.
func (l *Log) loadSegment(s *segment) (lost int64, err error) {
	file, err := l.root.Open(s.name())
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	s.size = info.Size()
	l.bytes += s.size
	broken := int64(0) // lines since the last good reading
	lines := newLines(file)
	for lines.next() {
		line, ok := parse(lines.text, s.id)
		switch {
		case !ok || line.reading && !s.plausible(line.index):
			if lines.whole {
				broken++
			}
		case line.reading:
			if s.first == 0 {
				lost += broken
			} else {
				lost += int64(line.index - s.next)
			}
			broken = 0
			s.take(line.index, line.time)
		default:
			if of := l.findByID(line.segment); of != nil {
				for index := max(line.index, of.first); index <= line.last && index < of.next; index++ {
					of.acknowledge(index)
				}
			}
		}
	}
	return lost + broken, lines.err
}

// find finds a file by its number.
func (l *Log) find(number uint64) *segment {
	i, ok := slices.BinarySearchFunc(l.segments, number, func(s *segment, number uint64) int {
		switch {
		case s.number < number:
			return -1
		case s.number > number:
			return 1
		}
		return 0
	})
	if !ok {
		return nil
	}
	return l.segments[i]
}

func (l *Log) findByID(id string) *segment {
	for _, s := range l.segments {
		if s.id == id {
			return s
		}
	}
	return nil
}

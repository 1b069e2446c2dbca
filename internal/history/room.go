package history

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/internal/statefile"
)

// writable gives the file to write to, a new one if the last is full or spans too
// long a time.
func (l *Log) writable(now time.Time) (*segment, error) {
	if l.active != nil {
		s := l.segments[len(l.segments)-1]
		if s.size == 0 || s.size < l.segmentBytes() && now.Sub(s.oldest) < l.options.MaxAge/segmentsAtMost {
			return s, nil
		}
	}
	return l.begin()
}

func (l *Log) segmentBytes() int64 {
	return min(maxSegmentBytes, l.options.MaxBytes/segmentsAtMost)
}

// begin begins a new file.
func (l *Log) begin() (*segment, error) {
	number := uint64(1)
	if n := len(l.segments); n > 0 {
		number = l.segments[n-1].number + 1
	}
	s := drawSegment(number)
	file, err := l.root.OpenFile(s.name(), os.O_RDWR|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	if err := statefile.MatchOwner(file, l.options.Dir); err != nil {
		return nil, errors.Join(err, file.Close(), l.root.Remove(s.name()))
	}
	if l.active != nil {
		l.retire()
	}
	l.active, l.torn = file, false
	l.segments = append(l.segments, s)
	signal(l.wake)
	return s, nil
}

// retired is a file that is no longer written to.
type retired struct {
	segment *segment
	file    *os.File
}

// retire ends writing to the active file.
func (l *Log) retire() {
	l.retired = append(l.retired, retired{l.segments[len(l.segments)-1], l.active})
	l.active = nil
}

// makingRoom writes something; on a full disk the oldest readings make room.
func (l *Log) makingRoom(write func() error) error {
	for {
		err := write()
		full := errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
		if !full || len(l.segments) < 2 {
			return err
		}
		l.stats.Overflowed += l.drop()
		l.tellDropped("the disk is full")
	}
}

// hasRoom says whether that many bytes are within the bound.
func (l *Log) hasRoom(text []byte) bool { return l.bytes+int64(len(text)) <= l.options.MaxBytes }

// write appends a line to the active file.
func (l *Log) write(line []byte) error {
	s := l.segments[len(l.segments)-1]
	if l.torn {
		// What a failed write has left is a broken line of its own.
		line = append([]byte{'\n'}, line...)
	}
	n, err := l.active.Write(line)
	if err != nil {
		if n > 0 {
			if truncateErr := l.active.Truncate(s.size); truncateErr != nil {
				s.size, l.bytes, l.torn = s.size+int64(n), l.bytes+int64(n), true
				err = errors.Join(err, truncateErr)
			}
		}
		return err
	}
	s.size, l.bytes, l.torn = s.size+int64(n), l.bytes+int64(n), false
	return nil
}

// drop deletes the oldest file and returns how many readings that costs.
func (l *Log) drop() (lost int64) {
	s := l.segments[0]
	l.forget(s)
	l.remove(s)
	// Its room is free when nobody has it open.
	l.retired = slices.DeleteFunc(l.retired, func(r retired) bool {
		if r.segment == s {
			l.check(r.file.Close())
		}
		return r.segment == s
	})
	return int64(s.pending)
}

// leave takes a file that can't be read out of the log and leaves it where it is,
// for the next start.
func (l *Log) leave(s *segment, err error) {
	l.options.Log.Error("a file of the history can't be read; it is left where it is and tried again at the next start",
		zap.String("file", filepath.Join(l.options.Dir, s.name())), zap.Int("readings", s.pending), zap.Error(err))
	if l.active != nil && s == l.segments[len(l.segments)-1] {
		l.retire()
	}
	l.forget(s)
}

// forget takes a file out of the log.
func (l *Log) forget(s *segment) {
	l.segments = slices.DeleteFunc(l.segments, func(other *segment) bool { return other == s })
	l.bytes -= s.size
	for key := range l.live {
		if key.segment == s.number {
			delete(l.live, key)
		}
	}
}

// dropExpired drops the files in which nothing is young enough.
func (l *Log) dropExpired(now time.Time) {
	for len(l.segments) > 1 && now.Sub(l.segments[0].newest) > l.options.MaxAge {
		if lost := l.drop(); lost > 0 {
			l.stats.Expired += lost
			l.tellDropped("they are older than history.max_age")
		}
	}
}

// removeFinished deletes the oldest files, as long as nothing in them is waited
// for. A later file stays: it may acknowledge something in an earlier one.
func (l *Log) removeFinished() {
	for len(l.segments) > 0 && l.segments[0].pending == 0 {
		if len(l.segments) == 1 && l.active != nil {
			return
		}
		s := l.segments[0]
		l.forget(s)
		l.remove(s)
	}
}

// remove deletes a file.
func (l *Log) remove(s *segment) {
	if err := l.root.Remove(s.name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.tell(err)
	}
}

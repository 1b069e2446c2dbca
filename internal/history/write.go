package history

import (
	"cmp"
	"errors"
	"os"
	"slices"
	"syscall"
	"time"

	"hueair2mqtt/internal/statefile"
)

const (
	// maxSegmentBytes bounds a file, so that little is dropped at once.
	maxSegmentBytes = 1 << 20

	// minSegments is the min number of files into which size and age are divided.
	minSegments = 16
)

// add writes a reading.
func (s *store) add(device string, at time.Time, state []byte) (key Key, err error) {
	if err := s.open(); err != nil {
		return Key{}, err
	}
	s.dropExpired(at)
	for {
		key, err = s.tryAdd(device, at, state)
		full := errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
		if !full || len(s.segments) < 2 {
			return key, err
		}
		s.stats.Overflowed += s.drop()
		s.reportDropped("the disk is full")
	}
}

func (s *store) tryAdd(device string, at time.Time, state []byte) (Key, error) {
	to, err := s.writable(at)
	if err != nil {
		return Key{}, err
	}
	line := appendReading(nil, to.id, to.next, at, device, state)
	for !s.hasSpace(line) && len(s.segments) > 1 {
		s.stats.Overflowed += s.drop()
		s.reportDropped("they exceed history.max_megabytes")
	}
	if err := s.write(line); err != nil {
		return Key{}, err
	}
	key := Key{to.number, to.next}
	to.take(to.next, at)
	s.unsynced = true
	return key, nil
}

// writable returns the segment to write to, a new one if the last is full or spans
// too long a time.
func (s *store) writable(now time.Time) (*segment, error) {
	if s.active != nil {
		last, maxBytes := s.last(), min(maxSegmentBytes, s.options.MaxBytes/minSegments)
		if last.size == 0 || last.size < maxBytes && now.Sub(last.oldest) < s.options.MaxAge/minSegments {
			return last, nil
		}
	}
	return s.begin()
}

// begin creates a new file to write to.
func (s *store) begin() (*segment, error) {
	number := uint64(1)
	if len(s.segments) > 0 {
		number = s.last().number + 1
	}
	created := drawSegment(number)
	file, err := s.root.OpenFile(created.name(), os.O_RDWR|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	if err := statefile.MatchOwner(file, s.options.Dir); err != nil {
		return nil, errors.Join(err, file.Close(), s.root.Remove(created.name()))
	}
	if s.active != nil {
		s.retire()
	}
	s.active, s.torn = file, false
	s.segments = append(s.segments, created)
	return created, nil
}

// hasSpace reports whether the text is within MaxBytes.
func (s *store) hasSpace(text []byte) bool { return s.bytes+int64(len(text)) <= s.options.MaxBytes }

// write appends a line to the active file.
func (s *store) write(line []byte) error {
	if s.torn {
		line = append([]byte{'\n'}, line...) // ends the incomplete line
	}
	n, err := s.active.Write(line)
	if err == nil {
		s.torn = false
	} else if n > 0 {
		if truncateErr := s.active.Truncate(s.last().size); truncateErr != nil {
			s.torn, err = true, errors.Join(err, truncateErr)
		} else {
			n = 0
		}
	}
	s.last().size += int64(n)
	s.bytes += int64(n)
	return err
}

// acknowledge marks readings as done and returns how many were not.
func (s *store) acknowledge(keys ...Key) (changed int64) {
	for _, key := range keys {
		if of := s.find(key.segment); of != nil && of.acknowledge(key.index) {
			s.unwritten = append(s.unwritten, key)
			changed++
		}
	}
	return changed
}

// flush writes acknowledgements, or removes the files they are about.
func (s *store) flush() {
	if s.root == nil {
		return
	}
	if slices.ContainsFunc(s.segments, func(of *segment) bool { return of.pending > 0 }) {
		s.check(s.writeAcknowledgements())
		s.removeFinished()
		return
	}
	s.unwritten = nil
	s.removeFinished()
	s.dropping, s.unsynced = false, false
	if s.active == nil || s.last().size == 0 {
		return
	}
	if err := s.active.Truncate(0); err != nil {
		s.check(err)
		return
	}
	s.bytes -= s.last().size
	s.torn = false
	s.last().empty()
}

// writeAcknowledgements writes those that are only in memory.
func (s *store) writeAcknowledgements() error {
	if len(s.unwritten) == 0 {
		return nil
	}
	if s.active == nil {
		if _, err := s.begin(); err != nil {
			return err
		}
	}
	slices.SortFunc(s.unwritten, func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.segment, b.segment), cmp.Compare(a.index, b.index))
	})
	var text []byte
	for rest := s.unwritten; len(rest) > 0; {
		first, n := rest[0], 1
		for n < len(rest) && rest[n] == (Key{first.segment, first.index + uint64(n)}) {
			n++
		}
		if of := s.find(first.segment); of != nil {
			text = appendAcknowledgement(text, s.last().id, of.id, first.index, first.index+uint64(n)-1)
		}
		rest = rest[n:]
	}
	// No reading is dropped for them: without them some would only be repeated.
	if !s.hasSpace(text) {
		return nil
	}
	if err := s.write(text); err != nil {
		return err
	}
	s.unwritten = s.unwritten[:0]
	return nil
}

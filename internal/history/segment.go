package history

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// segment is one file.
type segment struct {
	number uint64
	id     string

	size   int64 // in bytes
	first  uint64
	next   uint64 // the index of the next reading
	oldest time.Time
	newest time.Time

	// done has a bit for each reading from first on that is acknowledged or lost.
	done    big.Int
	pending int // readings that are not done

	live map[uint64]struct{} // indexes of the pending readings that are being published

	emptied int   // how often
	read    int64 // offset in bytes before which every reading is done
}

var segmentName = regexp.MustCompile(`^([0-9]{8,19})-([a-z2-7]{10})\.history$`)

// newSegment returns the segment of a file name, or nil if it is not one.
func newSegment(name string) *segment {
	parts := segmentName.FindStringSubmatch(name)
	if parts == nil {
		return nil
	}
	number, err := strconv.ParseUint(parts[1], 10, 63)
	if err != nil || number == 0 {
		return nil
	}
	s := &segment{number: number, id: parts[2], next: 1}
	if s.name() != name {
		return nil
	}
	return s
}

// drawSegment returns a new segment with a unique id of 50 random bits.
func drawSegment(number uint64) *segment {
	return &segment{number: number, id: strings.ToLower(rand.Text()[:10]), next: 1}
}

func (s *segment) name() string { return fmt.Sprintf("%08d-%s.history", s.number, s.id) }

func (s *segment) compare(other *segment) int {
	return cmp.Or(cmp.Compare(s.number, other.number), cmp.Compare(s.id, other.id))
}

// recordID returns the published id of a reading.
func (s *segment) recordID(index uint64) string {
	return s.id + "-" + strconv.FormatUint(index, 10)
}

// plausible reports whether a reading of this index may follow. A file has fewer
// readings than bytes.
func (s *segment) plausible(index uint64) bool {
	return index >= s.next && (s.first == 0 || index-s.first < uint64(s.size))
}

// take adds a reading of the file.
func (s *segment) take(index uint64, at time.Time) {
	if s.first == 0 {
		s.first, s.oldest, s.newest = index, at, at
	}
	// Readings between are lost and not pending.
	s.next = index + 1
	s.pending++
	// A clock that is set back makes nothing newer.
	if at.After(s.newest) {
		s.newest = at
	}
}

// isDone reports whether a reading is acknowledged, lost or unknown.
func (s *segment) isDone(index uint64) bool {
	if s.first == 0 || index < s.first || index >= s.next {
		return true
	}
	return s.done.Bit(int(index-s.first)) == 1
}

// acknowledge marks a reading as done. It reports false if it already was.
func (s *segment) acknowledge(index uint64) bool {
	if s.isDone(index) {
		return false
	}
	s.done.SetBit(&s.done, int(index-s.first), 1)
	s.pending--
	delete(s.live, index)
	return true
}

// empty resets the segment after its file was emptied. Indexes continue, because ids
// are unique.
func (s *segment) empty() {
	s.emptied++
	s.size, s.read, s.first = 0, 0, 0
	s.done.SetInt64(0)
}

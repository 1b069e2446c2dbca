package history

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// segment is one file with what is known of it.
type segment struct {
	number uint64
	id     string

	size   int64 // bytes, all of them whole lines as far as this run wrote them
	first  uint64
	next   uint64 // the index of the next reading
	oldest time.Time
	newest time.Time

	// done has a bit for each reading from first on: it is acknowledged, or given up.
	done    []uint64
	pending int // readings that are not done

	emptied int // how often

	// read is where replay goes on, in bytes: before it nothing is to be done.
	read int64
}

var segmentName = regexp.MustCompile(`^([0-9]{8,19})-([a-z2-7]{10})\.history$`)

// newSegment is the segment of a file's name; nil if it is none.
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

// drawSegment makes a new one with an id that no other has: 50 random bits.
func drawSegment(number uint64) *segment {
	return &segment{number: number, id: strings.ToLower(rand.Text()[:10]), next: 1}
}

func (s *segment) name() string { return fmt.Sprintf("%08d-%s.history", s.number, s.id) }

func (s *segment) compare(other *segment) int {
	return cmp.Or(cmp.Compare(s.number, other.number), cmp.Compare(s.id, other.id))
}

// recordID is what the world knows a reading by.
func (s *segment) recordID(index uint64) string {
	return s.id + "-" + strconv.FormatUint(index, 10)
}

// plausible says whether a reading of this index may follow. No file holds as
// many readings as it has bytes.
func (s *segment) plausible(index uint64) bool {
	return index >= s.next && (s.first == 0 || index-s.first < uint64(s.size))
}

// take counts a reading in that the file has.
func (s *segment) take(index uint64, at time.Time) {
	if s.first == 0 {
		s.first, s.oldest, s.newest = index, at, at
	}
	// What lies between was lost; nobody waits for it.
	s.next = index + 1
	s.pending++
	// A clock that is set back makes nothing younger.
	if at.After(s.newest) {
		s.newest = at
	}
	for uint64(len(s.done))*64 <= index-s.first {
		s.done = append(s.done, 0)
	}
}

// isDone says whether nobody waits for a reading any more.
func (s *segment) isDone(index uint64) bool {
	if s.first == 0 || index < s.first || index >= s.next {
		return true
	}
	bit := index - s.first
	return s.done[bit/64]&(1<<(bit%64)) != 0
}

// acknowledge makes a reading done; false if it was already.
func (s *segment) acknowledge(index uint64) bool {
	if s.isDone(index) {
		return false
	}
	bit := index - s.first
	s.done[bit/64] |= 1 << (bit % 64)
	s.pending--
	return true
}

// empty forgets what was in the file, which has been emptied. Indexes go on: ids
// are never used twice.
func (s *segment) empty() {
	s.emptied++
	s.size, s.read, s.first, s.done = 0, 0, 0, s.done[:0]
}

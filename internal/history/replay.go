package history

import (
	"bytes"
	"io"
	"os"
	"sync"
	"time"
)

// replayer reads records back. It reads the disk without the lock.
type replayer struct {
	mu    *sync.Mutex // of the store
	store *store

	number uint64   // of the segment that is open
	file   *os.File // nil if none is
}

// portion is a part of a segment that may have pending readings.
type portion struct {
	*segment
	emptied      int // as the segment's at the start
	offset, size int64
}

// records returns the oldest records to replay, at most limit.
func (r *replayer) records(limit int) (records []Record) {
	for after := uint64(0); ; {
		p, ok := r.next(after)
		if !ok {
			r.close()
			return records
		}
		var complete bool
		if records, complete = r.read(p, records, limit); complete {
			return records
		}
		after = p.number
	}
}

// next returns the portion of the next segment with pending readings.
func (r *replayer) next(after uint64) (portion, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.store.segments {
		if s.number > after && s.pending > 0 {
			return portion{s, s.emptied, s.read, s.size}, true
		}
	}
	return portion{}, false
}

// read appends the records of a portion. It reports whether no record may follow.
func (r *replayer) read(p portion, records []Record, limit int) ([]Record, bool) {
	err := r.open(p.segment)
	if err != nil {
		r.leave(p.segment, err)
		return records, false
	}
	before := len(records)
	lines := newLines(io.NewSectionReader(r.file, p.offset, p.size-p.offset))
	for lines.next() {
		found, ok := parse(lines.text, p.id)
		switch r.judge(p, found, ok && found.reading, len(records) == before, p.offset+lines.end) {
		case stopHere:
			return records, true
		case takeLine:
			records = append(records, Record{
				Key: Key{p.number, found.index}, ID: p.recordID(found.index),
				Device: found.device, Time: found.time, State: bytes.Clone(found.state),
			})
			if len(records) == limit {
				return records, true
			}
		}
	}
	switch {
	case lines.err != nil:
		r.leave(p.segment, lines.err)
	case len(records) == before:
		r.giveUp(p)
	}
	return records, false
}

// verdict is what to do about a line.
type verdict int

const (
	skipLine verdict = iota
	takeLine
	stopHere // nothing may overtake this reading
)

// judge decides about the line that ends at end. none reports whether no record was
// taken from the portion so far.
func (r *replayer) judge(p portion, found line, reading, none bool, end int64) verdict {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.segment.emptied != p.emptied {
		return stopHere
	}
	if reading && !p.isDone(found.index) {
		if _, live := p.live[found.index]; live {
			return stopHere
		}
		if time.Since(found.time) <= r.store.options.MaxAge {
			return takeLine
		}
		r.store.stats.Expired += r.store.acknowledge(Key{p.number, found.index})
		r.store.reportDropped("they are older than history.max_age")
	}
	if none {
		p.segment.read = end
	}
	return skipLine
}

// giveUp marks as lost what should be pending in a portion and was not found.
func (r *replayer) giveUp(p portion) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.segment.emptied != p.emptied || p.segment.size != p.size {
		return
	}
	lost := int64(0)
	for index := p.first; index < p.segment.next; index++ {
		lost += r.store.acknowledge(Key{p.number, index})
	}
	r.store.damaged(lost)
}

// leave gives up an unreadable file.
func (r *replayer) leave(s *segment, err error) {
	r.close()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.store.find(s.number) == s { // else it has been dropped
		r.store.leave(s, err)
	}
}

// open opens the file of a segment.
func (r *replayer) open(s *segment) error {
	if r.number == s.number {
		return nil
	}
	r.close()
	file, err := r.store.root.Open(s.name())
	if err != nil {
		return err
	}
	r.number, r.file = s.number, file
	return nil
}

func (r *replayer) close() {
	if r.file != nil {
		r.file.Close() // it was only read
		r.number, r.file = 0, nil
	}
}

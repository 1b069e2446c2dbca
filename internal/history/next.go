package history

import (
	"bytes"
	"context"
	"io"
	"os"
	"time"

	"go.uber.org/zap"
)

// reader is the file that Next reads.
type reader struct {
	number uint64 // of the segment
	file   *os.File
}

func (r *reader) close() {
	if r.file != nil {
		r.file.Close() // nothing was written
		*r = reader{}
	}
}

// Next waits until there are records to be replayed and returns the oldest of
// them, at most so many. They come again until they are acknowledged. Nothing comes
// before a live record that is older. The error is the context's.
func (l *Log) Next(ctx context.Context, most int) ([]Record, error) {
	for {
		if records := l.waiting(most); len(records) > 0 {
			return records, nil
		}
		select {
		case <-l.changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// waiting collects the oldest records.
func (l *Log) waiting(most int) []Record {
	c := collection{log: l, most: most}
	for from := uint64(0); ; from = c.segment.number + 1 {
		if !l.begins(&c, from) {
			l.reader.close() // there is no more to read
			return c.records
		}
		if c.readSegment(); c.full {
			return c.records
		}
	}
}

// collection is what one call of Next finds.
type collection struct {
	log     *Log
	most    int
	records []Record
	full    bool // nothing may be added any more

	segment *segment // that is read
	emptied int      // how often it had been emptied when that began
	offset  int64    // where that began, in bytes
	size    int64    // and where it ends
}

// begins gives the collection the next file in which there is something to do.
func (l *Log) begins(c *collection, from uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.segments {
		if s.number >= from && s.pending > 0 {
			c.segment, c.emptied, c.offset, c.size = s, s.emptied, s.read, s.size
			return true
		}
	}
	return false
}

// readSegment collects from one file. The disk is read without the lock.
func (c *collection) readSegment() {
	l, s := c.log, c.segment
	if err := l.openReader(s); err != nil {
		c.leave(err)
		return
	}
	lines := newLines(io.NewSectionReader(l.reader.file, c.offset, c.size-c.offset))
	nothing := true // is to be done so far
	for lines.next() {
		found, ok := parse(lines.text, s.id)
		if !c.add(found, ok && found.reading, c.offset+lines.end, &nothing) {
			c.full = true
			return
		}
	}
	if lines.err != nil {
		c.leave(lines.err)
	} else if nothing {
		c.finish()
	}
}

// add adds a reading, if the line is one and somebody waits for it; end is where
// the line ends. false means that nothing may follow.
func (c *collection) add(found line, reading bool, end int64, nothing *bool) bool {
	l, s := c.log, c.segment
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.emptied != c.emptied {
		return false
	}
	if reading && !s.isDone(found.index) {
		key := Key{s.number, found.index}
		if _, live := l.live[key]; live {
			return false
		}
		if time.Since(found.time) <= l.options.MaxAge {
			*nothing = false
			c.records = append(c.records, Record{
				Key: key, ID: s.recordID(found.index),
				Device: found.device, Time: found.time, State: bytes.Clone(found.state),
			})
			return len(c.records) < c.most
		}
		l.stats.Expired += int64(l.acknowledge([]Key{key}))
		l.tellDropped("they are older than history.max_age")
		signal(l.wake)
	}
	if *nothing {
		s.read = end
	}
	return true
}

// finish gives up what should be in a file that has been read to its end, and was
// not found.
func (c *collection) finish() {
	l, s := c.log, c.segment
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.emptied != c.emptied || s.size != c.size || s.pending == 0 {
		return
	}
	lost := 0
	for index := s.first; index < s.next; index++ {
		lost += l.acknowledge([]Key{{s.number, index}})
	}
	l.stats.Damaged += int64(lost)
	l.options.Log.Warn("readings of the history are damaged on the disk and lost; the others are not touched by that",
		zap.String("directory", l.options.Dir), zap.Int("lost", lost))
	signal(l.wake)
}

// openReader makes the reader read this file.
func (l *Log) openReader(s *segment) error {
	if l.reader.number == s.number {
		return nil
	}
	l.reader.close()
	file, err := l.root.Open(s.name())
	if err != nil {
		return err
	}
	l.reader = reader{s.number, file}
	return nil
}

// leave gives up a file that can't be read.
func (c *collection) leave(err error) {
	l, s := c.log, c.segment
	l.reader.close()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.find(s.number) == s { // else it was dropped meanwhile
		l.leave(s, err)
	}
}

// Package history records on disk the readings that the broker missed, and returns
// them in order once it can receive them. It is a store and forward buffer, not a
// database: a delivered record is removed.
//
// # Records
//
// A record is the state of one device as it is published, with the time of the poll
// or event. Only reachable devices have records. Button presses have none, because
// what they trigger must not be triggered hours later.
//
// A broken connection is noticed late, and the outbox has only the newest state of a
// device. So a reading is written to disk before it is published, and becomes history
// unless the broker acknowledges that very publish: if there is no connection
// ([Log.Add] with live false), if it is replaced in the outbox or rejected
// ([Log.Release]), if the connection is lost ([Log.ReleaseAll]), or at the next start.
//
// Delivery is at least once. After a crash a reading may be published twice; its id,
// such as "k3jq7xw2mf-42", is the same in every repetition.
//
// # Files
//
// A directory has files of lines. Each line has a CRC-32C of itself and of the name of
// its file:
//
//	<crc> r <number> <time, µs> <device> <state as JSON>      a reading
//	<crc> a <file> <first number> <last number>               acknowledged
//
// So damage is local: reading continues at the next line, and the numbers show how
// many readings are lost. Every run begins a new file, so an incomplete last line
// needs no repair. The oldest file is deleted once every reading in it is
// acknowledged; the newest is emptied once nothing is pending.
//
// # Guarantees
//
// A reading is written before [Log.Add] returns, so killing the process loses nothing.
// fsync follows within flushInterval, off the callers' goroutines and only for readings
// still pending: a power failure loses at most the last two seconds of an outage, and
// normal operation needs no fsync. A full disk drops the oldest file, as the configured
// bounds do. A failing disk is logged once, and callers are not affected.
package history

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"
)

// flushInterval is the max delay of acknowledgements and fsync.
const flushInterval = 2 * time.Second

// Log is the history in a directory. It is safe for concurrent use, except that Next
// and Replayed must be called from one goroutine at a time.
type Log struct {
	mu    sync.Mutex
	store store

	replayer replayer // of Next

	changed chan struct{} // has a token if Next may have more
	wake    chan struct{} // has a token if there is something to flush
	done    chan struct{}
	flusher sync.WaitGroup
}

// Open opens a directory with the records of previous runs. An unusable directory is
// logged and tried again with every reading.
func Open(o Options) *Log {
	l := &Log{
		store:   store{options: o},
		changed: make(chan struct{}, 1),
		wake:    make(chan struct{}, 1),
		done:    make(chan struct{}),
	}
	l.replayer = replayer{mu: &l.mu, store: &l.store}
	l.store.check(l.store.open())
	signal(l.changed)
	l.flusher.Go(l.flushUntilDone)
	return l
}

// Close writes pending acknowledgements and closes the files. Pending records are
// there again after the next Open.
func (l *Log) Close() {
	close(l.done)
	l.flusher.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.replayer.close()
	l.store.close()
}

// Stats returns the counts.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.store.stats
	s.Bytes = l.store.bytes
	for _, segment := range l.store.segments {
		s.Waiting += segment.pending - len(segment.live)
	}
	return s
}

// Add records a reading. live means that it is being published as a state: then it
// becomes history only through Release, ReleaseAll or a restart, and records after it
// wait until then. The zero Key means that it could not be written.
//
// state is one JSON object without line breaks, device is of [a-z0-9_].
func (l *Log) Add(device string, at time.Time, state []byte, live bool) Key {
	l.mu.Lock()
	defer l.mu.Unlock()
	opened := l.store.root != nil
	key, err := l.store.add(device, at, state)
	signal(l.wake)
	if err != nil {
		l.store.stats.Unwritten++
		l.store.check(err)
		return Key{}
	}
	l.store.recovered()
	if live {
		of := l.store.last()
		if of.live == nil {
			of.live = map[uint64]struct{}{}
		}
		of.live[key.index] = struct{}{}
	} else {
		l.store.stats.Kept++
	}
	if !live || !opened {
		signal(l.changed)
	}
	return key
}

// Acknowledge records that the broker has received live readings.
func (l *Log) Acknowledge(keys ...Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.store.acknowledge(keys...)
	signal(l.wake)
	signal(l.changed) // records after them may be free now
}

// Replayed records that the broker has received records of Next. They are on disk when
// it returns, if there is space.
func (l *Log) Replayed(keys ...Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.store.stats.Replayed += l.store.acknowledge(keys...)
	l.store.flush()
}

// Release records that a live reading will not be published as a state.
func (l *Log) Release(key Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	of := l.store.find(key.segment)
	if of == nil {
		return
	}
	if _, live := of.live[key.index]; live {
		delete(of.live, key.index)
		l.store.stats.Kept++
		signal(l.changed)
	}
}

// ReleaseAll releases all live readings, because the connection is lost.
func (l *Log) ReleaseAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, segment := range l.store.segments {
		l.store.stats.Kept += int64(len(segment.live))
		clear(segment.live)
	}
	signal(l.changed)
}

// Next waits for records to replay and returns the oldest, at most limit. It returns
// them again until they are acknowledged, and none that is newer than a live reading.
// The error is the context's.
func (l *Log) Next(ctx context.Context, limit int) ([]Record, error) {
	for {
		records := l.replayer.records(limit)
		signal(l.wake) // expired and lost readings are to be flushed
		if len(records) > 0 {
			return records, nil
		}
		select {
		case <-l.changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// flushUntilDone flushes until Close, flushInterval after it is woken.
func (l *Log) flushUntilDone() {
	for done := false; !done; l.flush() {
		select {
		case <-l.wake:
			select {
			case <-time.After(flushInterval):
			case <-l.done:
				done = true
			}
		case <-l.done:
			done = true
		}
	}
}

// flush writes to disk what must survive a power failure. It calls fsync without the
// lock, so that no caller waits for the disk.
func (l *Log) flush() {
	l.mu.Lock()
	s := &l.store
	s.flush()
	files, active := s.retired, s.active
	sync := s.unsynced && s.root != nil
	s.retired, s.unsynced = nil, false
	l.mu.Unlock()

	var errs []error
	for _, r := range files {
		if sync {
			errs = append(errs, r.file.Sync())
		}
		errs = append(errs, r.file.Close())
	}
	if sync {
		// The active file may have been retired, dropped and closed meanwhile.
		if active != nil {
			if err := active.Sync(); !errors.Is(err, os.ErrClosed) {
				errs = append(errs, err)
			}
		}
		errs = append(errs, s.lock.Sync()) // of the directory, for the names of new files
	}
	if err := errors.Join(errs...); err != nil {
		l.mu.Lock()
		s.check(err)
		l.mu.Unlock()
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

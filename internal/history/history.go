// Package history keeps on disk the readings that the broker has not got, and
// gives them back in order when it can take them. It is a store and forward
// buffer, not a database: what has been delivered is gone.
//
// # What is a record
//
// A record is one device as one poll, or one message of an event stream, saw it:
// its id, the time of that (the poll's begin; when a device reported to its
// source stands in the state as last_seen), and the state as it is published,
// byte for byte. Only a device that its source reaches makes records: "not known
// now" is no measurement. Presses of buttons make none either, because what they
// start must not start hours later. Motion does; it is a state.
//
// A record's id is the name of the file that it was first written to, drawn at
// random, and its number in there: "k3jq7xw2mf-42". It is on the disk with the
// record, so that it is the same in every repetition, and no other run can make
// it again.
//
// # What is history
//
// That "the broker is away" is known too late: a connection may be dead for
// seconds before anybody notices, and of the states that wait to be sent only
// the newest of a device remains. So the rule does not ask for the connection. A
// reading is written to disk before it is published, and is history unless the
// broker acknowledged that very publish:
//
//   - taken without a connection: it is history at once ([Log.Add] with live
//     false), the last one before the connection comes back too, because its
//     state will say nothing of its time;
//   - replaced in the outbox before it was sent, or refused: [Log.Release];
//   - sent and not acknowledged when the connection ended: [Log.ReleaseAll];
//   - found at the start of the program: whatever was not acknowledged.
//
// A process that is killed between the broker's acknowledgement and its trace on
// the disk tells such a reading twice, once as a state and once as history. The
// promise is "at least once"; the id tells repetitions of history apart from news.
//
// # What is on the disk
//
// Files of lines, in order of their numbers, and within the order of their
// lines. Each line has a CRC-32C over itself and the name of its file:
//
//	<crc> r <number> <time, µs> <device> <state as JSON>      a reading
//	<crc> a <file> <first number> <last number>               acknowledged
//
// A line is what makes damage local. Whatever bytes are broken, the next line
// break is where reading goes on, and the numbers tell how many readings were in
// between. Every run begins a file of its own and never writes behind what an
// earlier one has left, so that a line cut short by a power failure needs no
// repair. The oldest file is deleted when all of it is acknowledged. When nothing
// is left the newest is emptied: with a broker that is there, a file mostly
// vanishes before the kernel would write it to the disk.
//
// Neither of the libraries that were looked at does this. tidwall/wal has no
// checksums, and a torn tail keeps it from opening. bbolt sums up its two meta
// pages alone: a broken page further down is a panic, and without fsync in each
// transaction a power failure can cost all. LevelDB's kin would bring checksums
// and two orders of magnitude more code than the lines above need.
//
// # What survives what
//
// A line is written by one write(2) before [Log.Add] returns: killing the process
// loses nothing. fsync comes within settleEvery, off the callers' goroutines, and
// only for readings that are still not acknowledged then: a power failure costs at
// most the last two seconds of an outage, and normal operation costs no fsync at
// all (BenchmarkAdd, BenchmarkAddSynced). Acknowledgements of states are written
// equally late; those of a replay with each portion, so that a killed replay
// repeats one portion.
//
// # When the disk fails
//
// A reading that can't be written is lost only if its publish is not acknowledged
// either; it is counted. Nothing here returns such an error to the caller, for
// whom it changes nothing: it is logged once, and again when all is well. On a full
// disk the oldest file goes first, as it does at the configured bounds. What is
// broken in the middle of a file is counted, told once, and passed over; a file that
// can't be read at all is told and left where it is.
package history

import (
	"errors"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Options are the place and the bounds of a Log.
type Options struct {
	// Dir is a directory of the log's own; it is made if it is missing, but not what
	// it is in.
	Dir string
	// MaxAge is how old a reading may get before it is dropped.
	MaxAge time.Duration
	// MaxBytes bounds all files together, at least 64 KiB; the oldest file, of at
	// most a sixteenth of it, is dropped first.
	MaxBytes int64
	Log      *zap.Logger
}

const (
	// maxSegmentBytes bounds a file, so that what is dropped or kept a little
	// longer than needed is small.
	maxSegmentBytes = 1 << 20

	// segmentsAtMost is into how many files size and age are divided at least.
	segmentsAtMost = 16

	// settleEvery is how long acknowledgements and fsync may wait.
	settleEvery = 2 * time.Second
)

// Key names a record within this run of the program; the zero Key names none.
type Key struct {
	segment uint64 // its number, from 1
	index   uint64 // from 1
}

// IsZero says whether the key names no record.
func (k Key) IsZero() bool { return k == Key{} }

// Record is one reading.
type Record struct {
	Key    Key
	ID     string // the same in every repetition, also after a restart
	Device string
	Time   time.Time // UTC, to the microsecond
	State  []byte    // one JSON object
}

// Stats are counts since the start, but for the first two, which are of now.
type Stats struct {
	Waiting int   // records to be replayed
	Bytes   int64 // on disk

	Kept     int64 // became history
	Replayed int64 // and were acknowledged

	// Dropped by reason.
	Expired    int64 // older than MaxAge
	Overflowed int64 // the oldest, when there was no room
	Damaged    int64 // broken on the disk
	Unwritten  int64 // could not be written
}

// Log is the log of a directory. Its methods may be called from several
// goroutines, except Next and Replayed, which are one goroutine's at a time.
type Log struct {
	options Options

	mu       sync.Mutex
	root     *os.Root   // nil while the directory can't be used
	lock     *os.File   // of the directory, so that no second process uses it
	segments []*segment // oldest first
	active   *os.File   // of the last segment, which is written to; nil if there is none
	retired  []retired  // earlier active ones, still to be synced and closed
	live     map[Key]struct{}
	bytes    int64
	unsynced bool  // there are readings that no fsync has covered
	torn     bool  // a write failed halfway and left a piece at the end
	settling []Key // acknowledged, but not on disk

	stats    Stats
	failing  bool // the disk failed last time, and that was told
	dropping bool // readings were dropped since all was delivered last, and that was told

	reader reader // of Next

	changed chan struct{} // holds a token when there may be more for Next
	wake    chan struct{} // holds a token when there is something to settle
	done    chan struct{}
	settler sync.WaitGroup
}

// Open opens the log of a directory with what earlier runs have left in it. A
// directory that can't be used is logged and tried again with every reading.
func Open(o Options) *Log {
	l := &Log{
		options: o,
		live:    make(map[Key]struct{}),
		changed: make(chan struct{}, 1),
		wake:    make(chan struct{}, 1),
		done:    make(chan struct{}),
	}
	l.mu.Lock()
	if err := l.open(); err != nil {
		l.tell(err)
	}
	l.mu.Unlock()
	l.settler.Go(l.settleUntilDone)
	return l
}

// Close writes what is to be written and ends the log. What was not acknowledged
// is there again after the next Open.
func (l *Log) Close() {
	close(l.done)
	l.settler.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reader.close()
	if l.active != nil {
		l.check(l.active.Close())
		l.active = nil
		if last := l.segments[len(l.segments)-1]; last.size == 0 {
			l.remove(last)
		}
	}
	if l.root != nil {
		l.check(errors.Join(l.root.Close(), l.lock.Close()))
		l.root = nil
	}
}

// Stats tells the counts.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Bytes = l.bytes
	for _, segment := range l.segments {
		s.Waiting += segment.pending
	}
	s.Waiting -= len(l.live)
	return s
}

// Add writes a reading. live says that it is being published as a state: then it
// becomes history only by Release, ReleaseAll, or a restart, and until then holds
// back what is behind it. The zero Key means that it could not be written.
//
// state is one JSON object without line breaks, device of [a-z0-9_].
func (l *Log) Add(device string, at time.Time, state []byte, live bool) Key {
	l.mu.Lock()
	defer l.mu.Unlock()
	key, err := l.add(device, at, state)
	if err != nil {
		l.stats.Unwritten++
		l.tell(err)
		return Key{}
	}
	l.tellWell()
	l.unsynced = true
	if live {
		l.live[key] = struct{}{}
	} else {
		l.stats.Kept++
		signal(l.changed)
	}
	signal(l.wake)
	return key
}

func (l *Log) add(device string, at time.Time, state []byte) (key Key, err error) {
	if err := l.open(); err != nil {
		return Key{}, err
	}
	l.dropExpired(at)
	err = l.makingRoom(func() error {
		s, err := l.writable(at)
		if err != nil {
			return err
		}
		line := appendReading(nil, s.id, s.next, at, device, state)
		for !l.hasRoom(line) && len(l.segments) > 1 {
			l.stats.Overflowed += l.drop()
			l.tellDropped("there are more than history.max_megabytes allows")
		}
		if err := l.write(line); err != nil {
			return err
		}
		key = Key{s.number, s.next}
		s.take(s.next, at)
		return nil
	})
	return key, err
}

// Acknowledge says that the broker has taken these readings.
func (l *Log) Acknowledge(keys ...Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acknowledge(keys)
	signal(l.wake)
	signal(l.changed) // what was behind them may be free now
}

// Replayed is Acknowledge for records of Next: the disk, if it has room, knows it
// when it returns.
func (l *Log) Replayed(keys ...Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Replayed += int64(l.acknowledge(keys))
	l.settle()
}

// acknowledge returns how many of them were not acknowledged before.
func (l *Log) acknowledge(keys []Key) (news int) {
	for _, key := range keys {
		delete(l.live, key)
		// A file that is gone took its readings along.
		if s := l.find(key.segment); s != nil && s.acknowledge(key.index) {
			l.settling = append(l.settling, key)
			news++
		}
	}
	return news
}

// Release says that a live reading will not be published as a state any more.
func (l *Log) Release(key Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.live[key]; ok {
		delete(l.live, key)
		l.stats.Kept++
		signal(l.changed)
	}
}

// ReleaseAll says it of all: the connection has ended.
func (l *Log) ReleaseAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Kept += int64(len(l.live))
	clear(l.live)
	signal(l.changed)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// tell logs that the disk failed, once until it is well again.
func (l *Log) tell(err error) {
	if l.failing {
		return
	}
	l.failing = true
	l.options.Log.Error("the history can't be kept; readings go on being published. Let hueair2mqtt write to this directory and give it room",
		zap.String("directory", l.options.Dir), zap.Error(err))
}

func (l *Log) tellWell() {
	if l.failing {
		l.failing = false
		l.options.Log.Info("the history is kept again", zap.String("directory", l.options.Dir))
	}
}

// check tells an error if there is one.
func (l *Log) check(err error) {
	if err != nil {
		l.tell(err)
	}
}

// tellDropped logs that readings are dropped, once until all has been delivered.
func (l *Log) tellDropped(why string) {
	if l.dropping {
		return
	}
	l.dropping = true
	l.options.Log.Warn("the oldest readings of the history are dropped: "+why,
		zap.Duration("max_age", l.options.MaxAge), zap.Int64("max_bytes", l.options.MaxBytes))
}

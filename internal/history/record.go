package history

import (
	"time"

	"go.uber.org/zap"
)

// Options configures a Log.
type Options struct {
	// Dir is a directory of the log's own. It is created if it is missing, but its
	// parents are not.
	Dir string
	// MaxAge is the age at which a reading is dropped.
	MaxAge time.Duration
	// MaxBytes bounds all files together, at least 64 KiB. Each file has at most a
	// sixteenth of it, and the oldest file is dropped first.
	MaxBytes int64
	Log      *zap.Logger
}

// Key identifies a record in this run of the program. The zero Key identifies none.
type Key struct {
	segment uint64 // its number, from 1
	index   uint64 // from 1
}

// IsZero reports whether the key identifies no record.
func (k Key) IsZero() bool { return k == Key{} }

// Record is one reading.
type Record struct {
	Key    Key
	ID     string // the same in every repetition, also after a restart
	Device string
	Time   time.Time // UTC, to the microsecond
	State  []byte    // one JSON object
}

// Stats has counts since the start, except for the first two.
type Stats struct {
	Waiting int   // records to replay now
	Bytes   int64 // on disk now

	Kept     int64 // became history
	Replayed int64 // acknowledged after a replay

	// Dropped, by reason.
	Expired    int64 // older than MaxAge
	Overflowed int64 // the oldest, for lack of space
	Damaged    int64 // on disk
	Unwritten  int64 // could not be written
}

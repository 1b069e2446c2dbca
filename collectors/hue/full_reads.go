package hue

import "time"

const (
	// fullReadEvery is the interval of full reads while the stream is live: a safety net
	// against changes that the stream does not report.
	fullReadEvery = 10 * time.Minute

	// resyncGap is the min interval between full reads because of events.
	resyncGap = 10 * time.Second

	// settling is how long a stream must last before it causes a full read, if the one
	// before it did not last.
	settling = 500 * time.Millisecond
)

// readState tracks whether a full read is due.
type readState int

const (
	readNever   readState = iota // nothing has been read
	readCurrent                  // the stream has reported everything since
	readWanted                   // something may be missing; a read is due at a time
	readPending                  // the next poll reads
)

// fullReads schedules the full reads of a bridge with a stream.
type fullReads struct {
	state readState
	last  time.Time // when the last one was answered
	at    time.Time // when it is due, in readWanted
}

// want schedules a full read.
func (f *fullReads) want(at time.Time) {
	if f.state == readCurrent || f.state == readWanted && at.Before(f.at) {
		f.state, f.at = readWanted, at
	}
}

// wantAfterGap schedules a full read even if one is left to the next poll: that may be far
// away, because the bridge was unreachable.
func (f *fullReads) wantAfterGap(at time.Time) {
	if f.state == readPending {
		f.state, f.at = readWanted, at
		return
	}
	f.want(at)
}

// wantSoon schedules a full read now, or resyncGap after the last one.
func (f *fullReads) wantSoon(now time.Time) {
	at := f.last.Add(resyncGap)
	if now.After(at) {
		at = now
	}
	f.want(at)
}

// due returns when a full read is scheduled; zero if none is.
func (f *fullReads) due() time.Time {
	if f.state == readWanted {
		return f.at
	}
	return time.Time{}
}

// begin reports whether a full read is due, and leaves it to the next poll.
func (f *fullReads) begin(now time.Time) bool {
	if f.state != readWanted || now.Before(f.at) {
		return false
	}
	f.state = readPending
	return true
}

// force leaves a full read to the next poll.
func (f *fullReads) force() {
	if f.state != readNever {
		f.state = readPending
	}
}

// done records a successful full read.
func (f *fullReads) done(now time.Time) { f.state, f.last = readCurrent, now }

// suffices reports whether no full read is needed, provided that the stream is live.
func (f *fullReads) suffices(now time.Time) bool {
	return f.state == readCurrent && now.Sub(f.last) < fullReadEvery
}

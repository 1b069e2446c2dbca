package hue

import "time"

const (
	// fullReadEvery is how old what is known may become while the stream lives: a
	// safety net against what the stream left out.
	fullReadEvery = 10 * time.Minute

	// resyncGap is the least time between two full reads that events ask for, be they
	// ever so many.
	resyncGap = 10 * time.Second

	// settling is how long a stream must last before it is worth a full read, where
	// the one before it did not last.
	settling = 500 * time.Millisecond
)

// readState is whether all resources must be read.
type readState int

const (
	readNever   readState = iota // nothing has been read
	readCurrent                  // the stream has brought everything since
	readWanted                   // something may be missing; a read is due soon
	readPending                  // the next poll reads
)

// fullReads decides when a bridge with a stream is asked for all its resources.
type fullReads struct {
	state readState
	last  time.Time // when the last one was answered
	at    time.Time // when it is due, in readWanted
}

// want asks for a full read at a time.
func (f *fullReads) want(at time.Time) {
	if f.state == readCurrent || f.state == readWanted && at.Before(f.at) {
		f.state, f.at = readWanted, at
	}
}

// wantAfterGap asks for a full read at a time, also where one is left to the next
// poll: that one may be far away, because the bridge was, too.
func (f *fullReads) wantAfterGap(at time.Time) {
	if f.state == readPending {
		f.state, f.at = readWanted, at
		return
	}
	f.want(at)
}

// wantSoon asks for a full read now, or a while after the last one.
func (f *fullReads) wantSoon(now time.Time) {
	f.want(latest(now, f.last.Add(resyncGap)))
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// due is when a full read is wanted; zero if none is.
func (f *fullReads) due() time.Time {
	if f.state == readWanted {
		return f.at
	}
	return time.Time{}
}

// begin reports whether a full read is due. It is then left to the next poll.
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

// done notes that a full read was answered.
func (f *fullReads) done(now time.Time) { f.state, f.last = readCurrent, now }

// suffices reports whether what is known is good enough, provided that the stream
// lives.
func (f *fullReads) suffices(now time.Time) bool {
	return f.state == readCurrent && now.Sub(f.last) < fullReadEvery
}

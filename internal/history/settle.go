package history

import (
	"cmp"
	"errors"
	"os"
	"slices"
	"time"
)

// settleUntilDone settles a while after there is something to settle, until Close.
func (l *Log) settleUntilDone() {
	timer := time.NewTimer(settleEvery)
	defer timer.Stop()
	for ended := false; !ended; {
		select {
		case <-l.wake:
			timer.Reset(settleEvery)
			select {
			case <-timer.C:
			case <-l.done:
				ended = true
			}
		case <-l.done:
			ended = true
		}
		l.settleAndSync()
	}
}

// settleAndSync brings to the disk what must survive a power failure. Nobody is
// kept waiting for the disk: fsync comes without the lock.
func (l *Log) settleAndSync() {
	l.mu.Lock()
	l.settle()
	files := l.retired
	l.retired = nil
	active := l.active
	sync := l.unsynced && l.root != nil
	l.unsynced = false
	l.mu.Unlock()

	var errs []error
	for _, r := range files {
		if sync {
			errs = append(errs, r.file.Sync())
		}
		errs = append(errs, r.file.Close())
	}
	if sync {
		// Meanwhile it may have been retired, dropped, and closed.
		if active != nil {
			errs = append(errs, ignoring(active.Sync(), os.ErrClosed))
		}
		errs = append(errs, l.lock.Sync()) // the directory has the names of new files
	}
	if err := errors.Join(errs...); err != nil {
		l.mu.Lock()
		l.tell(err)
		l.mu.Unlock()
	}
}

// settle writes acknowledgements down, or takes away what they are about.
func (l *Log) settle() {
	if l.root == nil {
		return
	}
	if slices.ContainsFunc(l.segments, func(s *segment) bool { return s.pending > 0 }) {
		l.check(l.writeAcknowledgements())
		l.removeFinished()
		return
	}
	l.settling = nil
	l.removeFinished()
	l.dropping, l.unsynced = false, false
	if l.active != nil {
		last := l.segments[len(l.segments)-1]
		if last.size == 0 {
			return
		}
		if err := l.active.Truncate(0); err != nil {
			l.tell(err)
			return
		}
		l.bytes -= last.size
		l.torn = false
		last.empty()
	}
}

// writeAcknowledgements writes those down that are only in memory.
func (l *Log) writeAcknowledgements() error {
	if len(l.settling) == 0 {
		return nil
	}
	if l.active == nil {
		if _, err := l.begin(); err != nil {
			return err
		}
	}
	slices.SortFunc(l.settling, func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.segment, b.segment), cmp.Compare(a.index, b.index))
	})
	var (
		id   = l.segments[len(l.segments)-1].id
		text []byte
	)
	for rest := l.settling; len(rest) > 0; {
		first, n := rest[0], 1
		for n < len(rest) && rest[n] == (Key{first.segment, first.index + uint64(n)}) {
			n++
		}
		if s := l.find(first.segment); s != nil {
			text = appendAcknowledgement(text, id, s.id, first.index, first.index+uint64(n)-1)
		}
		rest = rest[n:]
	}
	// No reading is dropped for them: without them some would only come twice.
	if !l.hasRoom(text) {
		return nil
	}
	if err := l.write(text); err != nil {
		return err
	}
	l.settling = l.settling[:0]
	return nil
}

// ignoring drops an error that says that there was nothing to do.
func ignoring(err, harmless error) error {
	if errors.Is(err, harmless) {
		return nil
	}
	return err
}

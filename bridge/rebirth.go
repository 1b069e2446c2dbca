package bridge

import "time"

const (
	// birthDelay is the time from a birth message to the answer: some installations miss
	// what comes immediately.
	birthDelay = 2 * time.Second
	// maxBirthDelay is the longest delay by more birth messages, which are answered
	// together, and the time from one repetition to the next.
	maxBirthDelay = 10 * time.Second
	// A large home is published in batches, so that Home Assistant is not flooded while it
	// starts: 1,000 devices take about 8 seconds.
	rebirthBatch = 50
	rebirthPause = 200 * time.Millisecond
)

// rebirthState is the state of a rebirth.
type rebirthState int

const (
	rebirthIdle       rebirthState = iota
	rebirthWaiting                 // for birthDelay
	rebirthPublishing              // one batch after the other
)

// rebirth repeats all announcements and then all states for a Home Assistant that has
// just started and said so with its birth message. Only the owner's goroutine uses it.
type rebirth struct {
	publisher *publisher
	timer     *time.Timer // runs unless idle
	state     rebirthState

	firstBirth time.Time // of those that the repetition answers
	lastBirth  time.Time
	began      time.Time // when the last repetition began
	again      bool      // a birth came too late for this repetition
	announce   []*device // still to be announced
	publish    []*device // whose state is still to be published
}

func newRebirth(p *publisher) *rebirth {
	r := &rebirth{publisher: p, timer: time.NewTimer(time.Hour)}
	r.stop()
	return r
}

// birth answers a birth message: it schedules a repetition, or delays the one that is
// scheduled, or schedules another after the one that runs. Repetitions begin
// maxBirthDelay apart.
func (r *rebirth) birth() {
	now := time.Now()
	earliest := maxBirthDelay - now.Sub(r.began)
	switch r.state {
	case rebirthIdle:
		r.state, r.firstBirth, r.lastBirth = rebirthWaiting, now, now
		r.timer.Reset(max(birthDelay, earliest))
	case rebirthWaiting:
		r.lastBirth = now
		r.timer.Reset(max(min(birthDelay, maxBirthDelay-now.Sub(r.firstBirth)), earliest))
	case rebirthPublishing:
		r.again = true
	}
}

// stop ends the repetition.
func (r *rebirth) stop() {
	r.timer.Stop()
	r.state = rebirthIdle
}

// proceed publishes the next batch. It is called when the timer fires.
func (r *rebirth) proceed() {
	p := r.publisher
	if r.state == rebirthWaiting {
		r.state, r.began = rebirthPublishing, time.Now()
		r.again = r.began.Sub(r.lastBirth) < birthDelay
		r.announce = p.sortedDevices()
		r.publish = r.announce
		p.announceBridge()
	}
	for range rebirthBatch {
		switch {
		case len(r.announce) > 0:
			d := r.announce[0]
			r.announce = r.announce[1:]
			delete(p.sent, d.ID)
			p.announceDevice(d)
		case len(r.publish) > 0:
			p.device(r.publish[0])
			r.publish = r.publish[1:]
		default:
			r.finish()
			return
		}
	}
	r.timer.Reset(rebirthPause)
}

func (r *rebirth) finish() {
	for _, source := range r.publisher.alerts.Sources() {
		r.publisher.problem(source)
	}
	r.publisher.info()
	r.stop()
	if r.again {
		r.birth()
	}
}

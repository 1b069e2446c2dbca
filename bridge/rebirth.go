package bridge

import (
	"maps"
	"slices"
	"time"
)

const (
	// After a birth message some installations miss what comes at once.
	birthDelay = 2 * time.Second
	// Births that come one after the other are answered together, but none puts the
	// answer off for longer than this.
	maxBirthDelay = 10 * time.Second
	// A large house is told in portions, so that Home Assistant is not flooded
	// while it starts: 1,000 devices in about 8 seconds.
	rebirthPortion = 50
	rebirthPause   = 200 * time.Millisecond
)

// rebirth is the repetition of all announcements and states for a Home Assistant
// that has just come up: first every announcement, then every state.
type rebirth struct {
	timer    *time.Timer
	first    time.Time // when the first birth came that it answers
	last     time.Time // when the last birth came
	begun    bool
	again    bool     // a birth came too late to be answered by this repetition
	announce []string // ids of devices still to be announced
	states   []string // ids of devices whose state is still to be published
}

// beginRebirth answers a birth: it starts the repetition, or delays one that has
// not begun, or has another one follow. Repetitions begin maxBirthDelay apart.
func (w *owner) beginRebirth() {
	now := time.Now()
	r := w.rebirth
	switch {
	case r == nil:
		wait := max(birthDelay, maxBirthDelay-now.Sub(w.reborn))
		w.rebirth = &rebirth{timer: time.NewTimer(wait), first: now, last: now}
	case r.begun:
		r.again = true
	default:
		r.last = now
		r.timer.Reset(max(min(birthDelay, maxBirthDelay-now.Sub(r.first)), maxBirthDelay-now.Sub(w.reborn)))
	}
}

func (w *owner) stopRebirth() {
	if w.rebirth != nil {
		w.rebirth.timer.Stop()
		w.rebirth = nil
	}
}

// continueRebirth publishes the next portion.
func (w *owner) continueRebirth() {
	r := w.rebirth
	if !r.begun {
		now := time.Now()
		w.reborn = now
		r.begun, r.again = true, now.Sub(r.last) < birthDelay
		r.announce = slices.Sorted(maps.Keys(w.devices))
		r.states = slices.Clone(r.announce)
		w.announceBridge()
	}
	for range rebirthPortion {
		switch {
		case len(r.announce) > 0:
			d := w.devices[r.announce[0]]
			r.announce = r.announce[1:]
			d.forget()
			w.announce(d)
		case len(r.states) > 0:
			w.publishDevice(w.devices[r.states[0]])
			r.states = r.states[1:]
		default:
			for _, source := range w.sources() {
				w.publishProblem(source)
			}
			w.publishInfo()
			w.stopRebirth()
			if r.again {
				w.beginRebirth()
			}
			return
		}
	}
	r.timer.Reset(rebirthPause)
}

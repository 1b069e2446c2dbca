package bridge

import (
	"maps"
	"slices"
	"time"
)

const (
	// After a birth message some installations miss what comes at once.
	birthDelay = 2 * time.Second
	// A large house is told in portions, so that Home Assistant is not flooded
	// while it starts: 1,000 devices in about 8 seconds.
	rebirthPortion = 50
	rebirthPause   = 200 * time.Millisecond
)

// rebirth is the repetition of all announcements and states for a Home Assistant
// that has just come up: first every announcement, then every state.
type rebirth struct {
	timer    *time.Timer
	begun    bool
	announce []string // ids of devices still to be announced
	states   []string // ids of devices whose state is still to be published
}

// beginRebirth starts the repetition, or starts it anew.
func (w *owner) beginRebirth() {
	w.stopRebirth()
	ids := slices.Sorted(maps.Keys(w.devices))
	w.rebirth = &rebirth{timer: time.NewTimer(birthDelay), announce: ids, states: slices.Clone(ids)}
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
		r.begun = true
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
			return
		}
	}
	r.timer.Reset(rebirthPause)
}

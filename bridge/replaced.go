package bridge

import (
	"go.uber.org/zap"

	"hueair2mqtt/collectors"
)

// presence is whether an endpoint is still in the house.
type presence int

const (
	present  presence = iota
	replaced          // it is away, and another endpoint has its devices; that was logged
)

// replacedAfter is how many polls in a row must fail before an endpoint seems to be
// replaced: one may be restarting.
const replacedAfter = 3

// isReplaced reports whether an endpoint seems to be replaced, as a Hue bridge is
// by a newer one: it is away, and most of its devices are at another endpoint of
// the source that works. After a restart of the program no device may be its own.
func (w *owner) isReplaced(p *poller) bool {
	end := w.endpoints[p]
	if end.failures < replacedAfter || p.removal() == "" {
		return false
	}
	own, others := 0, 0
	for _, d := range w.devices {
		switch other := w.endpoints[d.poller]; {
		case d.poller == p:
			own++
		case other != nil && other.err == nil && d.poller.source() == p.source():
			others++
		}
	}
	return others > 0 && (own == 0 || own < end.moved)
}

// noteReplaced logs once that an endpoint is away, with the remedy.
func (w *owner) noteReplaced(p *poller) {
	end := w.endpoints[p]
	if end.presence == replaced {
		return
	}
	end.presence = replaced
	p.retrier.SetQuiet(true)
	p.log.Warn("it does not answer, and its devices are at another one; this is not logged again until it answers",
		zap.Error(end.err), zap.String("remedy", "If it was replaced, "+p.removal()+"; if not, see that it has power and network."))
}

// noteBack notes that an endpoint answers.
func (w *owner) noteBack(p *poller) {
	if end := w.endpoints[p]; end.presence == replaced {
		end.presence = present
		p.retrier.SetQuiet(false)
		p.log.Info("it answers again")
	}
}

// removal returns how the user removes an endpoint, in imperative words; "" if that is
// not possible while the program runs.
func (p *poller) removal() string {
	if r, ok := p.task.Collector.(collectors.Removable); ok {
		return r.Removal()
	}
	return ""
}

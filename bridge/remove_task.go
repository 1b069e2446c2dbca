package bridge

import (
	"maps"
	"slices"

	"go.uber.org/zap"
)

// removeTask ends the poller of an endpoint. It returns false if there is none.
func (w *owner) removeTask(source, endpoint string) bool {
	i := slices.IndexFunc(w.pollers, func(p *poller) bool { return p.source() == source && p.endpoint() == endpoint })
	if i < 0 {
		return false
	}
	p := w.pollers[i]
	p.stop()
	p.log.Info("removed; it is read no more")
	w.clearAlert(p)
	w.pollers = slices.Delete(w.pollers, i, i+1)
	delete(w.endpoints, p)
	w.options.Observer.Forgets(source, endpoint)
	for _, id := range slices.Sorted(maps.Keys(w.devices)) {
		if d := w.devices[id]; d.poller == p {
			p.log.Warn("a device is no longer read; it stays in Home Assistant as unavailable", zap.String("device", id), zap.String("name", d.Name))
			d.lose(false)
			w.publishDevice(d)
		}
	}
	w.publishInfo()
	w.showStatus()
	return true
}

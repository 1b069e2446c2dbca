package bridge

import (
	"strings"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/collectors"
	"hueair2mqtt/discovery"
)

// RequestCheck is the request that CheckBroker sends to see whether requests come
// through. A bridge that runs beside it has nothing to do.
const RequestCheck = "check"

// response answers a request on its response topic.
type response struct {
	Status string `json:"status"` // "ok" or "error"
	Source string `json:"source,omitempty"`
	Error  string `json:"error,omitempty"`
}

// handleReceived handles what the broker brings. A request that the broker has
// retained is no wish of now and is left alone.
func (w *owner) handleReceived(m received) {
	payload := strings.TrimSpace(string(m.payload))
	if m.topic == w.announcer.Birth() {
		// A retained birth says nothing new: a new connection is told everything anyway.
		if payload == discovery.Online && !m.retained && w.out != nil {
			w.log.Info("Home Assistant has come up; announcing all devices to it")
			w.beginRebirth()
		}
		return
	}
	switch m.topic {
	case w.announcer.BridgeDevices(), w.announcer.BridgeInfo():
		if m.retained {
			w.remember(m)
		}
		return
	}
	name, ok := w.announcer.RequestName(m.topic)
	if !ok || m.retained {
		return
	}
	switch name {
	case "refresh":
		w.respond(name, w.refresh(payload))
	case "acknowledge":
		w.respond(name, w.acknowledge(payload))
	case RequestCheck:
	default:
		w.log.Warn("unknown request ignored; there are refresh and acknowledge", zap.String("request", collectors.CleanText(name)))
	}
}

func (w *owner) respond(name string, r response) {
	w.publishEvent(w.announcer.Response(name), r)
}

// refresh polls the source that the payload names, or all. A source that asks for
// fewer requests is not polled; it is an error if that leaves none.
func (w *owner) refresh(payload string) response {
	source := payload
	if w.alerts[source] == nil {
		source = ""
	}
	asked := 0
	var until time.Time
	for _, p := range w.pollers {
		switch end := w.endpoints[p]; {
		case source != "" && p.source() != source:
		case end.paused.now():
			until = later(until, end.paused.until)
		default:
			p.requestRefresh()
			asked++
		}
	}
	if asked == 0 && !until.IsZero() {
		return response{Status: "error", Source: source, Error: "the source asks for fewer requests and is left alone until " + until.Format(time.RFC3339)}
	}
	return response{Status: "ok", Source: source}
}

// acknowledge quiets the mail about a problem and marks the problem as seen.
func (w *owner) acknowledge(source string) response {
	a := w.alerts[source]
	switch {
	case a == nil:
		return response{Status: "error", Error: "the payload must name a source: " + strings.Join(w.sources(), ", ")}
	case !a.raised():
		return response{Status: "error", Source: source, Error: "there is no problem to acknowledge"}
	}
	if a.acknowledge() {
		w.writeAlert(a)
		w.publishProblem(source)
		w.log.Info("problem acknowledged; no mail will follow", zap.String("collector", source))
	}
	return response{Status: "ok", Source: source}
}

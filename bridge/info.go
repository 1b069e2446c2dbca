package bridge

import (
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/discovery"
)

// info is the payload of bridge/info.
type info struct {
	Version     string                `json:"version"`
	UptimeStart any                   `json:"uptime_start"`
	Collectors  map[string]sourceInfo `json:"collectors"`
}

// sourceInfo is the health of one source: of all its endpoints together, and of
// each.
type sourceInfo struct {
	Connected   any            `json:"connected"`    // whether the last poll brought readings; null before the first
	LastPoll    any            `json:"last_poll"`    // the latest of any endpoint
	LastSuccess any            `json:"last_success"` // likewise
	Devices     int            `json:"devices"`
	Retries     int64          `json:"retries"`      // since the start
	Problem     bool           `json:"problem"`      // only the user can mend it: see the problem topic
	PausedUntil any            `json:"paused_until"` // while the source asks for fewer requests; otherwise null
	Endpoints   []endpointInfo `json:"endpoints"`
}

type endpointInfo struct {
	Endpoint    string `json:"endpoint"`
	LastPoll    any    `json:"last_poll"`
	LastSuccess any    `json:"last_success"`
	Devices     int    `json:"devices"`
	Retries     int64  `json:"retries"`
	Error       any    `json:"error"` // of the last poll; null if it was good
	Kind        any    `json:"kind"`  // of that error, in a word such as "throttled"
	PausedUntil any    `json:"paused_until"`
}

func (w *owner) publishInfo() {
	if w.out == nil {
		return
	}
	devices := make(map[*poller]int)
	for _, d := range w.devices {
		devices[d.poller]++
	}
	i := info{
		Version:     w.options.Version,
		UptimeStart: discovery.Timestamp(w.started),
		Collectors:  make(map[string]sourceInfo),
	}
	for _, source := range w.sources() {
		i.Collectors[source] = w.sourceInfo(source, devices)
	}
	w.publishJSON(w.announcer.BridgeInfo(), i)
}

func (w *owner) sourceInfo(source string, devices map[*poller]int) sourceInfo {
	var (
		s                     sourceInfo
		lastPoll, lastSuccess time.Time
		polled, failed        bool
	)
	for _, p := range w.pollers {
		if p.source() != source {
			continue
		}
		end := w.endpoints[p]
		e := endpointInfo{
			Endpoint:    p.endpoint(),
			LastPoll:    discovery.Timestamp(end.lastPoll),
			LastSuccess: discovery.Timestamp(end.lastSuccess),
			Devices:     devices[p],
			Retries:     p.retrier.Retries(),
		}
		if end.err != nil {
			e.Error, e.Kind = oneLine(end.err.Error()), collectors.KindOf(end.err)
		}
		e.PausedUntil = discovery.Timestamp(end.paused.until)
		polled = polled || end.polled
		failed = failed || end.err != nil
		lastPoll = later(lastPoll, end.lastPoll)
		lastSuccess = later(lastSuccess, end.lastSuccess)
		s.Devices += e.Devices
		s.Retries += e.Retries
		s.Endpoints = append(s.Endpoints, e)
	}
	if polled {
		s.Connected = !failed
	}
	s.LastPoll, s.LastSuccess = discovery.Timestamp(lastPoll), discovery.Timestamp(lastSuccess)
	s.Problem = w.alerts[source].raised()
	s.PausedUntil = discovery.Timestamp(w.pauseOf(source).until)
	return s
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

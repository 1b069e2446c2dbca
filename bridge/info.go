package bridge

import (
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/discovery"
)

// problem is the payload of a source's problem topic.
type problem struct {
	Problem      bool `json:"problem"`
	Reason       any  `json:"reason"`
	Code         any  `json:"code"`
	Since        any  `json:"since"`
	Remedy       any  `json:"remedy"`
	Acknowledged bool `json:"acknowledged"`
	PausedUntil  any  `json:"paused_until,omitempty"` // while the source throttles
}

// problem returns the problem of a source. A pause needs no action, but its reason is
// shown too.
func (s *state) problem(source string) (p problem) {
	raised, ok := s.alerts.Problem(source)
	if ok {
		p = problem{
			Problem: true, Reason: raised.Reason, Code: raised.Code, Since: discovery.Timestamp(raised.Since),
			Remedy: raised.Remedy, Acknowledged: raised.Acknowledged,
		}
	}
	if t := s.throttlingOf(source); t.active() {
		p.PausedUntil = discovery.Timestamp(t.until)
		if !ok {
			p.Reason, p.Code, p.Remedy, p.Since = t.reason, collectors.KindThrottled, t.remedy, discovery.Timestamp(t.since)
		}
	}
	return p
}

// info is the payload of bridge/info.
type info struct {
	Version     string                `json:"version"`
	UptimeStart any                   `json:"uptime_start"`
	Collectors  map[string]sourceInfo `json:"collectors"`
}

// sourceInfo is the health of one source: of all its endpoints together, and of each.
type sourceInfo struct {
	Connected   any            `json:"connected"`    // the last polls succeeded; null before the first
	LastPoll    any            `json:"last_poll"`    // the latest of any endpoint
	LastSuccess any            `json:"last_success"` // likewise
	Devices     int            `json:"devices"`
	Retries     int64          `json:"retries"` // since the start
	Problem     bool           `json:"problem"`
	PausedUntil any            `json:"paused_until"` // while the source throttles; otherwise null
	Endpoints   []endpointInfo `json:"endpoints"`
}

type endpointInfo struct {
	Endpoint    string `json:"endpoint"`
	LastPoll    any    `json:"last_poll"`
	LastSuccess any    `json:"last_success"`
	Devices     int    `json:"devices"`
	Retries     int64  `json:"retries"`
	Error       any    `json:"error"` // of the last poll; null after a success
	Kind        any    `json:"kind"`  // of the error, such as "throttled"
	PausedUntil any    `json:"paused_until"`
}

func (s *state) info() info {
	devices := s.deviceCounts()
	i := info{Version: s.version, UptimeStart: discovery.Timestamp(s.started), Collectors: make(map[string]sourceInfo)}
	for _, source := range s.alerts.Sources() {
		i.Collectors[source] = s.sourceInfo(source, devices)
	}
	return i
}

func (s *state) sourceInfo(source string, devices map[*endpoint]int) (i sourceInfo) {
	var (
		lastPoll, lastSuccess time.Time
		polled, failed        bool
	)
	for _, e := range s.endpointsOf(source) {
		of := endpointInfo{
			Endpoint:    e.name(),
			LastPoll:    discovery.Timestamp(e.lastPoll),
			LastSuccess: discovery.Timestamp(e.lastSuccess),
			Devices:     devices[e],
			Retries:     e.retrier.Retries(),
			PausedUntil: discovery.Timestamp(e.throttling.until),
		}
		if e.err != nil {
			of.Error, of.Kind = errorText(e.err), collectors.KindOf(e.err)
		}
		polled = polled || e.polled()
		failed = failed || e.err != nil
		lastPoll, lastSuccess = latest(lastPoll, e.lastPoll), latest(lastSuccess, e.lastSuccess)
		i.Devices += of.Devices
		i.Retries += of.Retries
		i.Endpoints = append(i.Endpoints, of)
	}
	if polled {
		i.Connected = !failed
	}
	i.LastPoll, i.LastSuccess = discovery.Timestamp(lastPoll), discovery.Timestamp(lastSuccess)
	_, i.Problem = s.alerts.Problem(source)
	i.PausedUntil = discovery.Timestamp(s.throttlingOf(source).until)
	return i
}

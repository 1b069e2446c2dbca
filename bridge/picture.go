package bridge

import (
	"maps"
	"time"

	"hueair2mqtt/bridge/alert"
	"hueair2mqtt/collectors"
)

// Picture is a copy of the bridge's state at one moment.
type Picture struct {
	Version string
	Started time.Time
	Broker  BrokerPicture
	Sources []SourcePicture // sorted by name
	Devices []DevicePicture // sorted by id
}

// SourcePicture is the state of one source.
type SourcePicture struct {
	Source    string
	Problem   ProblemPicture
	Endpoints []EndpointPicture
}

// ProblemPicture is a problem that only the user can fix. The zero value is none.
type ProblemPicture = alert.Problem

// EndpointPicture is the health of one Hue bridge or one account.
type EndpointPicture struct {
	Endpoint    string
	LastPoll    time.Time // zero before the first poll
	LastSuccess time.Time // zero before the first success
	NextPoll    time.Time // zero before the first poll
	PausedUntil time.Time // zero unless the source asks for fewer requests
	Error       string    // of the last poll; empty after a success
	Remedy      string    // for Error, if the source pauses or the endpoint seems to be replaced
	Devices     int
}

// DevicePicture is one device.
type DevicePicture struct {
	collectors.Device
	Source    string
	Reachable bool      // its source could be read
	Since     time.Time // when Online last changed, or the device was first seen
}

// picture returns a copy of the state.
func (s *state) picture() Picture {
	p := Picture{Version: s.version, Started: s.started, Broker: s.broker}
	for _, d := range s.sortedDevices() {
		seen := DevicePicture{Device: d.Device, Source: d.endpoint.source(), Reachable: d.reachable, Since: d.since}
		seen.Readings = maps.Clone(d.Readings)
		seen.EventTypes = maps.Clone(d.EventTypes)
		p.Devices = append(p.Devices, seen)
	}
	devices := s.deviceCounts()
	for _, source := range s.alerts.Sources() {
		seen := SourcePicture{Source: source}
		seen.Problem, _ = s.alerts.Problem(source)
		for _, e := range s.endpointsOf(source) {
			seen.Endpoints = append(seen.Endpoints, e.picture(devices[e]))
		}
		p.Sources = append(p.Sources, seen)
	}
	return p
}

func (e *endpoint) picture(devices int) EndpointPicture {
	p := EndpointPicture{
		Endpoint: e.name(), LastPoll: e.lastPoll, LastSuccess: e.lastSuccess, NextPoll: e.nextPoll,
		PausedUntil: e.throttling.until, Devices: devices,
	}
	if e.err != nil {
		p.Error = errorText(e.err)
	}
	switch {
	case e.replaced:
		p.Remedy = e.removal()
	case e.throttling.active():
		p.Remedy = e.throttling.remedy
	}
	return p
}

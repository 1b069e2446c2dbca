package bridge

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/bridge/alert"
	"hueair2mqtt/collectors"
)

// BrokerPicture is the state of the connection to the broker.
type BrokerPicture struct {
	Address   string // of the last connection; empty before the first
	Connected bool
	Since     time.Time // of Connected; zero before the first connection
	Error     string    // of the last attempt, while there is no connection
}

// state is everything the bridge knows. Only the owner's goroutine uses it.
type state struct {
	version   string
	started   time.Time
	preview   bool
	broker    BrokerPicture
	endpoints []*endpoint
	devices   map[string]*device // by id
	alerts    *alert.Manager
	previous  previousRun
	retry     collectors.RetryPolicy
	log       *zap.Logger
}

// addEndpoint adds the endpoint of a task. It returns an error if there is one already.
func (s *state) addEndpoint(task Task) (*endpoint, error) {
	source, name := task.Collector.Source(), task.Collector.Endpoint()
	if s.endpoint(source, name) != nil {
		return nil, fmt.Errorf("%s %s is configured twice: remove one of the two", source, name)
	}
	e := &endpoint{added: time.Now(), poller: &poller{
		task:    task,
		retrier: collectors.NewRetrier(s.retry, source, s.log),
		wanted:  make(chan struct{}, 1),
		log:     s.log.With(zap.String("collector", source), zap.String("endpoint", name)),
	}}
	s.endpoints = append(s.endpoints, e)
	s.alerts.Add(source, task.AlertFile)
	return e, nil
}

// removeEndpoint removes an endpoint. Its devices stay.
func (s *state) removeEndpoint(e *endpoint) {
	e.removed = true
	s.endpoints = slices.DeleteFunc(s.endpoints, func(other *endpoint) bool { return other == e })
}

// addPreviousSources records the sources in the bridge/info of a previous run that this
// run does not have.
func (s *state) addPreviousSources(payload []byte) {
	for _, source := range decodeSources(s.previous.topics, payload) {
		if !s.alerts.Has(source) {
			s.previous.sources[source] = true
		}
	}
}

// endpoint returns the endpoint of this name, or nil.
func (s *state) endpoint(source, name string) *endpoint {
	for _, e := range s.endpoints {
		if e.source() == source && e.name() == name {
			return e
		}
	}
	return nil
}

// endpointsOf returns the endpoints of a source.
func (s *state) endpointsOf(source string) (endpoints []*endpoint) {
	for _, e := range s.endpoints {
		if e.source() == source {
			endpoints = append(endpoints, e)
		}
	}
	return endpoints
}

// throttlingOf returns the pause of a source that ends last, or the zero value.
func (s *state) throttlingOf(source string) (last throttling) {
	for _, e := range s.endpointsOf(source) {
		if e.throttling.until.After(last.until) {
			last = e.throttling
		}
	}
	return last
}

// sortedDevices returns all devices, sorted by id.
func (s *state) sortedDevices() (devices []*device) {
	for _, id := range slices.Sorted(maps.Keys(s.devices)) {
		devices = append(devices, s.devices[id])
	}
	return devices
}

// devicesOf returns the devices that an endpoint reported last, sorted by id.
func (s *state) devicesOf(e *endpoint) []*device {
	return slices.DeleteFunc(s.sortedDevices(), func(d *device) bool { return d.endpoint != e })
}

// deviceCounts returns the number of devices of each endpoint.
func (s *state) deviceCounts() map[*endpoint]int {
	counts := make(map[*endpoint]int)
	for _, d := range s.devices {
		counts[d.endpoint]++
	}
	return counts
}

// updateDevice records what an endpoint reports of a device. It returns nil if another
// endpoint, to which the device has moved, is right about it.
func (s *state) updateDevice(e *endpoint, found collectors.Device) *device {
	d := s.devices[found.ID]
	switch {
	case d == nil:
		d = &device{endpoint: e, since: time.Now()}
		s.devices[found.ID] = d
	case d.endpoint != e:
		if d.Online && !found.Online {
			return nil
		}
		d.endpoint.moved++
	}
	d.update(found)
	d.endpoint, d.reachable = e, true
	return d
}

// replacedAfter is the number of failed polls in a row after which an endpoint may be
// replaced. One that fails less may be restarting.
const replacedAfter = 3

// isReplaced reports whether an endpoint seems to be replaced, as a Hue bridge is by a
// newer one: it does not answer, and most of its devices are at another endpoint of the
// source that does. After a restart of the program it has no devices.
func (s *state) isReplaced(e *endpoint) bool {
	if e.failures < replacedAfter || e.removal() == "" {
		return false
	}
	own, others := 0, 0
	for _, d := range s.devices {
		switch other := d.endpoint; {
		case other == e:
			own++
		case !other.removed && other.err == nil && other.source() == e.source():
			others++
		}
	}
	return others > 0 && (own == 0 || own < e.moved)
}

// latest returns the later of two times.
func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

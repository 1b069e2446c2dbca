package amazon

import (
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/wire"
)

// Parsers are the package's parsers for the fuzz tests and benchmarks, which
// would spend their time on HTTP otherwise.
type Parsers struct{ monitors []*monitor }

func plain(s string) string { return s }

// List takes the answer to either listing.
func (p *Parsers) List(body []byte) []error {
	found := &wire.Faults{Redact: plain}
	if endpoints, err := parseEndpoints(body, found); err == nil {
		p.monitors = merge(p.monitors, parseListing(endpoints, found), found)
	}
	if listed, err := parseEntities(body, found); err == nil {
		p.monitors = merge(p.monitors, listed, found)
	}
	return found.Errors()
}

// GraphQL takes an answer with readings.
func (p *Parsers) GraphQL(body []byte) ([]collectors.Device, []error, error) {
	by := map[string]*monitor{}
	for _, m := range p.monitors {
		by[m.endpointID] = m
	}
	found := &wire.Faults{Redact: plain}
	var samples map[*monitor]*sample
	endpoints, err := parseEndpoints(body, found)
	if err == nil {
		samples = parseReadings(endpoints, by, time.Now(), found)
	}
	return p.devices(samples), found.Errors(), err
}

// Phoenix takes an answer of /api/phoenix/state.
func (p *Parsers) Phoenix(body []byte) ([]collectors.Device, []error, error) {
	by := map[string]*monitor{}
	for _, m := range p.monitors {
		by[m.entityID] = m
	}
	found := &wire.Faults{Redact: plain}
	samples, err := parseStates(body, by, time.Now(), found)
	return p.devices(samples), found.Errors(), err
}

func (p *Parsers) devices(samples map[*monitor]*sample) []collectors.Device {
	var devices []collectors.Device
	for _, m := range p.monitors {
		devices = append(devices, m.device(samples[m], ""))
	}
	return devices
}

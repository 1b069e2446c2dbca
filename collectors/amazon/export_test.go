package amazon

import (
	"time"

	"hueair2mqtt/collectors"
)

// Parsers are the package's parsers for the fuzz tests and benchmarks, which
// would spend their time on HTTP otherwise.
type Parsers struct{ monitors []*monitor }

func plain(s string) string { return s }

// List takes the answer to either listing.
func (p *Parsers) List(body []byte) []error {
	found := &faults{redact: plain}
	for _, parse := range []func([]byte, *faults) ([]*monitor, error){parsePresentListing, parseOlderListing} {
		if listed, err := parse(body, found); err == nil {
			p.monitors = merge(p.monitors, listed, found)
		}
	}
	return found.errors()
}

// GraphQL takes an answer with readings.
func (p *Parsers) GraphQL(body []byte) ([]collectors.Device, []error, error) {
	by := map[string]*monitor{}
	for _, m := range p.monitors {
		by[m.endpointID] = m
	}
	found := &faults{redact: plain}
	samples, err := parseReadings(body, by, time.Now(), found)
	return p.devices(samples), found.errors(), err
}

// Phoenix takes an answer of /api/phoenix/state.
func (p *Parsers) Phoenix(body []byte) ([]collectors.Device, []error, error) {
	by := map[string]*monitor{}
	for _, m := range p.monitors {
		by[m.entityID] = m
	}
	found := &faults{redact: plain}
	samples, err := parseStates(body, by, time.Now(), found)
	return p.devices(samples), found.errors(), err
}

func (p *Parsers) devices(samples map[*monitor]*sample) []collectors.Device {
	var devices []collectors.Device
	for _, m := range p.monitors {
		devices = append(devices, m.device(samples[m], ""))
	}
	return devices
}

// ParseCookies is parseCookies.
func ParseCookies(content []byte, domain string) (map[string]string, error) {
	return parseCookies(content, domain)
}

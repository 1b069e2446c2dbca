package amazon

import (
	"context"
	"net/http"
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
	for _, parse := range []func([]byte, *faults) ([]*monitor, error){parsePresentListing, parseEntities} {
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

// OnStep makes f be told of each step of a renewal or a sign-in: "renewing" before
// Amazon is asked, "got" with the answer, "saved" with the answer on the disk.
func (c *Collector) OnStep(f func(string)) { c.session.step = f }

// OnStep is Collector.OnStep.
func (s *SignIn) OnStep(f func(string)) { s.collector.OnStep(f) }

// Plain makes the collector speak HTTP without TLS to Amazon's own hosts.
func (c *Collector) Plain() { c.http.Transport = plainTransport{c.http.Transport} }

// Plain is Collector.Plain.
func (s *SignIn) Plain() { s.collector.Plain() }

type plainTransport struct{ http.RoundTripper }

func (p plainTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.URL.Scheme = "http"
	return p.RoundTripper.RoundTrip(req)
}

func (p plainTransport) CloseIdleConnections() {
	p.RoundTripper.(interface{ CloseIdleConnections() }).CloseIdleConnections()
}

// Ask sends one request as every poll does. Unlike Collect it may be called from
// many goroutines.
func (c *Collector) Ask(ctx context.Context, retry *collectors.Retrier) error {
	return c.ask(ctx, retry, http.MethodGet, welcomePath, "test", nil, func([]byte) error { return nil })
}

// ParseTokenCookies is parseTokenCookies, with the names and ends of the cookies.
func ParseTokenCookies(body []byte, domain string) (map[string]time.Time, error) {
	cookies, err := parseTokenCookies(tokenAnswer{body: body}, domain)
	ends := map[string]time.Time{}
	for _, c := range cookies {
		ends[c.Name] = c.Expires
	}
	return ends, err
}

// LandingCode is landingCode.
func LandingCode(text, clientID string, marketplaces, hosts []string) (string, error) {
	code, err := landingCode(text, clientID, marketplaces, hosts)
	return string(code), err
}

// Secrets are values of the types that hold secrets, with each of these inside.
func Secrets(value string) []any {
	c := credentials{RefreshToken: secret(value), Cookies: []cookie{{Name: "at-main", Value: secret(value)}}}
	return []any{secret(value), c, &c, c.Cookies}
}

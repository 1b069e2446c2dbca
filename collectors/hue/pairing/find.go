package pairing

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"hueair2mqtt/collectors"
)

// Service is Signify's discovery service. It knows which bridges called it from the
// network of the client that asks.
const Service = "https://discovery.meethue.com/"

const (
	// multicastTime is how long to wait for multicast responses; bridges answer within a
	// second.
	multicastTime = 3 * time.Second
	// serviceTime bounds the request to the discovery service.
	serviceTime = 5 * time.Second
	// maxFound is the max number of announcements by each method, so that none can crowd
	// out the others.
	maxFound = 256
)

// Found is a Hue bridge that was announced. Nothing about it is proved: anybody can
// announce anything.
type Found struct {
	ID       string // normalized
	Host     string // address, with the port if that is not 443
	Model    string // such as "BSB002"; "" if unknown
	Software string // such as "1967054020"; "" before Describe
}

// FindFunc is the signature of Finder.Find.
type FindFunc func(ctx context.Context) ([]Found, error)

// Finder searches for Hue bridges by mDNS, by SSDP and at the discovery service. The zero
// value is ready to use.
type Finder struct {
	// Service replaces Signify's discovery service.
	Service string
	// Browse replaces mDNS and SSDP. It calls found for each bridge until ctx is done.
	Browse func(ctx context.Context, found func(Found)) error
}

// method is a method of finding bridges, and its result.
type method struct {
	name  string
	limit time.Duration
	find  func(ctx context.Context, found func(Found)) error

	err error
	mu  sync.Mutex
	all []Found
}

// Find returns all bridges, sorted by id. A bridge that is announced at several addresses
// is returned with each of them, in order of arrival, those from the network before those
// from the service. Addresses beyond the local network are left out. If one of the
// methods fails, Find returns the bridges of the others beside the error.
func (f Finder) Find(ctx context.Context) ([]Found, error) {
	methods := []*method{
		{name: "by mDNS", limit: multicastTime, find: findByMDNS},
		{name: "by SSDP", limit: multicastTime, find: findBySSDP},
	}
	if f.Browse != nil {
		methods = []*method{{name: "by mDNS", limit: multicastTime, find: f.Browse}}
	}
	methods = append(methods, &method{name: "at the vendor's service", limit: serviceTime, find: func(ctx context.Context, found func(Found)) error {
		return findByService(ctx, cmp.Or(f.Service, Service), found)
	}})
	var searching sync.WaitGroup
	for _, m := range methods {
		searching.Go(func() {
			limited, cancel := context.WithTimeout(ctx, m.limit)
			defer cancel()
			if err := m.find(limited, m.add); err != nil {
				m.err = fmt.Errorf("%s: %w", m.name, err)
			}
		})
	}
	searching.Wait()
	var (
		all  []Found
		errs []error
	)
	for _, m := range methods {
		for _, b := range m.all {
			all = addFound(all, b)
		}
		errs = append(errs, m.err)
	}
	slices.SortStableFunc(all, func(a, b Found) int { return strings.Compare(a.ID, b.ID) })
	return all, errors.Join(errs...)
}

func (m *method) add(b Found) {
	b.ID = NormalID(b.ID)
	b.Model = collectors.CleanText(b.Model)
	if b.ID == "" || !isLocal(b.Host) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.all) < maxFound {
		m.all = addFound(m.all, b)
	}
}

// addFound adds a bridge at an address, unless it is there already.
func addFound(all []Found, b Found) []Found {
	i := slices.IndexFunc(all, func(other Found) bool { return other.ID == b.ID && SameHost(other.Host, b.Host) })
	if i < 0 {
		return append(all, b)
	}
	all[i].Model = cmp.Or(all[i].Model, b.Model)
	return all
}

// findByService asks a discovery service.
func findByService(ctx context.Context, address string, found func(Found)) error {
	var bridges []struct {
		ID       string `json:"id"`
		Internal string `json:"internalipaddress"`
		Port     int    `json:"port"`
	}
	if err := getJSON(ctx, &http.Transport{Proxy: http.ProxyFromEnvironment}, address, &bridges); err != nil {
		return err
	}
	// A service on another machine knows nothing about this one.
	local := false
	if u, err := ParseHost(address); err == nil {
		service, _ := literalAddress(u.Host)
		local = service.IsLoopback()
	}
	for _, b := range bridges {
		ip, err := netip.ParseAddr(b.Internal)
		if err == nil && b.Port >= 0 && b.Port <= 65535 && (local || !ip.Unmap().IsLoopback()) {
			found(Found{ID: b.ID, Host: joinHost(ip.Unmap().String(), b.Port)})
		}
	}
	return nil
}

// Describe asks each bridge for its model and software, concurrently. A bridge that does
// not answer, or answers with another id, keeps what is known about it. Any certificate is
// accepted: no secret is sent, and nothing depends on the answers.
func Describe(ctx context.Context, all []Found) {
	ctx, cancel := context.WithTimeout(ctx, serviceTime)
	defer cancel()
	var asking sync.WaitGroup
	for i := range all {
		asking.Go(func() {
			for _, scheme := range []string{"https", "http"} {
				var got Config
				err := getJSON(ctx, &http.Transport{
					DialContext:     DialFunc(new(net.Dialer).DialContext).limited(serviceTime),
					TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
				}, scheme+"://"+all[i].Host+"/api/0/config", &got)
				if err == nil && NormalID(got.BridgeID) == all[i].ID {
					all[i].Model = cmp.Or(collectors.CleanText(got.ModelID), all[i].Model)
					all[i].Software = collectors.CleanText(got.SwVersion)
					return
				}
			}
		})
	}
	asking.Wait()
}

// getJSON sends one request and decodes the response.
func getJSON(ctx context.Context, transport *http.Transport, address string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	transport.DisableKeepAlives, transport.MaxResponseHeaderBytes = true, maxConfig
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := collectors.FromStatus(resp, time.Now()); err != nil {
		return err
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxConfig)).Decode(into); err != nil {
		return errors.New("the response is not a list of Hue bridges")
	}
	return nil
}

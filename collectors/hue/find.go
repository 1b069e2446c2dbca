package hue

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
	"strconv"
	"strings"
	"sync"
	"time"

	"hueair2mqtt/collectors"
)

// Service is the page of Signify that knows which bridges called it from the
// network that one asks from.
const Service = "https://discovery.meethue.com/"

const (
	// multicastTime is how long answers from the network are waited for; bridges
	// answer within a second.
	multicastTime = 3 * time.Second
	// serviceTime bounds the question to the vendor's service.
	serviceTime = 5 * time.Second
	// maxFound bounds how many announcements are taken notice of, by mDNS and by the
	// service each, so that neither can crowd out the other.
	maxFound = 256
)

// Found is a Hue bridge in the network. Nothing of it is proved: anybody may
// announce anything.
type Found struct {
	ID       string // 16 hexadecimal digits in lower case
	Host     string // its address, with the port if that isn't 443
	Model    string // "BSB002"; "" if unknown
	Software string // "1967054020"; "" unless Describe asked for it
}

// FindFunc is what Finder.Find is.
type FindFunc func(ctx context.Context) ([]Found, error)

// Finder looks for Hue bridges, by mDNS, by SSDP and at the vendor's service side by
// side. The zero value is ready.
type Finder struct {
	// Service is asked instead of the vendor's; "" is Service.
	Service string
	// Browse calls found for each bridge in the network until ctx ends; nil asks by
	// mDNS and SSDP.
	Browse func(ctx context.Context, found func(Found)) error
}

// Find looks for all bridges and returns them sorted by id. A bridge that is
// announced at several addresses is there with each of them, in the order in which
// they came, those of the network before those of the service: anybody can announce
// one. Addresses beyond the local network are left out. Where one of the ways fails
// the bridges of the others are there beside the error.
func (f Finder) Find(ctx context.Context) ([]Found, error) {
	ways := []*way{
		{name: "by mDNS", limit: multicastTime, find: browseNetwork},
		{name: "by SSDP", limit: multicastTime, find: searchNetwork},
	}
	if f.Browse != nil {
		ways = []*way{{name: "by mDNS", limit: multicastTime, find: f.Browse}}
	}
	ways = append(ways, &way{name: "at the vendor's service", limit: serviceTime, find: func(ctx context.Context, found func(Found)) error {
		return askService(ctx, cmp.Or(f.Service, Service), found)
	}})
	var asking sync.WaitGroup
	for _, way := range ways {
		asking.Go(func() {
			limited, cancel := context.WithTimeout(ctx, way.limit)
			defer cancel()
			if err := way.find(limited, way.add); err != nil {
				way.err = fmt.Errorf("%s: %w", way.name, err)
			}
		})
	}
	asking.Wait()
	var (
		all  []Found
		errs []error
	)
	for _, way := range ways {
		for _, b := range way.all {
			all = addSighting(all, b)
		}
		errs = append(errs, way.err)
	}
	slices.SortStableFunc(all, func(a, b Found) int { return strings.Compare(a.ID, b.ID) })
	return all, errors.Join(errs...)
}

// way is one way to find bridges, and what it found.
type way struct {
	name  string
	limit time.Duration
	find  func(ctx context.Context, found func(Found)) error
	err   error
	sightings
}

// sightings collects what one way of searching found.
type sightings struct {
	mu  sync.Mutex
	all []Found
}

func (s *sightings) add(b Found) {
	b.ID = normalID(b.ID)
	b.Model = collectors.CleanText(b.Model)
	if b.ID == "" || !nearby(b.Host) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) < maxFound {
		s.all = addSighting(s.all, b)
	}
}

// addSighting adds a bridge at an address, unless it is there already.
func addSighting(all []Found, b Found) []Found {
	i := slices.IndexFunc(all, func(other Found) bool { return other.ID == b.ID && sameHost(other.Host, b.Host) })
	if i < 0 {
		return append(all, b)
	}
	all[i].Model = cmp.Or(all[i].Model, b.Model)
	return all
}

// joinHost writes an address as a host of Options.
func joinHost(address string, port int) string {
	if port == 0 || port == 443 {
		if strings.Contains(address, ":") {
			return "[" + address + "]"
		}
		return address
	}
	return net.JoinHostPort(address, strconv.Itoa(port))
}

// askService asks the vendor's service.
func askService(ctx context.Context, address string, found func(Found)) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, MaxResponseHeaderBytes: maxConfig}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := collectors.FromStatus(resp, time.Now()); err != nil {
		return err
	}
	var bridges []struct {
		ID       string `json:"id"`
		Internal string `json:"internalipaddress"`
		Port     int    `json:"port"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxConfig)).Decode(&bridges); err != nil {
		return errors.New("the answer is no list of bridges")
	}
	// A service beyond this machine knows of nothing on it.
	local, _ := literalAddress(req.URL.Host)
	for _, b := range bridges {
		ip, err := netip.ParseAddr(b.Internal)
		if err == nil && b.Port >= 0 && b.Port <= 65535 && (!ip.Unmap().IsLoopback() || local.IsLoopback()) {
			found(Found{ID: b.ID, Host: joinHost(ip.Unmap().String(), b.Port)})
		}
	}
	return nil
}

// Describe asks each bridge for its model and software, side by side. What does
// not answer, or as another bridge, keeps what is known of it. No secret is sent and nothing is decided
// by the answers, so that any certificate will do.
func Describe(ctx context.Context, all []Found) {
	ctx, cancel := context.WithTimeout(ctx, serviceTime)
	defer cancel()
	var asked sync.WaitGroup
	for i := range all {
		asked.Go(func() {
			for _, scheme := range []string{"https", "http"} {
				got, err := describe(ctx, scheme+"://"+all[i].Host)
				if err == nil && normalID(got.BridgeID) == all[i].ID {
					all[i].Model = cmp.Or(collectors.CleanText(got.ModelID), all[i].Model)
					all[i].Software = collectors.CleanText(got.SwVersion)
					return
				}
			}
		})
	}
	asked.Wait()
}

func describe(ctx context.Context, base string) (got config, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/0/config", nil)
	if err != nil {
		return got, err
	}
	transport := &http.Transport{
		DialContext:       dialFunc(new(net.Dialer).DialContext).limited(serviceTime),
		DisableKeepAlives: true, MaxResponseHeaderBytes: maxConfig, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return got, err
	}
	defer resp.Body.Close()
	return got, json.NewDecoder(io.LimitReader(resp.Body, maxConfig)).Decode(&got)
}

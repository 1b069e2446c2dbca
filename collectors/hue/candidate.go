package hue

import (
	"context"
	"slices"
	"sync"
)

// maxCandidates bounds how many addresses are tried for one bridge, side by side.
const maxCandidates = 32

// recogniseOneOf asks all addresses that were announced for the bridge who they
// are, side by side and without the key, and returns the first that is the bridge.
// Anybody can announce an address, so a false one must not hide the true one.
// Where there is no https nothing proves an answer: several answers are none.
func (c *Collector) recogniseOneOf(ctx context.Context, found []Found) (host string, ok bool) {
	var hosts []string
	for _, f := range found {
		if f.ID == c.id && !sameHost(f.Host, c.host) && nearby(f.Host) && !slices.Contains(hosts, f.Host) && len(hosts) < maxCandidates {
			hosts = append(hosts, f.Host)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	scheme := "https"
	if c.scheme == "http" {
		scheme = "http"
	}
	good := make([]bool, len(hosts))
	var asked sync.WaitGroup
	for i, host := range hosts {
		asked.Go(func() {
			l := c.newLinkTo(scheme, host, false)
			got, err := c.config(ctx, l)
			good[i] = err == nil && c.recognise(got, l) == nil
		})
	}
	asked.Wait()
	i := slices.Index(good, true)
	if i < 0 || scheme == "http" && slices.Contains(good[i+1:], true) {
		return "", false
	}
	return hosts[i], true
}

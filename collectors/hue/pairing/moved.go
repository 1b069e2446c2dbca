package pairing

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// searchTime bounds one search for a bridge that has moved.
	searchTime = 5 * time.Second

	// maxAddresses is the max number of addresses that are tried for one bridge.
	maxAddresses = 32
)

// Locate searches for a bridge that is no longer at its address, and returns its new
// host. It asks every announced address, concurrently and without the key: anybody can
// announce an address, so a false one must not hide the true one. Over http nothing
// proves an answer, so several answers count as none.
func (t *Target) Locate(ctx context.Context, find FindFunc) (host string, ok bool) {
	searching, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	found, _ := find(searching) // the error of the poll says more
	var hosts []string
	for _, f := range found {
		if f.ID == t.ID && !SameHost(f.Host, t.Host) && isLocal(f.Host) && !slices.Contains(hosts, f.Host) && len(hosts) < maxAddresses {
			hosts = append(hosts, f.Host)
		}
	}
	ctx, cancel = context.WithTimeout(ctx, searchTime)
	defer cancel()
	scheme := "https"
	if t.Scheme == "http" {
		scheme = "http"
	}
	recognized := make([]bool, len(hosts))
	var asking sync.WaitGroup
	for i, host := range hosts {
		asking.Go(func() {
			at := *t
			at.Host, at.Named = host, false
			_, err := at.Ask(ctx, at.Client(scheme))
			recognized[i] = err == nil
		})
	}
	asking.Wait()
	i := slices.Index(recognized, true)
	if i < 0 || scheme == "http" && slices.Contains(recognized[i+1:], true) {
		return "", false
	}
	return hosts[i], true
}

package access

import (
	"maps"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"hueair2mqtt/internal/httpguard"
)

const (
	// A client may try a password 5 times at once, then every 10 seconds. That is too
	// slow to guess a password of 8 characters.
	attemptsAtOnce = 5
	attemptEvery   = 10 * time.Second

	// All clients on the Internet together may try 5,000 times at once, then once a
	// second. So may all clients in private networks. 4,000 of the attempts are reserved
	// for clients with at most 2 attempts so far: an attacker needs hundreds of addresses,
	// and minutes, to use them up.
	allAtOnce = 5000
	allEvery  = time.Second
	reserved  = 4000
	firstFew  = 2

	// minPruneAt is the smallest number of clients at which those that have all their
	// attempts again are removed. The limits for all clients bound the rest.
	minPruneAt = 1024
)

// attempts limits how often a client may try a password, so that wrong passwords of
// strangers don't lock out the owner.
type attempts struct {
	mu sync.Mutex
	// clients is by httpguard.Client, or by the cookie of a browser that has signed in
	// before. Such a browser has its own limit, since a stranger may share its address:
	// in the same IPv6 network, or behind a proxy that isn't trusted.
	clients map[any]*rate.Limiter
	pruneAt int
	all     map[bool]*rate.Limiter // by Client.Local
}

func newAttempts() *attempts {
	limiter := func() *rate.Limiter { return rate.NewLimiter(rate.Every(allEvery), allAtOnce) }
	return &attempts{clients: make(map[any]*rate.Limiter), pruneAt: minPruneAt, all: map[bool]*rate.Limiter{false: limiter(), true: limiter()}}
}

// allow reports whether a client may try a password now, and counts the attempt if so.
// known is the cookie of a browser that has signed in before, or "".
func (a *attempts) allow(from httpguard.Client, known string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	var key any = from
	if known != "" {
		key = known
	}
	client, seen := a.clients[key]
	if !seen {
		client = rate.NewLimiter(rate.Every(attemptEvery), attemptsAtOnce)
	}
	tokens := client.Tokens()
	if tokens < 1 {
		return false
	}
	if known == "" {
		all := a.all[from.Local()]
		if tokens < attemptsAtOnce-firstFew && all.Tokens() < reserved || !all.Allow() {
			return false
		}
	}
	client.Allow()
	if !seen {
		if len(a.clients) >= a.pruneAt {
			maps.DeleteFunc(a.clients, func(_ any, other *rate.Limiter) bool { return other.Tokens() >= attemptsAtOnce })
			a.pruneAt = max(minPruneAt, 2*len(a.clients))
		}
		a.clients[key] = client
	}
	return true
}

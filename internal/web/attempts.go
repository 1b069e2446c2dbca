package web

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"hueair2mqtt/internal/httpguard"
)

const (
	// A client may try to sign in 5 times at once, then every 10 seconds: nobody
	// guesses a password of 8 characters like that.
	attemptsAtOnce = 5
	attemptEvery   = 10 * time.Second

	// All clients of the Internet together, and all of private networks, may try 5,000
	// times at once, then once a second. 4,000 of these are reserved for clients with
	// at most 2 attempts before: an attacker needs hundreds of addresses, and minutes, to
	// use them up.
	allAtOnce = 5000
	allEvery  = time.Second
	reserved  = 4000
	firstFew  = 2

	// pruneAt is a number of clients. One that has not tried for 50 seconds has all
	// its attempts again and need not be kept. The limits for all bound the rest.
	pruneAt = 1024
)

// attempts limits how often a password may be tried, by client, so that a stranger's
// wrong passwords don't lock the owner out.
type attempts struct {
	mu sync.Mutex
	// clients are httpguard.Client, or string: the id of a browser that has signed in
	// before. Such a browser has a limit of its own, since a stranger may share its
	// address: in the same IPv6 network, or behind a proxy that isn't trusted.
	clients map[any]*rate.Limiter
	all     map[bool]*rate.Limiter // by Client.Local
}

func newAttempts() *attempts {
	limiter := func() *rate.Limiter { return rate.NewLimiter(rate.Every(allEvery), allAtOnce) }
	return &attempts{clients: make(map[any]*rate.Limiter), all: map[bool]*rate.Limiter{false: limiter(), true: limiter()}}
}

// allow reports whether a client may try a password now, and counts the attempt if
// so. known is the id of a browser that has signed in before, or empty.
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
		a.prune()
		a.clients[key] = client
	}
	return true
}

func (a *attempts) prune() {
	if len(a.clients) < pruneAt {
		return
	}
	for key, client := range a.clients {
		if client.Tokens() >= attemptsAtOnce {
			delete(a.clients, key)
		}
	}
}

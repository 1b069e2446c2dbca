package huetest

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Discovered is a bridge as the vendor's discovery service reports it.
type Discovered struct {
	ID                string `json:"id"` // 16 hexadecimal digits, lower case
	InternalIPAddress string `json:"internalipaddress"`
	Port              int    `json:"port"`
}

// DiscoveryHandler answers as https://discovery.meethue.com/ does: with the
// bridges in the network of who asks.
func DiscoveryHandler(bridges ...Discovered) http.Handler {
	return RateLimitedDiscoveryHandler(0, bridges...)
}

// RateLimitedDiscoveryHandler answers one request in this time, and all others
// with 429 and a Retry-After in seconds.
func RateLimitedDiscoveryHandler(every time.Duration, bridges ...Discovered) http.Handler {
	var mu sync.Mutex
	var next time.Time
	if bridges == nil {
		bridges = []Discovered{}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/":
			http.NotFound(w, r)
			return
		case r.Method != http.MethodGet:
			w.Header().Set("Allow", http.MethodGet)
			http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
			return
		}
		mu.Lock()
		now := time.Now()
		wait := next.Sub(now)
		if wait <= 0 {
			next = now.Add(every)
		}
		mu.Unlock()
		if wait > 0 {
			seconds := int((wait + time.Second - 1) / time.Second)
			w.Header().Set("Retry-After", strconv.Itoa(seconds))
			http.Error(w, http.StatusText(http.StatusTooManyRequests), http.StatusTooManyRequests)
			return
		}
		write(w, http.StatusOK, encode(bridges))
	})
}

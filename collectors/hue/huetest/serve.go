package huetest

import (
	"net/http"
	"strings"
	"time"
)

// scripted counts a request and returns the answer that a script has for it.
func (b *Bridge) scripted(path string) http.HandlerFunc {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requestsTo[path]++
	longest := ""
	for prefix, answers := range b.pathScripts {
		if strings.HasPrefix(path, prefix) && len(answers) > 0 && len(prefix) >= len(longest) {
			longest = prefix
		}
	}
	var answer http.HandlerFunc
	if answers := b.pathScripts[longest]; len(answers) > 0 {
		answer, b.pathScripts[longest] = answers[0], answers[1:]
	}
	if _, resource, ok := cutKey(path); ok && resource == "/sensors" {
		b.requests++
		if answer == nil && len(b.script) > 0 {
			answer, b.script = b.script[0], b.script[1:]
		}
	}
	return answer
}

// maxAsking is how many requests a bridge answers side by side; it refuses more.
const maxAsking = 3

// ServeHTTP answers as a bridge does. CLIP v1: /api and below, where
// errors are lists with status 200. CLIP v2, over TLS only: /clip/v2/resource and
// below, /eventstream/clip/v2, /auth/v1.
func (b *Bridge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	now := time.Now()
	isDown, hasV2, latency := now.Before(b.down), b.hasV2() && !now.Before(b.booting), b.latency
	b.asking++
	refused := b.asking > maxAsking
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.asking--
	}()
	if isDown {
		Drop(w, r)
	}
	if refused {
		page(w, http.StatusTooManyRequests)
		return
	}
	time.Sleep(latency)
	if answer := b.scripted(r.URL.Path); answer != nil {
		answer(w, r)
		return
	}
	switch {
	case r.URL.Path == "/api" || strings.HasPrefix(r.URL.Path, "/api/"):
		b.serveV1(w, r)
	case !hasV2 || r.TLS == nil:
		page(w, http.StatusNotFound)
	case r.URL.Path == "/eventstream/clip/v2":
		b.serveEvents(w, r)
	case strings.HasPrefix(r.URL.Path, "/clip/v2/"):
		b.serveV2(w, r)
	case r.URL.Path == "/auth/v1":
		b.serveAuth(w, r)
	default:
		page(w, http.StatusNotFound)
	}
}

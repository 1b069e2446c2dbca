// Package huetest provides a Philips Hue bridge for tests and demonstrations, in
// the manner of net/http/httptest: one home, served by the local CLIP v1 and
// CLIP v2 APIs with the event stream, as a real bridge does, errors included. It
// can be made to misbehave.
//
// The package has more than 1,500 lines because it has both APIs, the event stream, and a
// file for each kind of device.
//
//	bridge := huetest.NewBridge("001788fffe010203", "key")
//	bridge.SetMotionSensor(huetest.MotionSensor{MAC: "00:17:88:01:02:03:04:05", Name: "Hall", Reachable: true})
//	server := huetest.StartTLS(bridge)
//	defer server.Close()
//
// Over plain HTTP, with httptest.NewServer(bridge) for one, it serves CLIP v1
// alone: a real bridge has CLIP v2 behind TLS only.
//
// All times are those of the time package, so that a bridge in a bubble of
// testing/synctest lives in virtual time. No lock is held while anything is
// written to a client.
package huetest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultSoftware is the software of a new bridge; it has CLIP v2.
const DefaultSoftware = "1967054020"

// firstV2Software is the first software of a BSB002 that has CLIP v2.
const firstV2Software = 1948086000

// firstModel is the model of the first bridge.
const firstModel = "BSB001"

// Bridge is a Hue bridge with its home. Its methods may be called at any time
// from any goroutine.
type Bridge struct {
	id       string
	username string

	mu      sync.Mutex
	model   string
	keys    map[string]*appKey
	pressed time.Time // when the link button was

	home
	broadcast
	sent atomic.Int64 // when, in nanoseconds since 1970, a stream was last written to

	down        time.Time // until when it restarts
	booting     time.Time // until when it has no CLIP v2
	latency     time.Duration
	asking      int // requests that are being answered, streams included
	servers     []connections
	script      []http.HandlerFunc
	pathScripts map[string][]http.HandlerFunc
	requests    int
	requestsTo  map[string]int // by path
}

// connections is a server of the bridge.
type connections interface{ dropConnections() }

// appKey is an application that may use the bridge.
type appKey struct {
	deviceType string
	created    string
	deleted    bool
}

// ID is the bridge id in lower case, which is also the common name of a bridge's
// certificate.
func (b *Bridge) ID() string { return strings.ToLower(b.id) }

// oldestSoftware is the last software of the first bridge.
const oldestSoftware = "01041302"

// hasV2 reports whether the software has CLIP v2. The caller holds the lock.
func (b *Bridge) hasV2() bool {
	number, err := strconv.Atoi(b.software)
	return err == nil && number >= firstV2Software
}

// apiVersion is the version of CLIP v1 that a software has: 1.67.0 for 1967054020.
func apiVersion(software string) string {
	if len(software) == 10 && (software[:2] == "19" || software[:2] == "20") {
		return "1." + software[2:4] + ".0"
	}
	if software == oldestSoftware {
		return "1.16.0"
	}
	return "1.22.0"
}

// DeleteKey makes the bridge forget all its keys, as when the user deletes the
// app's access in the Hue app. A stream that is open stays so.
func (b *Bridge) DeleteKey() { b.setKeysDeleted(true) }

// RestoreKey makes all keys good again.
func (b *Bridge) RestoreKey() { b.setKeysDeleted(false) }

func (b *Bridge) setKeysDeleted(deleted bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, key := range b.keys {
		key.deleted = deleted
	}
}

// knows reports whether the key is valid. The caller holds the lock.
func (b *Bridge) knows(key string) bool {
	k := b.keys[key]
	return k != nil && !k.deleted
}

// Script has each of the next CLIP v1 requests for all sensors answered by the
// next of these; nil means normally. It replaces the rest of an earlier script.
func (b *Bridge) Script(answers ...http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.script = slices.Clone(answers)
}

// ScriptPath has each of the next requests whose path begins with prefix, with
// any key, answered by the next of these; nil means normally. Of two prefixes the
// longer one counts. It replaces the rest of an earlier script of the prefix.
func (b *Bridge) ScriptPath(prefix string, answers ...http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pathScripts[prefix] = slices.Clone(answers)
}

// Requests is how many CLIP v1 requests for all sensors there were, with any key,
// scripted ones included.
func (b *Bridge) Requests() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.requests
}

// RequestsTo is how many requests there were whose path begins with prefix, with
// any key and method, scripted ones included; none while the bridge restarts.
func (b *Bridge) RequestsTo(prefix string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for path, times := range b.requestsTo {
		if strings.HasPrefix(path, prefix) {
			n += times
		}
	}
	return n
}

// cutKey takes a CLIP v1 path apart; the resource is "/" where there is none.
func cutKey(path string) (key, resource string, ok bool) {
	path, ok = strings.CutPrefix(strings.TrimRight(path, "/"), "/api")
	if !ok || path != "" && path[0] != '/' {
		return "", "", false
	}
	key, resource, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return key, "/" + resource, true
}

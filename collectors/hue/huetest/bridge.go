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
	"fmt"
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

const signify = "Signify Netherlands B.V."

type object = map[string]any

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
	servers     []*Server
	script      []http.HandlerFunc
	pathScripts map[string][]http.HandlerFunc
	requests    int
	requestsTo  map[string]int // by path
}

// appKey is an application that may use the bridge.
type appKey struct {
	deviceType string
	created    string
	deleted    bool
}

// NewBridge returns a bridge with the software sensors that every home has and
// nothing else, which have the CLIP v1 ids 1 and 2; later ones count on from
// there. id is its bridge id, 16 hexadecimal digits; username is the one key it
// accepts before it is paired.
func NewBridge(id, username string) *Bridge {
	b := &Bridge{
		id: id, username: username, model: "BSB002",
		keys:        map[string]*appKey{username: {deviceType: "hueair2mqtt#test", created: stamp()}},
		pathScripts: make(map[string][]http.HandlerFunc),
		requestsTo:  make(map[string]int),
	}
	b.home.init(b.ID())
	b.software = DefaultSoftware
	b.streams = make(map[*stream]struct{})
	b.addSoftwareSensors()
	b.refreshBridge()
	return b
}

// ID is the bridge id in lower case, which is also the common name of a bridge's
// certificate.
func (b *Bridge) ID() string { return strings.ToLower(b.id) }

// SetSoftware makes the bridge one with this software, "1967054020" for example.
// One before 1948086000 has no CLIP v2: its paths are not found. One before 2023
// has CLIP v2 without reports and times.
func (b *Bridge) SetSoftware(version string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.software = version
	b.publish(b.refreshBridge())
	b.reshape()
}

// oldestSoftware is the last software of the first bridge.
const oldestSoftware = "01041302"

// SetModel makes the bridge one of this model: BSB001, the first one, with its last
// software and without a client key; BSB002, the default; or BSB003, the Bridge
// Pro.
func (b *Bridge) SetModel(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.model = id
	if id == firstModel {
		b.software = oldestSoftware
	}
	b.publish(b.refreshBridge())
}

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

// page answers with the error page of the bridge's web server.
func page(w http.ResponseWriter, status int) {
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<html>\r\n<head><title>%s</title></head>\r\n<body>\r\n<center><h1>%[1]s</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n", title)
}

func write(w http.ResponseWriter, status int, text []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	// A client that went away is no concern of the bridge's.
	_, _ = w.Write(text)
}

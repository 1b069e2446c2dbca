package web

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"hueair2mqtt/internal/web/access"
)

const (
	// writeTimeout bounds each response and each event of a live stream.
	writeTimeout = 20 * time.Second
	// minInterval is the shortest time between two versions of a page on a stream.
	minInterval = 500 * time.Millisecond
	// heartbeatInterval keeps proxies from closing a quiet stream, and detects a browser
	// that is gone.
	heartbeatInterval = 25 * time.Second

	// The maximum numbers of live streams. A browser opens 6 connections to a server
	// over HTTP/1.1.
	maxStreams           = 32
	maxStreamsPerClient  = 16
	maxStreamsPerVisitor = 8
)

// live sends the main part of a page as a server-sent event whenever it has changed.
// The bridge reports changes only while there is a stream.
type live struct {
	renderer *renderer
	changes  *changes
	streams  *streams
}

func (l *live) serve(w http.ResponseWriter, r *http.Request, v access.Visit, p menuPage) {
	if r.Method != http.MethodGet { // a GET pattern matches HEAD too
		http.Error(w, "use GET", http.StatusMethodNotAllowed)
		return
	}
	closed, ok := l.streams.open(v)
	if !ok {
		http.Error(w, "this page is open too often", http.StatusServiceUnavailable)
		return
	}
	defer closed()
	// The stream ends with the request and with the session.
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(v.Session, cancel)()
	changed, unsubscribe := l.changes.subscribe()
	defer unsubscribe()
	if p.fromBridge != nil {
		if err := l.renderer.options.Bridge.Watch(ctx, func() { signal(changed) }); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would buffer the events
	w.Header().Set("Connection", "close")
	s := stream{w, http.NewResponseController(w)}
	// The server's read timeout is for requests that end.
	_ = s.control.SetReadDeadline(time.Time{})
	defer s.extend() // for the end of the body
	heartbeat := time.NewTicker(heartbeatInterval)
	defer heartbeat.Stop()
	var last []byte
	for {
		content, err := l.renderer.render(ctx, v, p, "main")
		if err != nil {
			return // the program is shutting down; the browser reconnects
		}
		if !bytes.Equal(content, last) {
			last = content
			if ctx.Err() != nil || s.send(event(content)) != nil {
				return
			}
		}
		select {
		case <-time.After(minInterval):
		case <-ctx.Done():
			return
		}
		for waiting := true; waiting; {
			select {
			case <-changed:
				waiting = false
			case <-heartbeat.C:
				if s.send([]byte(": heartbeat\n\n")) != nil {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// stream is the response to a browser that reads events.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// extend gives the next write writeTimeout. Writers in tests may have no deadline.
func (s stream) extend() { _ = s.control.SetWriteDeadline(time.Now().Add(writeTimeout)) }

func (s stream) send(text []byte) error {
	s.extend()
	if _, err := s.w.Write(text); err != nil {
		return err
	}
	return s.control.Flush()
}

// event returns a page as an event. JSON puts it on one line.
func event(content []byte) []byte {
	encoded, err := json.Marshal(string(content))
	if err != nil {
		panic(err) // every string can be encoded
	}
	return append(append([]byte("data: "), encoded...), "\n\n"...)
}

// streams counts the live streams.
type streams struct {
	mu    sync.Mutex
	all   int
	count map[any]int // by client address, and by cookie
}

func newStreams() *streams { return &streams{count: make(map[any]int)} }

// open counts a stream until closed is called. ok is false if there are too many.
// Without a cookie only the client's address counts.
func (s *streams) open(v access.Visit) (closed func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= maxStreams || s.count[v.Client] >= maxStreamsPerClient || v.Cookie != "" && s.count[v.Cookie] >= maxStreamsPerVisitor {
		return nil, false
	}
	s.add(v, 1)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.add(v, -1)
	}, true
}

func (s *streams) add(v access.Visit, n int) {
	s.all += n
	for _, key := range []any{v.Client, v.Cookie} {
		if s.count[key] += n; s.count[key] == 0 {
			delete(s.count, key)
		}
	}
}

package web

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"
)

const (
	// liveGap is the least time from one picture to the next of a page.
	liveGap = 500 * time.Millisecond
	// heartbeat keeps proxies from closing a stream on which nothing happens, and
	// tells this end when the other one has gone.
	heartbeat = 25 * time.Second
)

// live sends a page's main part whenever it has changed, as server-sent events. A
// stream is all that makes the bridge tell of changes; without one, nothing does.
func (s *Server) live(w http.ResponseWriter, r *http.Request, v visit) {
	name := r.PathValue("page")
	if s.view(v, name).Title == "" {
		s.fail(w, r, http.StatusNotFound, "There is no such page.")
		return
	}
	if r.Method != http.MethodGet { // HEAD matches the pattern too
		http.Error(w, "a stream has a body", http.StatusMethodNotAllowed)
		return
	}
	closed, ok := s.streams.open(v.client, v.visitor)
	if !ok {
		http.Error(w, "too many browsers look at this page", http.StatusServiceUnavailable)
		return
	}
	defer closed()
	// The stream ends with the request, and with the session.
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(v.session, cancel)()
	changed, away := s.changes.look()
	defer away()
	if name != "log" && name != "check" {
		if err := s.o.House.Watch(ctx, func() { put(changed) }); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
	}
	control := http.NewResponseController(w)
	// The times of the server are for requests that end.
	send := func(text []byte) bool {
		if ctx.Err() != nil {
			return false
		}
		// A writer that knows no deadline is one of a test's.
		_ = control.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := w.Write(text); err != nil {
			return false
		}
		return control.Flush() == nil
	}
	_ = control.SetReadDeadline(time.Time{})
	defer func() { _ = control.SetWriteDeadline(time.Now().Add(writeTimeout)) }() // for the end of the body
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would keep the events to itself
	w.Header().Set("Connection", "close")     // with the stream
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	var last []byte
	for {
		content, err := s.render(ctx, v, name, "main")
		if err != nil {
			return // the bridge ends; the browser comes back
		}
		if !bytes.Equal(content, last) {
			last = content
			if !send(event(content)) {
				return
			}
		}
		gap := time.NewTimer(liveGap)
		select {
		case <-gap.C:
		case <-ctx.Done():
			gap.Stop()
			return
		}
		for waiting := true; waiting; {
			select {
			case <-changed:
				waiting = false
			case <-beat.C:
				if !send([]byte(": still here\n\n")) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// event is a page as an event: JSON keeps it on one line.
func event(content []byte) []byte {
	encoded, err := json.Marshal(string(content))
	if err != nil {
		panic(err) // a string can always be encoded
	}
	return append(append([]byte("data: "), encoded...), "\n\n"...)
}

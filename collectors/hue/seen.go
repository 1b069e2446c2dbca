package hue

import "sync"

// maxIDs is how many ids of events are kept to recognize a repeated one; a bridge repeats
// the last 15.
const maxIDs = 64

// seenIDs records the ids of the latest events, and on which connection each came first. A
// bridge sends an event on every connection, and again on one that names an older id. An id
// that comes twice on one connection is another event, of a bridge that does not count. It
// is safe for concurrent use.
type seenIDs struct {
	mu          sync.Mutex
	connections int // how many there were
	last        string
	by          map[string]int
	order       [maxIDs]string // a ring
	next        int
	alone       int // events that came on the newest connection only
}

// connect returns the id after which to open the stream, and the number of the new
// connection.
func (s *seenIDs) connect() (lastID string, number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connections++
	s.alone = 0
	return s.last, s.connections
}

// forget makes the next connection begin with new events.
func (s *seenIDs) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = ""
}

// onlyOn reports whether this is the newest connection, and brought events that no older
// one did.
func (s *seenIDs) onlyOn(connection int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return connection == s.connections && s.alone > 0
}

// isRepeated records the id of an event, and reports whether the event has come on another
// connection.
func (s *seenIDs) isRepeated(id string, connection int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id == "" {
		return false
	}
	if by, ok := s.by[id]; ok {
		if by == s.connections && connection < by {
			s.alone--
		}
		return by != connection
	}
	if s.by == nil {
		s.by = make(map[string]int, maxIDs)
	}
	delete(s.by, s.order[s.next])
	s.by[id], s.order[s.next] = connection, id
	s.next = (s.next + 1) % maxIDs
	s.last = id
	if connection == s.connections {
		s.alone++
	}
	return false
}

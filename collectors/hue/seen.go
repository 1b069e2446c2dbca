package hue

// seenIDs are the ids of the last events, with the connection that each came by
// first. A bridge sends an event to every connection, and again to one that names
// an older id; an id that comes twice on one connection is another event of a
// bridge that does not count.
type seenIDs struct {
	connections int // how many there were
	last        string
	by          map[string]int
	order       [maxIDs]string // a ring
	next        int
	alone       int // events of the newest connection that no older one had
}

// nextConnection returns the id to open the stream after, and the number of the
// connection.
func (s *stream) nextConnection() (lastID string, number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen.connections++
	s.seen.alone = 0
	return s.seen.last, s.seen.connections
}

// forgetIDs makes the next connection begin with what happens then.
func (s *stream) forgetIDs() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen.last = ""
}

// onlyIn reports whether the newest connection brought events that no older one
// did.
func (s *stream) onlyIn(number int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return number == s.seen.connections && s.seen.alone > 0
}

// repeated notes the id of an event, and reports whether the event has come by
// another connection.
func (s *stream) repeated(id string, connection int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := &s.seen
	if id == "" {
		return false
	}
	if by, ok := seen.by[id]; ok {
		if by == seen.connections && connection < by {
			seen.alone--
		}
		return by != connection
	}
	if seen.by == nil {
		seen.by = make(map[string]int, maxIDs)
	}
	delete(seen.by, seen.order[seen.next])
	seen.by[id], seen.order[seen.next] = connection, id
	seen.next = (seen.next + 1) % maxIDs
	seen.last = id
	if connection == seen.connections {
		seen.alone++
	}
	return false
}

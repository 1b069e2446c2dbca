package web

import "sync"

const (
	// The maximum numbers of live streams. A browser opens 6 connections to a server
	// over HTTP/1.1.
	maxStreams           = 32
	maxStreamsPerClient  = 16
	maxStreamsPerVisitor = 8
)

// streams counts the live streams.
type streams struct {
	mu  sync.Mutex
	all int
	by  map[any]int // by httpguard.Client, and by visitor
}

func newStreams() *streams { return &streams{by: make(map[any]int)} }

// open counts a stream until closed is called. ok is false if there are too many.
func (s *streams) open(client, visitor any) (closed func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= maxStreams || s.by[client] >= maxStreamsPerClient || s.by[visitor] >= maxStreamsPerVisitor {
		return nil, false
	}
	s.count(1, client, visitor)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.count(-1, client, visitor)
	}, true
}

func (s *streams) count(n int, keys ...any) {
	s.all += n
	for _, key := range keys {
		if s.by[key] += n; s.by[key] == 0 {
			delete(s.by, key)
		}
	}
}

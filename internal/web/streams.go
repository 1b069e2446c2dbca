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
	mu    sync.Mutex
	all   int
	count map[any]int // by client address, and by cookie
}

func newStreams() *streams { return &streams{count: make(map[any]int)} }

// open counts a stream until closed is called. ok is false if there are too many.
// Without a cookie only the client's address counts.
func (s *streams) open(v visit) (closed func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= maxStreams || s.count[v.client] >= maxStreamsPerClient || v.cookie != "" && s.count[v.cookie] >= maxStreamsPerVisitor {
		return nil, false
	}
	s.add(v, 1)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.add(v, -1)
	}, true
}

func (s *streams) add(v visit, n int) {
	s.all += n
	for _, key := range []any{v.client, v.cookie} {
		if s.count[key] += n; s.count[key] == 0 {
			delete(s.count, key)
		}
	}
}

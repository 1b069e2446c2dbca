package amazontest

import (
	"math/rand/v2"
	"net/http"
)

// scripts are the answers that a test has set.
type scripts struct {
	once     []http.HandlerFunc // of the next requests
	paths    map[string]http.HandlerFunc
	flaky    map[string]*flakiness
	requests map[string]int // by path
}

// next counts a request and returns its scripted answer, or nil.
func (s *scripts) next(path string) http.HandlerFunc {
	s.requests[path]++
	if len(s.once) > 0 {
		h := s.once[0]
		s.once = s.once[1:]
		return h
	}
	if h := s.paths[path]; h != nil {
		return h
	}
	if f := s.flaky[path]; f != nil {
		return f.next()
	}
	return nil
}

type flakiness struct {
	share  float64
	random *rand.Rand
}

func (f *flakiness) next() http.HandlerFunc {
	if f.random.Float64() >= f.share {
		return nil
	}
	failures := []http.HandlerFunc{
		Status(http.StatusInternalServerError, nil, "busy"), Status(http.StatusServiceUnavailable, nil, ""), Drop,
	}
	return failures[f.random.IntN(len(failures))]
}

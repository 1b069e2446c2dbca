package web

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/collectors"
)

// maxError bounds what is told of a failure, in bytes.
const maxError = 600

// job is something that takes longer than a request may: it is begun by one, and
// pages show how far it is. There is one of a kind at a time.
type job[T any] struct {
	mu    sync.Mutex
	state jobState[T]
	stop  context.CancelFunc
}

// jobState is how far a job is. Began is zero if there was none.
type jobState[T any] struct {
	Running      bool
	Began, Until time.Time // Until is when it ends at the latest
	Result       T
	Error        string
	Remedy       string
}

// Done says that the job has ended well.
func (j jobState[T]) Done() bool { return !j.Began.IsZero() && !j.Running && j.Error == "" }

// begin begins a job that ends within limit. Where one runs already, that goes on
// and this one is forgotten. update changes the result while the job runs.
func (j *job[T]) begin(s *Server, limit time.Duration, work func(ctx context.Context, update func(func(*T))) error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.state.Running || s.life.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(s.life, limit)
	now := time.Now()
	j.state, j.stop = jobState[T]{Running: true, Began: now, Until: now.Add(limit)}, cancel
	update := func(change func(*T)) {
		j.mu.Lock()
		change(&j.state.Result)
		j.mu.Unlock()
		s.changes.tell()
	}
	s.jobs.Go(func() {
		defer cancel()
		err := j.guarded(ctx, s, work, update)
		j.mu.Lock()
		j.state.Running = false
		if err != nil {
			reason, remedy := collectors.RemedyOf(err)
			j.state.Error, j.state.Remedy = collectors.CleanLine(reason, maxError), remedy
		}
		j.mu.Unlock()
		s.changes.tell()
	})
	s.changes.tell()
}

// guarded does the work. A panic there has met an answer that nobody foresaw, and
// costs this job, not the bridge.
func (j *job[T]) guarded(ctx context.Context, s *Server, work func(context.Context, func(func(*T))) error, update func(func(*T))) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = s.unforeseen(r)
		}
	}()
	return work(ctx, update)
}

// end ends a job that runs.
func (j *job[T]) end() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.stop != nil {
		j.stop()
	}
}

// now is how far the job is. Its Result must be left as it is.
func (j *job[T]) now() jobState[T] {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.state
}

func (s *Server) unforeseen(r any) error {
	s.o.Errors.Error("the page failed unexpectedly", zap.Any("panic", r), zap.Stack("stack"))
	return errors.New("that failed unexpectedly; the log has the place")
}

// sentence is an error in whole sentences, for the page alone.
type sentence string

func (s sentence) Error() string { return string(s) }

package web

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/collectors"
)

// maxError bounds the error of a job on the page, in bytes.
const maxError = 600

// jobs runs the jobs of a page.
type jobs struct {
	ctx     context.Context // of the page; all jobs end with it
	changed func()          // called when a job's state has changed
	log     *zap.Logger
	running sync.WaitGroup
}

func (j *jobs) wait() { j.running.Wait() }

// job is work that takes longer than a request may. A request starts it, and pages
// show its state. Only one of a kind runs at a time.
type job[T any] struct {
	mu    sync.Mutex
	state jobState[T]
	stop  context.CancelFunc
}

// jobState is the state of a job. Began is zero if it was never started.
type jobState[T any] struct {
	Running bool
	Began   time.Time
	Result  T
	Error   string
	Remedy  string
}

// Done reports whether the job has succeeded.
func (s jobState[T]) Done() bool { return !s.Began.IsZero() && !s.Running && s.Error == "" }

// start starts a job with a deadline. It does nothing if the job is running. The
// work calls update to change the result while it runs.
func (j *job[T]) start(on *jobs, limit time.Duration, work func(ctx context.Context, update func(func(*T))) error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.state.Running || on.ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(on.ctx, limit)
	j.state, j.stop = jobState[T]{Running: true, Began: time.Now()}, cancel
	change := func(apply func(*jobState[T])) {
		j.mu.Lock()
		apply(&j.state)
		j.mu.Unlock()
		on.changed()
	}
	on.running.Go(func() {
		defer cancel()
		err := on.recovered(func() error {
			return work(ctx, func(apply func(*T)) { change(func(s *jobState[T]) { apply(&s.Result) }) })
		})
		change(func(s *jobState[T]) {
			s.Running = false
			if err != nil {
				reason, remedy := collectors.RemedyOf(err)
				s.Error, s.Remedy = collectors.CleanLine(reason, maxError), remedy
			}
		})
	})
	on.changed()
}

// recovered does work. A panic, such as one caused by an unexpected response, fails the job
// and not the program.
func (j *jobs) recovered(work func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			j.log.Error("the page failed unexpectedly", zap.Any("panic", r), zap.Stack("stack"))
			err = errors.New("unexpected failure; see the log")
		}
	}()
	return work()
}

// cancel stops the job if it is running.
func (j *job[T]) cancel() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.stop != nil {
		j.stop()
	}
}

// now returns the state. The caller must not change its Result.
func (j *job[T]) now() jobState[T] {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.state
}

// sentence is an error in whole sentences, which only the page shows.
type sentence string

func (s sentence) Error() string { return string(s) }

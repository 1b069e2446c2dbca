// Package loglimit bounds what the network can write into a log. Whoever can send
// a message or break a connection could otherwise fill the disk, and bury what
// matters.
package loglimit

import (
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Every is how often the same line is written.
const Every = time.Minute

// maxMessages bounds how many different messages are kept apart; all others share
// one line. Messages are constants of the program, so that there are few.
const maxMessages = 256

// Limiter bounds the lines of a logger: one with the same level and message is
// written once in Every. Those in between are counted; the last of them is written
// when the time is over, with the field "count", which says how many it stands for.
// The fields of a line do not distinguish it. Lines above the level Error always
// pass. The methods may be called from any goroutine.
type Limiter struct {
	mu       sync.Mutex
	closed   bool
	messages map[key]*message
}

type key struct {
	level zapcore.Level
	text  string
}

// message is what is known of lines with the same text.
type message struct {
	timer *time.Timer // runs until the next line may be written
	count int         // lines since the last one
	last  func(count int)
}

// New returns a logger that is bounded, and its limiter, which the caller closes.
func New(log *zap.Logger) (*zap.Logger, *Limiter) {
	l := &Limiter{messages: make(map[key]*message)}
	return log.WithOptions(zap.WrapCore(func(c zapcore.Core) zapcore.Core { return core{c, l} })), l
}

// Close writes the lines that wait. What is logged afterwards is not bounded.
func (l *Limiter) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, m := range l.messages {
		m.timer.Stop()
		m.flush()
	}
	clear(l.messages)
}

// flush writes what waits, and reports whether anything did.
func (m *message) flush() bool {
	if m.count == 0 {
		return false
	}
	m.last(m.count)
	m.count, m.last = 0, nil
	return true
}

// take writes a line now or keeps it. write gets the number of lines that it stands
// for.
func (l *Limiter) take(k key, write func(count int)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		write(1)
		return
	}
	if l.messages[k] == nil && len(l.messages) >= maxMessages {
		k = key{}
	}
	m := l.messages[k]
	if m == nil {
		m = &message{}
		m.timer = time.AfterFunc(Every, func() { l.due(k, m) })
		l.messages[k] = m
		write(1)
		return
	}
	m.count++
	m.last = write
}

// due ends the time in which a message was not written.
func (l *Limiter) due(k key, m *message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.messages[k] != m {
		return
	}
	if m.flush() {
		m.timer.Reset(Every)
		return
	}
	delete(l.messages, k)
}

// core is a zapcore.Core that asks a limiter first.
type core struct {
	zapcore.Core
	limiter *Limiter
}

func (c core) With(fields []zapcore.Field) zapcore.Core { return core{c.Core.With(fields), c.limiter} }

func (c core) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	switch {
	case !c.Enabled(e.Level):
		return ce
	case e.Level > zapcore.ErrorLevel:
		return c.Core.Check(e, ce)
	}
	return ce.AddCore(e, c)
}

func (c core) Write(e zapcore.Entry, fields []zapcore.Field) error {
	c.limiter.take(key{e.Level, e.Message}, func(count int) {
		if count > 1 {
			fields = append(fields[:len(fields):len(fields)], zap.Int("count", count))
		}
		if ce := c.Core.Check(e, nil); ce != nil {
			ce.Write(fields...)
		}
	})
	return nil
}

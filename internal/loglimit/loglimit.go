// Package loglimit bounds what the network can write into a log. Otherwise anybody
// who can send a message or break a connection could fill the disk and hide what
// matters.
//
// zap's own sampler does not do: it drops lines without a count, and it cannot
// distinguish lines by a field such as the endpoint.
package loglimit

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Every is the min time between two equal lines.
const Every = time.Minute

// maxMessages bounds how many different lines are distinguished; all others count
// as equal. Messages are constants of the program, so there are few.
const maxMessages = 4096

// Limiter writes equal lines once in Every. It counts those in between and writes
// the last of them when the time has passed, with their number in the field "count". Lines are equal if level, message and the distinguishing fields are. Debug
// lines, and those that end the program, are not limited.
type Limiter struct {
	by []string // names of the distinguishing fields

	mu       sync.Mutex
	closed   bool
	messages map[key]*message
}

type key struct {
	level       zapcore.Level
	text, scope string
}

// message is the state of equal lines.
type message struct {
	timer *time.Timer // expires when the next line may be written
	count int         // lines since the last written one
	last  func(count int)
}

// New returns a limited logger and its limiter, which the caller must close. The
// fields in by distinguish lines if they are strings or integers. Their values must
// not come from the network.
func New(log *zap.Logger, by ...string) (*zap.Logger, *Limiter) {
	l := &Limiter{by: by, messages: make(map[key]*message)}
	return log.WithOptions(zap.WrapCore(func(c zapcore.Core) zapcore.Core { return core{c, l, ""} })), l
}

// scope returns the distinguishing fields as text.
func (l *Limiter) scope(fields []zapcore.Field) string {
	var b strings.Builder
	for _, f := range fields {
		if slices.Contains(l.by, f.Key) {
			fmt.Fprintf(&b, "%s=%q %d;", f.Key, f.String, f.Integer)
		}
	}
	return b.String()
}

// Close writes the pending lines. Lines logged later are not limited.
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

// flush writes the pending line, and reports whether there was one.
func (m *message) flush() bool {
	if m.count == 0 {
		return false
	}
	m.last(m.count)
	m.count, m.last = 0, nil
	return true
}

// take writes a line now or later. write gets the number of lines that it represents.
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

// due is called when a message may be written again.
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

// core is a zapcore.Core behind a limiter.
type core struct {
	zapcore.Core
	limiter *Limiter
	scope   string // of the logger's own fields
}

func (c core) With(fields []zapcore.Field) zapcore.Core {
	return core{c.Core.With(fields), c.limiter, c.scope + c.limiter.scope(fields)}
}

func (c core) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	switch {
	case !c.Enabled(e.Level):
		return ce
	case e.Level < zapcore.InfoLevel, e.Level > zapcore.DPanicLevel:
		return c.Core.Check(e, ce)
	}
	return ce.AddCore(e, c)
}

func (c core) Write(e zapcore.Entry, fields []zapcore.Field) error {
	c.limiter.take(key{e.Level, e.Message, c.scope + c.limiter.scope(fields)}, func(count int) {
		if count > 1 {
			fields = append(fields[:len(fields):len(fields)], zap.Int("count", count))
		}
		if ce := c.Core.Check(e, nil); ce != nil {
			ce.Write(fields...)
		}
	})
	return nil
}

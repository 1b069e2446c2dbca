// Package loglimit bounds what the network can write into a log. Whoever can send
// a message or break a connection could otherwise fill the disk, and bury what
// matters.
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

// Every is how often the same line is written.
const Every = time.Minute

// maxMessages bounds how many different lines are kept apart; all others share one.
// Messages are constants of the program, so that there are few.
const maxMessages = 4096

// Limiter bounds the lines of a logger: the same line is written once in Every.
// Those in between are counted; the last of them is written when the time is over,
// with the field "count", which says how many it stands for. Lines are the same if
// they have the same level, message and values of the distinguishing fields. Debug
// lines, and those that end the program, always pass.
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

// message is what is known of lines with the same text.
type message struct {
	timer *time.Timer // runs until the next line may be written
	count int         // lines since the last one
	last  func(count int)
}

// New returns a logger that is bounded, and its limiter, which the caller closes.
// The fields named by distinguish lines, if they are strings or integers; their
// values must not come from the network.
func New(log *zap.Logger, by ...string) (*zap.Logger, *Limiter) {
	l := &Limiter{by: by, messages: make(map[key]*message)}
	return log.WithOptions(zap.WrapCore(func(c zapcore.Core) zapcore.Core { return core{c, l, ""} })), l
}

// scope is what distinguishes a line with these fields from others.
func (l *Limiter) scope(fields []zapcore.Field) string {
	var b strings.Builder
	for _, f := range fields {
		if slices.Contains(l.by, f.Key) {
			fmt.Fprintf(&b, "%s=%q %d;", f.Key, f.String, f.Integer)
		}
	}
	return b.String()
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

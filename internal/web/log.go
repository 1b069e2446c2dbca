package web

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"hueair2mqtt/configs"
)

const (
	// maxLogLines is the number of log lines that the page shows.
	maxLogLines = 500
	// maxLogLine bounds a line, in bytes.
	maxLogLine = 2 << 10
)

// LogBuffer keeps the last lines of a log. It is the io.Writer of a log that writes
// one line at a time. It is safe for concurrent use.
type LogBuffer struct {
	mu      sync.Mutex
	lines   []string
	written func()
}

func (b *LogBuffer) onWrite(written func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.written = written
}

// Write keeps a line.
func (b *LogBuffer) Write(line []byte) (int, error) {
	text := strings.ToValidUTF8(strings.TrimRight(string(line[:min(len(line), maxLogLine)]), "\n"), "")
	b.mu.Lock()
	if len(b.lines) == maxLogLines {
		b.lines = slices.Delete(b.lines, 0, 1)
	}
	b.lines = append(b.lines, text)
	written := b.written
	b.mu.Unlock()
	if written != nil {
		written()
	}
	return len(line), nil
}

// Lines returns the lines, the oldest first.
func (b *LogBuffer) Lines() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.lines)
}

// logPage is the page that shows the log.
type logPage struct {
	buffer *LogBuffer
	redact func(line string) string
}

type logData struct{ Lines []string }

// newLogPage returns the page of a buffer, which may be nil.
func newLogPage(c *configs.Config, b *LogBuffer) *logPage {
	if b == nil {
		b = new(LogBuffer)
	}
	return &logPage{b, redactor(c)}
}

func (l *logPage) content() (data any, busy bool) {
	lines := l.buffer.Lines()
	for i, line := range lines {
		lines[i] = l.redact(line)
	}
	return logData{lines}, false
}

// secretPattern matches a token or a one-time code of Amazon, a key of a Hue bridge and
// a mail address. The log has no secrets; but people post it in forums.
var secretPattern = regexp.MustCompile(`At[nz][ar]\|[^\s"\\]+` +
	`|(authorization_code=|code_verifier=)[^\s"&\\]+` +
	`|\b[A-Za-z0-9-]{40}\b` +
	`|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}`)

const redacted = "[redacted]"

// redactor returns a function that removes secrets from a line of the log.
func redactor(c *configs.Config) func(line string) string {
	var pairs []string
	secrets := []configs.Secret{c.MQTT.Password, c.Alert.Email.Password, c.Web.Password}
	for _, b := range c.Hue.Bridges {
		secrets = append(secrets, b.Username)
	}
	for _, s := range secrets {
		// A shorter one could be part of words, and removing it would reveal it.
		if len(s) >= 6 {
			pairs = append(pairs, s.Reveal(), redacted)
		}
	}
	configured := strings.NewReplacer(pairs...)
	return func(line string) string {
		return secretPattern.ReplaceAllString(configured.Replace(line), "${1}"+redacted)
	}
}

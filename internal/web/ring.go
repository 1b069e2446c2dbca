package web

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"hueair2mqtt/configs"
)

const (
	// ringLines is how many lines of the log the page shows.
	ringLines = 500
	// maxLogLine bounds one of them, in bytes.
	maxLogLine = 2 << 10
)

// Ring keeps the last lines of a log. It implements io.Writer for a log that writes
// a line at a time.
type Ring struct {
	mu      sync.Mutex
	lines   []string
	next    int // where the oldest one is, once all are there
	written func()
}

// NewRing makes an empty ring.
func NewRing() *Ring { return &Ring{} }

func (r *Ring) onWrite(written func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.written = written
}

// Write keeps a line.
func (r *Ring) Write(p []byte) (int, error) {
	line := p[:min(len(p), maxLogLine)]
	text := strings.ToValidUTF8(strings.TrimRight(string(line), "\n"), "")
	r.mu.Lock()
	if len(r.lines) < ringLines {
		r.lines = append(r.lines, text)
	} else {
		r.lines[r.next] = text
		r.next = (r.next + 1) % ringLines
	}
	written := r.written
	r.mu.Unlock()
	if written != nil {
		written()
	}
	return len(p), nil
}

// Lines are the kept lines, the oldest first.
func (r *Ring) Lines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Concat(r.lines[r.next:], r.lines[:r.next])
}

// The log holds no secret. People post it in forums all the same, so what would be
// one is taken out a second time, and mail addresses with it.
var (
	mailAddress  = regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}`)
	amazonTokens = regexp.MustCompile(`At[nz][ar]\|[^\s"\\]+`)
	amazonCode   = regexp.MustCompile(`(authorization_code=|code_verifier=)[^\s"&\\]+`)
	hueKey       = regexp.MustCompile(`\b[A-Za-z0-9-]{40}\b`)
)

const removed = "[redacted]"

// redactor takes out what nobody may see.
func redactor(c *configs.Config) func(line string) string {
	var pairs []string
	secrets := []configs.Secret{c.MQTT.Password, c.Alert.Email.Password, c.Web.Password}
	for _, b := range c.Hue.Bridges {
		secrets = append(secrets, b.Username)
	}
	for _, s := range secrets {
		// A shorter one would take words out of every line, and tell itself by that.
		if len(s) >= 6 {
			pairs = append(pairs, s.Reveal(), removed)
		}
	}
	known := strings.NewReplacer(pairs...)
	return func(line string) string {
		line = known.Replace(line)
		line = amazonTokens.ReplaceAllString(line, removed)
		line = amazonCode.ReplaceAllString(line, "${1}"+removed)
		line = hueKey.ReplaceAllString(line, removed)
		return mailAddress.ReplaceAllString(line, removed)
	}
}

package alert

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/internal/statefile"
)

const (
	// fileMode lets the service's group read what has to be done. The file contains no
	// secret.
	fileMode = 0o640

	// maxFileSize is the maximum size of an alert file, in bytes.
	maxFileSize = 64 << 10
)

// Beginnings of the lines that are read back after a restart. Files written by older
// versions have the same.
const (
	lineReason       = "What happened: "
	lineCode         = "Status or error code: "
	lineEndpoint     = "Where: "
	lineSince        = "Since: "
	lineRemedy       = "What to do: "
	lineAcknowledged = "Acknowledged: "
)

// lineSent begins the line with the time of a notification: "Mail sent: ".
func lineSent(d *delivery) string {
	name := d.notifier.Name()
	return strings.ToUpper(name[:1]) + name[1:] + " sent: "
}

// text returns the text for the user.
func (a *alert) text() string {
	r := a.refusal()
	var b strings.Builder
	fmt.Fprintf(&b, "%s no longer accepts the sign-in of hueair2mqtt.\n\n", a.source)
	fmt.Fprintf(&b, "%s%s\n", lineReason, r.reason)
	fmt.Fprintf(&b, "%s%s\n", lineCode, r.code)
	fmt.Fprintf(&b, "%s%s\n", lineEndpoint, a.endpoint)
	fmt.Fprintf(&b, "%s%s\n", lineSince, a.since.UTC().Format(time.RFC3339))
	fmt.Fprintf(&b, "%s%s\n", lineRemedy, r.remedy)
	b.WriteString("\nEverything else keeps running. The alert clears by itself after the first success.\n")
	return b.String()
}

// content returns the content of the alert file.
func (a *alert) content() string {
	text := a.text()
	for _, d := range a.deliveries {
		if !d.sent.IsZero() {
			text += lineSent(d) + d.sent.UTC().Format(time.RFC3339) + "\n"
		}
	}
	if !a.acknowledged.IsZero() {
		text += lineAcknowledged + a.acknowledged.UTC().Format(time.RFC3339) + "\n"
	}
	return text
}

// Restore raises the alert of a source again if the previous run has left its file. It
// reads the file before it returns. endpoints are those that the source has now.
func (m *Manager) Restore(source string, endpoints []string) {
	a := m.alerts[source]
	content, changed, err := a.file.read()
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		a.log.Error("the alert file of the previous run cannot be read; it is written again if the problem is still there",
			zap.String("file", a.file.path), zap.Error(err))
	}
	// A file that cannot be read or has another form is still an alert.
	a.since = changed.UTC().Truncate(time.Second)
	refused := a.parse(content)
	// The endpoint may be unknown or no longer configured. Then the alert clears when
	// all endpoints have succeeded.
	if slices.Contains(endpoints, a.endpoint) {
		endpoints = []string{a.endpoint}
	}
	for _, endpoint := range endpoints {
		a.failing[endpoint] = refused
	}
	a.chooseEndpoint()
}

// parse reads the content of an alert file.
func (a *alert) parse(content string) refusal {
	r := refusal{reason: "left by the previous run"}
	texts := map[string]*string{
		lineReason: &r.reason, lineCode: &r.code, lineEndpoint: &a.endpoint, lineRemedy: &r.remedy,
	}
	times := map[string]*time.Time{lineSince: &a.since, lineAcknowledged: &a.acknowledged}
	for _, d := range a.deliveries {
		times[lineSent(d)] = &d.sent
	}
	for line := range strings.Lines(content) {
		for prefix, field := range texts {
			if rest, ok := strings.CutPrefix(line, prefix); ok {
				*field = oneLine(rest)
			}
		}
		for prefix, field := range times {
			if rest, ok := strings.CutPrefix(line, prefix); ok {
				if at, err := time.Parse(time.RFC3339, strings.TrimSpace(rest)); err == nil {
					*field = at
				}
			}
		}
	}
	return r
}

// file is an alert file. Its disk operations run in a goroutine, because a disk may
// hang.
type file struct {
	path string // "" if there is to be no file
	log  *zap.Logger

	mu      sync.Mutex
	content string // of the file; "" if it is to be removed
	stale   bool   // the file on disk may have other content
	writing bool
	failed  bool // an error about this content was logged
}

// set changes the content of the file, and repeats what has failed.
func (f *file) set(content string, running *sync.WaitGroup) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.path == "" {
		return
	}
	if content != f.content {
		f.content, f.stale, f.failed = content, true, false
	}
	if f.stale && !f.writing {
		f.writing = true
		running.Go(f.write)
	}
}

// write writes or removes the file until it is up to date or an operation fails.
func (f *file) write() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.stale {
		content := f.content
		f.mu.Unlock()
		var err error
		if content == "" {
			err = statefile.Remove(f.path)
		} else {
			err = statefile.Write(f.path, []byte(content), fileMode)
		}
		f.mu.Lock()
		if content != f.content {
			continue
		}
		if f.stale = err != nil; f.stale {
			f.logFailure(err)
			break
		}
	}
	f.writing = false
}

// logFailure logs a failure once for each content.
func (f *file) logFailure(err error) {
	if f.failed {
		return
	}
	f.failed = true
	text := "the alert file cannot be written: check that state_dir exists and is writable"
	if f.content == "" {
		text = "the alert is cleared, but its file cannot be removed: remove it"
	}
	f.log.Error(text, zap.String("file", f.path), zap.Error(err))
}

// read reads the file that the previous run has left, and when it was changed.
func (f *file) read() (content string, changed time.Time, err error) {
	info, err := os.Lstat(f.path)
	if err != nil {
		return "", time.Time{}, err
	}
	read, err := statefile.Read(f.path, maxFileSize)
	f.content = string(read)
	f.stale = f.content == ""
	return f.content, info.ModTime(), err
}

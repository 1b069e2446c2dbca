package bridge

import (
	"fmt"
	"os"
	"strings"
	"time"

	"hueair2mqtt/internal/statefile"
)

// alertFileMode lets the service's group read what has to be done; the file
// holds no secret.
const alertFileMode = 0o640

// maxAlertFileSize bounds what is read of a file that somebody may have replaced.
const maxAlertFileSize = 64 << 10

// The lines of the alert file that are read back after a restart.
const (
	lineReason       = "What happened: "
	lineCode         = "Status or error code: "
	lineEndpoint     = "Where: "
	lineSince        = "Since: "
	lineRemedy       = "What to do: "
	lineMailed       = "Mail sent: "
	lineAcknowledged = "Acknowledged: "
)

// text is what the alert file and the mail say.
func (a *alert) text() string {
	told := a.told()
	var b strings.Builder
	fmt.Fprintf(&b, "hueair2mqtt is not let in by %s any more.\n\n", a.source)
	fmt.Fprintf(&b, "%s%s\n", lineReason, told.reason)
	fmt.Fprintf(&b, "%s%s\n", lineCode, told.code)
	fmt.Fprintf(&b, "%s%s\n", lineEndpoint, a.endpoint)
	fmt.Fprintf(&b, "%s%s\n", lineSince, a.since.UTC().Format(time.RFC3339))
	fmt.Fprintf(&b, "%s%s\n", lineRemedy, told.remedy)
	b.WriteString("\nAll else goes on. The alert ends by itself after the first success.\n")
	return b.String()
}

// writeAlertFile writes the file whole or not at all.
func writeAlertFile(a *alert) error {
	text := a.text()
	if !a.mailed.IsZero() {
		text += lineMailed + a.mailed.UTC().Format(time.RFC3339) + "\n"
	}
	if !a.acknowledged.IsZero() {
		text += lineAcknowledged + a.acknowledged.UTC().Format(time.RFC3339) + "\n"
	}
	return statefile.Write(a.file, []byte(text), alertFileMode)
}

// readAlertFile reads what an earlier run wrote: the times into a, and whose
// refusal it was. A file that has another form (the ancestor's), or can't be
// read, still is an alert, since its last change.
func readAlertFile(a *alert) (endpoint string, r refusal, err error) {
	info, err := os.Lstat(a.file)
	if err != nil {
		return "", r, err
	}
	a.since = info.ModTime().UTC().Truncate(time.Second)
	r.reason = "left by an earlier run"
	content, err := statefile.Read(a.file, maxAlertFileSize)
	if err != nil {
		return "", r, err
	}
	texts := map[string]*string{
		lineReason: &r.reason, lineCode: &r.code, lineEndpoint: &endpoint, lineRemedy: &r.remedy,
	}
	times := map[string]*time.Time{
		lineSince: &a.since, lineMailed: &a.mailed, lineAcknowledged: &a.acknowledged,
	}
	for line := range strings.Lines(string(content)) {
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
	return endpoint, r, nil
}

//go:build faults && linux

package faults

import (
	"regexp"
	"testing"
	"time"

	"hueair2mqtt/test/harness"
)

// program is a running hueair2mqtt.
type program struct {
	*harness.Process
	t *testing.T
}

// crash matches the log of a program that has a bug.
var crash = regexp.MustCompile(`(?m)"panic"|^panic:|^fatal error:|DATA RACE|failed unexpectedly`)

// stop ends the program as a service manager does.
func (p *program) stop() {
	p.t.Helper()
	began := time.Now()
	if code := p.Stop(); code != 0 {
		p.t.Errorf("it ended with exit code %d", code)
	}
	if took := time.Since(began); took > stopsWithin {
		p.t.Errorf("it took %s to end", took)
	}
	p.checkLog()
}

// stopsWithin is the time that docs/operation.md guarantees for SIGTERM.
const stopsWithin = 5 * time.Second

// checkLog checks that the log reports no bug.
func (p *program) checkLog() {
	p.t.Helper()
	text := p.Stderr.String()
	if at := crash.FindStringIndex(text); at != nil {
		p.t.Errorf("the program's log reports a bug:\n%s", text[max(0, at[0]-300):min(len(text), at[1]+3000)])
	}
}

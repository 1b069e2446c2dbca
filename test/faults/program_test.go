//go:build faults && linux

package faults

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// output collects what a process prints; it may be read meanwhile.
type output struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.String()
}

// tail is the last lines of a text.
func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// program is a running hueair2mqtt.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout output
	log    output // standard error
	ended  chan struct{}
}

// start starts a build of the program; the test's end kills it.
func start(t *testing.T, build string, env []string, stdin io.Reader, args ...string) *program {
	t.Helper()
	p := &program{t: t, cmd: exec.Command(build, args...), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = stdin, &p.stdout, &p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // what it ended with is in ProcessState
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.signal(syscall.SIGKILL)
		<-p.ended
		if t.Failed() {
			t.Logf("hueair2mqtt %s printed at the end:\n%s", strings.Join(args, " "), tail(p.stdout.String()+p.log.String(), 60))
		}
	})
	return p
}

func (p *program) signal(s os.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("signalling the program: %v", err)
	}
}

func (p *program) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// wait waits for the end and returns the exit code.
func (p *program) wait(limit time.Duration) int {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(limit):
		p.t.Fatalf("the program did not end within %s", limit)
		return -1
	}
}

// crash is what the log of a program that has a bug holds.
var crash = regexp.MustCompile(`(?m)"panic"|^panic:|^fatal error:|DATA RACE|failed unexpectedly`)

// stop ends the program as a service manager does.
func (p *program) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	if code := p.wait(stopsWithin); code != 0 {
		p.t.Errorf("it ended with exit code %d", code)
	}
	p.checkLog()
}

// stopsWithin is what the README promises of SIGTERM.
const stopsWithin = 5 * time.Second

// checkLog wants no bug in the log.
func (p *program) checkLog() {
	p.t.Helper()
	text := p.log.String()
	if at := crash.FindStringIndex(text); at != nil {
		p.t.Errorf("the program's log tells of a bug:\n%s", text[max(0, at[0]-300):min(len(text), at[1]+3000)])
	}
}

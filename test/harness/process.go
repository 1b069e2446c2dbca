package harness

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Output collects what a process prints. It may be read while the process runs.
type Output struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

// Write appends to the output.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.Write(p)
}

// String returns the output so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.String()
}

// Process is a process that a test has started.
type Process struct {
	Stdout, Stderr Output

	t    testing.TB
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has exited
}

// Start starts a command and collects its output, except standard error that the
// command redirects. The end of the test kills the process, logs its output if the
// test failed, and fails the test if the race detector reported anything.
func Start(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	p := launch(t, cmd)
	t.Cleanup(func() {
		p.logIfFailed()
		if strings.Contains(p.Stderr.String(), "DATA RACE") {
			t.Errorf("data race in the program:\n%s", &p.Stderr)
		}
	})
	return p
}

// launch is Start without a word about the output.
func launch(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{t: t, cmd: cmd, done: make(chan struct{})}
	cmd.Stdout = &p.Stdout
	if cmd.Stderr == nil {
		cmd.Stderr = &p.Stderr
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", cmd.Path, err)
	}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // cmd.ProcessState has the result
	}()
	t.Cleanup(func() {
		p.Signal(syscall.SIGKILL)
		<-p.done
	})
	return p
}

func (p *Process) logIfFailed() {
	if p.t.Failed() {
		p.t.Logf("%s %s printed:\n%s", filepath.Base(p.cmd.Path), strings.Join(p.cmd.Args[1:], " "), tail(p.Output(), 200))
	}
}

// tail returns the last lines of a text.
func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// Output returns standard output followed by standard error.
func (p *Process) Output() string { return p.Stdout.String() + p.Stderr.String() }

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Running reports whether the process has not ended yet.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Signal sends a signal; a process that has exited ignores it.
func (p *Process) Signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("sending %v to %s: %v", s, p.cmd.Path, err)
	}
}

// Wait waits until the process ends and returns its exit code, -1 after a signal.
func (p *Process) Wait() int {
	p.t.Helper()
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(Patience):
		p.t.Fatalf("%s did not end within %s", p.cmd.Path, Patience)
		return -1
	}
}

// Stop sends SIGTERM and returns the exit code.
func (p *Process) Stop() int {
	p.t.Helper()
	p.Signal(syscall.SIGTERM)
	return p.Wait()
}

// StopCleanly sends SIGTERM and checks that the exit code is 0.
func (p *Process) StopCleanly() {
	p.t.Helper()
	if code := p.Stop(); code != 0 {
		p.t.Errorf("%s ended with exit code %d", p.cmd.Path, code)
	}
}

// Kill sends SIGKILL and waits until the process has exited.
func (p *Process) Kill() {
	p.t.Helper()
	p.Signal(syscall.SIGKILL)
	p.Wait()
}

// Logs waits until the process has printed a text.
func (p *Process) Logs(text string) {
	p.t.Helper()
	Eventually(p.t, fmt.Sprintf("%q in the output", text), func() bool { return strings.Contains(p.Output(), text) })
}

// Run runs a command to its end.
func Run(t testing.TB, cmd *exec.Cmd) (code int, stdout, stderr string) {
	t.Helper()
	p := Start(t, cmd)
	return p.Wait(), p.Stdout.String(), p.Stderr.String()
}

// Build builds the program as the Makefile does. flags are more flags of go build; a
// race detector among them has the program linked with cgo.
func Build(file string, flags ...string) error {
	args := append([]string{"build", "-trimpath", "-ldflags", "-s -w", "-o", file}, flags...)
	cmd := exec.Command("go", append(args, "hueair2mqtt/cmd/hueair2mqtt")...)
	cmd.Env = os.Environ()
	if len(flags) == 0 || flags[0] != "-race" {
		cmd.Env = append(cmd.Env, "CGO_ENABLED=0")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the program: %w\n%s", err, out)
	}
	return nil
}

// Prompt is a process with a standard input that the test types into.
type Prompt struct {
	*Process
	Stdin io.WriteCloser
}

// StartPrompt starts a command whose standard input is a pipe.
func StartPrompt(t testing.TB, cmd *exec.Cmd) *Prompt {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { writer.Close() })
	cmd.Stdin = reader
	defer reader.Close() // the process has a copy
	return &Prompt{Start(t, cmd), writer}
}

// Type writes to standard input.
func (p *Prompt) Type(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.Stdin, text); err != nil {
		p.t.Fatal(err)
	}
}

// Status returns a number of /proc/PID/status, such as VmRSS, which is in KiB.
func (p *Process) Status(field string) int {
	p.t.Helper()
	for line := range strings.Lines(ReadFile(p.t, fmt.Sprintf("/proc/%d/status", p.PID()))) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			n, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				p.t.Fatal(err)
			}
			return n
		}
	}
	p.t.Fatalf("/proc has no %s", field)
	return 0
}

// Descriptors returns what the open descriptors are, such as "socket:[123]".
func (p *Process) Descriptors() (all []string) {
	p.t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", p.PID())
	entries, err := os.ReadDir(dir)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, entry := range entries {
		if to, err := os.Readlink(filepath.Join(dir, entry.Name())); err == nil { // not closed meanwhile
			all = append(all, to)
		}
	}
	return all
}

//go:build homeassistant

package homeassistant_test

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what must come and has no deadline.
const patience = 60 * time.Second

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

// process is a child. The test's end kills it and shows, if the test failed, what
// it printed.
type process struct {
	t     *testing.T
	name  string
	cmd   *exec.Cmd
	out   output
	ended chan struct{}
}

func start(t *testing.T, name string, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, name: name, cmd: cmd, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.out, &p.out
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", name, err)
	}
	go func() {
		defer close(p.ended)
		// How it ended is in cmd.ProcessState.
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		p.stop(syscall.SIGKILL)
		if t.Failed() {
			t.Logf("%s printed:\n%s", name, &p.out)
		}
	})
	return p
}

// stop ends the process with a signal and waits for its end.
func (p *process) stop(signal syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatalf("sending %v to %s: %v", signal, p.name, err)
	}
	p.wait()
}

// wait waits for the end and returns the exit code, -1 after a signal.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatalf("%s did not end", p.name)
		return -1
	}
}

// within waits until check finds no fault, and logs how long that took.
func within(t *testing.T, limit time.Duration, what string, check func() error) {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		fault := check()
		took := time.Since(began).Round(100 * time.Millisecond)
		if fault == nil {
			t.Logf("%s: after %v", what, took)
			return
		}
		if took > limit {
			t.Fatalf("%s: not after %v: %v", what, limit, fault)
		}
		<-tick.C
	}
}

// listens says whether somebody listens on a port.
func listens(port int) error {
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return conn.Close()
}

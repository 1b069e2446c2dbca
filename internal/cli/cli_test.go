package cli

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"hueair2mqtt/collectors/hue/pairing"
)

// asProgram makes the test binary be the program, so that the tests run the very
// process that a user runs, with the race detector where it is on.
const asProgram = "HUEAIR2MQTT_TEST_AS_PROGRAM"

// searchAt has the program look for Hue bridges at this address alone.
const searchAt = "HUEAIR2MQTT_TEST_SEARCH_AT"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		if file := os.Getenv(allocatedTo); file != "" {
			tellAllocated(file)
		}
		if address := os.Getenv(searchAt); address != "" {
			finder = pairing.Finder{Service: address, Browse: func(context.Context, func(pairing.Found)) error { return nil }}
		}
		if dir := os.Getenv(fullDisk); dir != "" {
			if err := fillDisk(dir); err != nil {
				panic(err)
			}
		}
		os.Exit(Main())
	}
	// Tests that are parallel wait for processes and time-outs more than they compute.
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	code := m.Run()
	if err := removeProgramFile(); err != nil {
		panic(err)
	}
	os.Exit(code)
}

// patience is how long a test waits for what must come. It is no measure of
// speed: what comes, comes long before.
const patience = 30 * time.Second

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

// program is a running hueair2mqtt.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout output
	stderr output
	ended  chan struct{} // closed when the process has ended with err
	err    error
}

// start starts the program with these arguments; the test's end kills it.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	return startWith(t, nil, args...)
}

// startWith is start with something to read from standard input.
func startWith(t *testing.T, stdin io.Reader, args ...string) *program {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stdin = stdin
	return startCommand(t, cmd)
}

// startCommand starts the program as a command says, with both outputs collected
// that the command has not redirected.
func startCommand(t *testing.T, cmd *exec.Cmd) *program {
	t.Helper()
	p := &program{t: t, cmd: cmd, ended: make(chan struct{})}
	cmd.Stdout = &p.stdout
	if cmd.Stderr == nil {
		cmd.Stderr = &p.stderr
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.signal(syscall.SIGKILL)
		<-p.ended
		if t.Failed() {
			t.Logf("hueair2mqtt %s printed:\n%s%s", strings.Join(cmd.Args[1:], " "), &p.stdout, &p.stderr)
		}
		if strings.Contains(p.stderr.String(), "DATA RACE") {
			t.Errorf("a data race in the program:\n%s", &p.stderr)
		}
	})
	return p
}

func (p *program) signal(s os.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("signalling the program: %v", err)
	}
}

// wait waits for the program's end and returns its exit code.
func (p *program) wait() int {
	p.t.Helper()
	select {
	case <-p.ended:
		if _, ok := errors.AsType[*exec.ExitError](p.err); p.err != nil && !ok {
			p.t.Fatal(p.err)
		}
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatal("the program did not end")
		return -1
	}
}

// run runs the program to its end.
func run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	p := start(t, args...)
	code = p.wait()
	return code, p.stdout.String(), p.stderr.String()
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never came: %s", what)
		}
	}
}

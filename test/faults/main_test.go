//go:build faults && linux

package faults

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"hueair2mqtt/test/harness"
)

// The environment of the tests within their namespaces.
const (
	envInside = "FAULTS_INSIDE"
	envBinary = "FAULTS_BINARY"
	envSeed   = "SEED"

	// envBuild adds flags to the program's build: "-race" finds races, and makes
	// figures of memory meaningless.
	envBuild = "FAULTS_BUILD"
)

var (
	shipped string // the program
	seed    uint64
)

// TestMain builds the program once and runs the tests in namespaces of their own.
func TestMain(m *testing.M) {
	if os.Getenv(envInside) != "" {
		code, err := inside(m)
		if err != nil {
			fmt.Fprintln(os.Stderr, "faults:", err)
			code = 1
		}
		os.Exit(code)
	}
	code, err := outside()
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		code = 1
	}
	os.Exit(code)
}

func outside() (code int, err error) {
	dir, err := os.MkdirTemp("", "hueair2mqtt-faults-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program := filepath.Join(dir, "hueair2mqtt")
	if err := build(program, strings.Fields(os.Getenv(envBuild))...); err != nil {
		return 0, err
	}
	chosen := os.Getenv(envSeed)
	if chosen == "" {
		chosen = strconv.FormatInt(time.Now().UnixNano()%1_000_000, 10)
	}
	fmt.Printf("faults: SEED=%s repeats this run\n", chosen)
	cmd := exec.Command(os.Args[0], os.Args[1:]...)
	cmd.Env = append(os.Environ(), envInside+"=1", envBinary+"="+program, envSeed+"="+chosen, "TMPDIR="+dir)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return max(exit.ExitCode(), 1), nil
	}
	return 0, err
}

// build builds the program as the Makefile does.
func build(program string, flags ...string) error {
	args := append([]string{"build", "-trimpath", "-ldflags", "-s -w", "-o", program}, flags...)
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

func inside(m *testing.M) (code int, err error) {
	shipped = os.Getenv(envBinary)
	if seed, err = strconv.ParseUint(os.Getenv(envSeed), 10, 64); err != nil {
		return 0, fmt.Errorf("%s: %w", envSeed, err)
	}
	if err := harness.Raise(0); err != nil {
		return 0, fmt.Errorf("the network of the tests' own: %w", err)
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return 0, fmt.Errorf("mounts of the tests' own: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return 0, fmt.Errorf("/proc of the tests' own: %w", err)
	}
	stop, err := startNames(os.TempDir())
	if err != nil {
		return 0, fmt.Errorf("a name server of the tests' own: %w", err)
	}
	defer stop()
	return m.Run(), nil
}

// random is a test's own source of what is random, the same for the same seed.
func random(t *testing.T) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(t.Name()))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// patience is how long a test waits for what must come where no promise says when.
const patience = 60 * time.Second

// within waits until a condition holds and returns how long that took. The
// condition says what is still wrong, or "".
func within(t *testing.T, limit time.Duration, what string, wrong func() string) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		text := wrong()
		took := time.Since(began)
		if text == "" {
			return took
		}
		if took > limit {
			t.Fatalf("%s: not within %s:\n%s", what, limit, text)
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
}

// tell prints a figure of a run; unlike t.Log also where the test passes.
func tell(t *testing.T, format string, args ...any) {
	fmt.Printf("%-50s %s\n", strings.TrimPrefix(t.Name(), "Test"), fmt.Sprintf(format, args...))
}

// wait lets a fault last. There is nothing to wait for but time.
func wait(t *testing.T, d time.Duration) {
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

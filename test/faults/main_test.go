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

// The environment of the process in the namespaces.
const (
	envInside = "FAULTS_INSIDE"
	envBinary = "FAULTS_BINARY"
	envSeed   = "SEED"

	// envBuild adds flags to the build of the program. "-race" makes the memory figures
	// meaningless.
	envBuild = "FAULTS_BUILD"
)

var (
	shipped string // the program
	seed    uint64
)

// TestMain builds the program once and runs the tests in namespaces.
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
	if err := harness.Build(program, strings.Fields(os.Getenv(envBuild))...); err != nil {
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
	cmd.SysProcAttr = harness.Isolate(syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID)
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return max(exit.ExitCode(), 1), nil
	}
	return 0, err
}

func inside(m *testing.M) (code int, err error) {
	shipped = os.Getenv(envBinary)
	if seed, err = strconv.ParseUint(os.Getenv(envSeed), 10, 64); err != nil {
		return 0, fmt.Errorf("%s: %w", envSeed, err)
	}
	if err := errors.Join(harness.RaiseLoopback(0), harness.PrivateMounts()); err != nil {
		return 0, err
	}
	stop, err := startNames(os.TempDir())
	if err != nil {
		return 0, fmt.Errorf("a name server of the tests' own: %w", err)
	}
	defer stop()
	return m.Run(), nil
}

// random returns a test's random source, which depends on the seed and the test's name.
func random(t *testing.T) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(t.Name()))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// report prints a figure, unlike t.Log also when the test passes.
func report(t *testing.T, format string, args ...any) {
	fmt.Printf("%-50s %s\n", strings.TrimPrefix(t.Name(), "Test"), fmt.Sprintf(format, args...))
}

// wait lets a fault last.
func wait(t *testing.T, d time.Duration) {
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

//go:build homeassistant

package homeassistant_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"hueair2mqtt/test/harness"

	"golang.org/x/sys/unix"
)

var (
	versionFlag = flag.String("version", "2026.2.3", "Home Assistant's version, one that install.sh has installed")
	updateFlag  = flag.Bool("update", false, "write what Home Assistant holds to testdata/entities.md instead of comparing")
	pictureFlag = flag.String("picture", "", "file that TestPicture writes its picture to")
)

// sandboxVariable is the environment variable that names the directory of the run inside the
// sandbox.
const sandboxVariable = "HUEAIR2MQTT_TEST_SANDBOX"

// bridgeVersion is the version of the program under test.
const bridgeVersion = "1.2.3"

var (
	sandbox string // directory of this run, on this machine
	program string // the bridge, built as it is shipped
	tree    string // the Debian tree that Home Assistant lives in
)

// scratch is the path of the sandbox's directory inside the tree.
const scratch = "/srv/homeassistant"

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := testMain(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func testMain(m *testing.M) (int, error) {
	v, ok := versions[*versionFlag]
	if !ok {
		return 0, fmt.Errorf("no test knows Home Assistant %s", *versionFlag)
	}
	cache, err := filepath.Abs("../../.cache/homeassistant")
	if err != nil {
		return 0, err
	}
	tree = filepath.Join(cache, v.suite)
	if _, err := os.Stat(filepath.Join(tree, homeAssistantProgram())); err != nil {
		return 0, fmt.Errorf("Home Assistant %s is not installed: run make test-homeassistant HA=%[1]s: %w", *versionFlag, err)
	}
	sandbox = os.Getenv(sandboxVariable)
	if sandbox == "" {
		return runInSandbox()
	}
	program = filepath.Join(sandbox, "hueair2mqtt")
	if err := enterSandbox(); err != nil {
		return 0, fmt.Errorf("entering the sandbox: %w", err)
	}
	return m.Run(), nil
}

// runInSandbox builds the bridge and runs this test binary again in namespaces for processes,
// mounts and network. Everything that it starts ends with it.
func runInSandbox() (int, error) {
	dir, err := os.MkdirTemp("", "hueair2mqtt-homeassistant-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := harness.Build(filepath.Join(dir, "hueair2mqtt"), "-ldflags", "-X hueair2mqtt/internal/cli.version="+bridgeVersion); err != nil {
		return 0, err
	}
	cmd := exec.Command(os.Args[0], os.Args[1:]...)
	cmd.Env = append(os.Environ(), sandboxVariable+"="+dir)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = harness.Isolate(unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET)
	cmd.SysProcAttr.Pdeathsig = unix.SIGKILL
	runtime.LockOSThread() // Pdeathsig is about the thread
	defer runtime.UnlockOSThread()
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		return exit.ExitCode(), nil
	}
	if err != nil {
		return 0, fmt.Errorf("running the tests in namespaces of their own, which needs root or a kernel that allows users to have them: %w", err)
	}
	return 0, nil
}

// enterSandbox raises the loopback interface and mounts into the tree what Home Assistant needs.
// None of it is visible outside.
func enterSandbox() error {
	if err := harness.PrivateMounts(); err != nil {
		return err
	}
	for source, target := range map[string]string{"/proc": "/proc", "/dev": "/dev", sandbox: scratch} {
		if err := unix.Mount(source, filepath.Join(tree, target), "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return fmt.Errorf("mounting %s in %s: %w", source, tree, err)
		}
	}
	return harness.RaiseLoopback(0)
}

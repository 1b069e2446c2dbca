//go:build debian || release

package debian_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"hueair2mqtt/test/harness"
)

var releases = []string{"bookworm", "trixie"} // Debian 12 and 13

// machine is a Debian in namespaces of its own. Its only network is the loopback interface.
type machine struct {
	t       *testing.T // of the step that runs
	release string
	pid     string // of its process 1, seen from outside
}

// boot starts a Debian release with systemd, or with nothing, as its process 1.
func boot(t *testing.T, release, first string) *machine {
	t.Helper()
	image, err := filepath.Abs("../../.cache/debian-" + release + ".tar.zst")
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd := exec.Command("./boot.sh", image, first)
	cmd.Stdout, cmd.Stderr = &said, &said
	// The machine ends with the test, however that ends.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		cmd.Wait() // it was killed, and says so
		if t.Failed() {
			t.Logf("the machine said:\n%s", &said)
		}
	})
	m := &machine{t: t, release: release}
	m.eventually("the machine is up", func() bool {
		unshare := strconv.Itoa(cmd.Process.Pid)
		children := harness.ReadFile(t, "/proc/"+unshare+"/task/"+unshare+"/children")
		m.pid = strings.TrimSpace(children)
		name, err := os.ReadFile("/proc/" + m.pid + "/comm")
		return err == nil && slices.Contains([]string{"systemd\n", "sleep\n"}, string(name))
	})
	if first == "systemd" {
		m.eventually("systemd has started everything", func() bool {
			out, _ := m.command("systemctl", "is-system-running").Output() // fails until then
			return slices.Contains([]string{"running\n", "degraded\n"}, string(out))
		})
	}
	return m
}

// command returns a command within the machine.
func (m *machine) command(name string, args ...string) *exec.Cmd {
	in := []string{"--target", m.pid, "--all", "--", "/usr/bin/env", "-i", "container=test", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive",
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", name}
	return exec.Command("nsenter", append(in, args...)...)
}

// try runs a command and returns its output and exit code.
func (m *machine) try(name string, args ...string) (printed string, code int) {
	m.t.Helper()
	cmd := m.command(name, args...)
	out, err := cmd.CombinedOutput()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		m.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// run is try for a command that must succeed.
func (m *machine) run(name string, args ...string) (printed string) {
	m.t.Helper()
	printed, code := m.try(name, args...)
	if code != 0 {
		m.t.Fatalf("%s %s: exit code %d\n%s", name, strings.Join(args, " "), code, printed)
	}
	return printed
}

// path returns the path of a file of the machine, seen from outside.
func (m *machine) path(file string) string { return "/proc/" + m.pid + "/root" + file }

// put writes a file of the machine's root user.
func (m *machine) put(file, content string, mode fs.FileMode) {
	m.t.Helper()
	if err := os.MkdirAll(filepath.Dir(m.path(file)), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(m.path(file), []byte(content), mode); err != nil {
		m.t.Fatal(err)
	}
}

// copy copies a file into the machine.
func (m *machine) copy(from, to string) {
	m.t.Helper()
	content := harness.ReadFile(m.t, from)
	m.put(to, content, 0o644)
}

func (m *machine) read(file string) string {
	m.t.Helper()
	content := harness.ReadFile(m.t, m.path(file))
	return content
}

func (m *machine) exists(file string) bool {
	m.t.Helper()
	_, err := os.Lstat(m.path(file))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		m.t.Fatal(err)
	}
	return err == nil
}

// wantFile checks "owner:group mode" of a file.
func (m *machine) wantFile(file, want string) {
	m.t.Helper()
	if got := strings.TrimSpace(m.run("stat", "--format=%U:%G %a", file)); got != want {
		m.t.Errorf("%s is %s, want %s", file, got, want)
	}
}

// files lists everything on the machine except processes, caches, logs and dpkg's records.
func (m *machine) files() []string {
	m.t.Helper()
	root := m.path("/")
	passing := []string{"/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp", "/var/cache", "/var/lib/dpkg", "/var/log/journal", "/var/log/mosquitto", "/var/lib/mosquitto"}
	var all []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		file := "/" + strings.TrimPrefix(path, root)
		if slices.Contains(passing, file) {
			return fs.SkipDir
		}
		all = append(all, file)
		return nil
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return all
}

func (m *machine) eventually(what string, holds func() bool) {
	m.t.Helper()
	harness.Eventually(m.t, what, holds)
}

// property returns a property of the service.
func (m *machine) property(name string) string {
	m.t.Helper()
	return strings.TrimSpace(m.run("systemctl", "show", "--value", "--property="+name, "hueair2mqtt"))
}

func (m *machine) wantProperty(name, want string) {
	m.t.Helper()
	var got string
	m.eventually(fmt.Sprintf("%s is %s (journal:\n%s)", name, want, m.journal()), func() bool {
		got = m.property(name)
		return got == want
	})
}

// journal returns the journal of the service.
func (m *machine) journal() string {
	m.t.Helper()
	return m.run("journalctl", "--no-pager", "--output=cat", "--unit=hueair2mqtt")
}

func TestMain(m *testing.M) {
	if os.Getenv(asHome) != "" {
		serveHome()
		return
	}
	if me, err := user.Current(); err != nil || me.Uid != "0" {
		fmt.Fprintln(os.Stderr, "these tests start whole Debian systems: run them as root")
		os.Exit(1)
	}
	os.Exit(m.Run())
}

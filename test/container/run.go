package container

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"hueair2mqtt/test/harness"
)

// Options are those of a container.
type Options struct {
	// Args replace the image's Cmd.
	Args []string
	// Env goes before the image's.
	Env map[string]string
	// Volumes maps paths in the container to directories or files of this machine.
	Volumes map[string]string
	// WritableRoot leaves the root file system writable, as engines do by default.
	WritableRoot bool
	// Root is the root file system; empty: a new one.
	Root string
}

// Container is a container that was started. It shares the network of the test.
type Container struct {
	*harness.Process
	Root string

	t     testing.TB
	id    string
	user  string
	state string // crun's directory
}

// crun returns a command of crun. crun supports either version of control groups, but not both at
// once, as some machines have them; these containers need none.
func crun(state string, args ...string) *exec.Cmd {
	script := `umount -R /sys/fs/cgroup 2>/dev/null; mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec crun --cgroup-manager=disabled --root "$@"`
	return exec.Command("unshare", append([]string{"--mount", "sh", "-c", script, "sh", state}, args...)...)
}

type mount struct {
	Destination string   `json:"destination"`
	Type        string   `json:"type"`
	Source      string   `json:"source"`
	Options     []string `json:"options,omitempty"`
}

// Start starts a container, which the end of the test kills.
func (i *Image) Start(t testing.TB, o Options) *Container {
	t.Helper()
	c := &Container{t: t, Root: o.Root, user: i.Config.Config.User, id: "hueair2mqtt-" + rand.Text()[:8], state: t.TempDir()}
	if c.Root == "" {
		c.Root = i.Unpack(t)
	}
	bundle := t.TempDir()
	spec, err := json.Marshal(i.spec(t, c.Root, o))
	if err == nil {
		err = os.WriteFile(filepath.Join(bundle, "config.json"), spec, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	c.Process = harness.Start(t, crun(c.state, "run", "--bundle", bundle, c.id))
	t.Cleanup(func() { _ = crun(c.state, "delete", "--force", c.id).Run() }) // there may be nothing to delete
	return c
}

func (i *Image) spec(t testing.TB, root string, o Options) any {
	t.Helper()
	uid, gid, _ := strings.Cut(i.Config.Config.User, ":")
	user, err := strconv.Atoi(uid)
	group, groupErr := strconv.Atoi(gid)
	if err = errors.Join(err, groupErr); err != nil {
		t.Fatalf("the image's user %q: %v", i.Config.Config.User, err)
	}
	args := o.Args
	if args == nil {
		args = i.Config.Config.Cmd
	}
	env := slices.Clone(i.Config.Config.Env)
	for _, name := range slices.Sorted(maps.Keys(o.Env)) {
		env = append(env, name+"="+o.Env[name])
	}
	mounts := []mount{
		{"/proc", "proc", "proc", nil},
		{"/dev", "tmpfs", "tmpfs", []string{"nosuid", "noexec", "mode=755", "size=64k"}},
	}
	for _, place := range slices.Sorted(maps.Keys(o.Volumes)) {
		mounts = append(mounts, mount{place, "bind", o.Volumes[place], []string{"rbind", "nosuid", "nodev", "noexec"}})
	}
	type object = map[string]any
	return object{
		"ociVersion": "1.0.0",
		"process": object{
			"user": object{"uid": user, "gid": group}, "args": append(slices.Clone(i.Config.Config.Entrypoint), args...),
			"env": env, "cwd": i.Config.Config.WorkingDir, "noNewPrivileges": true, "capabilities": object{},
		},
		"root":     object{"path": root, "readonly": !o.WritableRoot},
		"hostname": "hueair2mqtt",
		"mounts":   mounts,
		"linux": object{
			"namespaces": []object{{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}},
		},
	}
}

// Exec runs a command in the container, as a health check does.
func (c *Container) Exec(args ...string) (printed string, code int) {
	c.t.Helper()
	cmd := crun(c.state, append([]string{"exec", "--user", c.user, c.id}, args...)...)
	out, err := cmd.CombinedOutput()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		c.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// Signal sends the container's first process a signal, such as "TERM".
func (c *Container) Signal(name string) {
	c.t.Helper()
	if out, err := crun(c.state, "kill", c.id, name).CombinedOutput(); err != nil {
		c.t.Fatalf("crun kill: %v: %s", err, out)
	}
}

// Eventually waits until a condition holds; the container must not end before.
func (c *Container) Eventually(what string, holds func() bool) {
	c.t.Helper()
	harness.Eventually(c.t, what, func() bool {
		running := c.Running()
		if holds() {
			return true
		}
		if !running {
			c.t.Fatalf("the container ended before: %s", what)
		}
		return false
	})
}

// Prints waits until the container has printed a text.
func (c *Container) Prints(text string) {
	c.t.Helper()
	c.Eventually("it prints "+text, func() bool { return strings.Contains(c.Output(), text) })
}

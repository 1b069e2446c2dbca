package harness

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Isolate returns the attributes of a process that gets namespaces of its own and is
// root in them. flags are those of clone(2). A user other than root always needs
// CLONE_NEWUSER, which is added.
func Isolate(flags uintptr) *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Cloneflags: flags}
	if os.Getuid() != 0 {
		attributes.Cloneflags |= unix.CLONE_NEWUSER
	}
	if attributes.Cloneflags&unix.CLONE_NEWUSER != 0 {
		attributes.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attributes.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return attributes
}

// Isolated runs the calling test again in namespaces of its own and reports whether
// this is that run. In the first run it returns false, after the second one passed.
func Isolated(t *testing.T, flags uintptr) bool {
	t.Helper()
	const inside = "HUEAIR2MQTT_TEST_ISOLATED"
	if os.Getenv(inside) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.SysProcAttr = Isolate(flags | unix.CLONE_NEWUSER)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("in namespaces of its own: %v\n%s", err, out)
	}
	return false
}

// RaiseLoopback sets the loopback interface of the calling thread's network namespace
// up; in a new namespace it is down. flags are further interface flags, such as
// unix.IFF_MULTICAST.
func RaiseLoopback(flags uint16) error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return fmt.Errorf("opening a socket for lo: %w", err)
	}
	defer unix.Close(socket)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("naming lo: %w", err)
	}
	if err := unix.IoctlIfreq(socket, unix.SIOCGIFFLAGS, lo); err != nil {
		return fmt.Errorf("reading the flags of lo: %w", err)
	}
	lo.SetUint16(lo.Uint16() | unix.IFF_UP | unix.IFF_RUNNING | flags)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("raising lo: %w", err)
	}
	return nil
}

// PrivateMounts keeps mounts of this process's mount namespace to itself and mounts
// /proc for its process ids.
func PrivateMounts() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making the mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	return nil
}

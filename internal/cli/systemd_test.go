package cli

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"hueair2mqtt/test/harness"
)

// notifySocket is the socket through which a service notifies systemd.
type notifySocket struct {
	t    *testing.T
	conn *net.UnixConn
}

// listenAsSystemd makes the programs that the test starts notify the test, with this watchdog.
func listenAsSystemd(t *testing.T, watchdog time.Duration) notifySocket {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", strings.TrimSuffix(watchdog.String(), "ms")+"000")
	return notifySocket{t, conn}
}

// next returns the next notification with this prefix.
func (n notifySocket) next(prefix string) string {
	n.t.Helper()
	if err := n.conn.SetReadDeadline(time.Now().Add(harness.Patience)); err != nil {
		n.t.Fatal(err)
	}
	buffer := make([]byte, 4096)
	for {
		size, err := n.conn.Read(buffer)
		if err != nil {
			n.t.Fatalf("waiting for %s: %v", prefix, err)
		}
		if said := string(buffer[:size]); strings.HasPrefix(said, prefix) {
			return said
		}
	}
}

func TestSystemdNotifications(t *testing.T) {
	systemd := listenAsSystemd(t, 300*time.Millisecond)
	h := newTestHome(t)
	h.Broker.Stop() // the service is up without a broker
	p := h.run()
	systemd.next("READY=1")
	systemd.next("WATCHDOG=1")
	if status := systemd.next("STATUS="); !strings.Contains(status, "no connection to the broker") {
		t.Errorf("the status is %q", status)
	}
	systemd.next("WATCHDOG=1")
	h.Broker.Start()
	for status := ""; status != "STATUS=connected to the broker; amazon: 1 devices; hue: 2 devices"; {
		status = systemd.next("STATUS=")
	}
	systemd.next("WATCHDOG=1")
	p.Signal(syscall.SIGTERM)
	systemd.next("STOPPING=1")
	if code := p.Wait(); code != exitGood {
		t.Errorf("the exit code is %d", code)
	}
}

func TestInvalidWatchdogIsRejected(t *testing.T) {
	h := newTestHome(t)
	t.Setenv("WATCHDOG_USEC", "soon")
	code, _, stderr := run(t, "run", "--config", h.Config)
	if code != exitUnusable || !strings.Contains(stderr, "WATCHDOG_USEC") {
		t.Errorf("exit code %d, printed %s", code, stderr)
	}
}

// The test binary may itself run below systemd, which must not matter.
func init() {
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "CREDENTIALS_DIRECTORY"} {
		if os.Getenv(asProgram) == "" {
			os.Unsetenv(name)
		}
	}
}

package harness

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Mosquitto is a broker. Without "persistence true" among its settings it forgets
// everything when it stops.
type Mosquitto struct {
	Host               string
	Port               int
	Username, Password string // of subscribers

	t       testing.TB
	dir     string
	process *Process // of the last start
}

// StartMosquitto starts Debian's broker on a reserved port, with lines of mosquitto.conf. It allows
// anonymous clients unless a line mentions allow_anonymous. A machine without
// Mosquitto fails the test: skipping it would prove nothing. Only "go test -short"
// skips it.
func StartMosquitto(t testing.TB, settings ...string) *Mosquitto {
	t.Helper()
	return StartMosquittoAt(t, "127.0.0.1", Reserve(t), settings...)
}

// StartMosquittoAt is StartMosquitto for a broker with a given address.
func StartMosquittoAt(t testing.TB, host string, port int, settings ...string) *Mosquitto {
	t.Helper()
	if testing.Short() {
		t.Skip("go test -short leaves out the tests that need a broker")
	}
	m := &Mosquitto{t: t, Host: host, Port: port, dir: t.TempDir()}
	m.Configure(settings...)
	m.Start()
	t.Cleanup(func() { m.process.logIfFailed() })
	return m
}

// Configure replaces the settings for the next start.
func (m *Mosquitto) Configure(settings ...string) {
	m.t.Helper()
	// Started by root, it would become a user that may not read what tests write.
	lines := append([]string{fmt.Sprintf("listener %d %s", m.Port, m.Host), "user root"}, settings...)
	if !strings.Contains(strings.Join(settings, "\n"), "allow_anonymous") {
		lines = append(lines, "allow_anonymous true")
	}
	WriteFile(m.t, filepath.Join(m.dir, "mosquitto.conf"), strings.Join(lines, "\n")+"\n", 0o600)
}

// Address returns host and port.
func (m *Mosquitto) Address() string { return fmt.Sprintf("%s:%d", m.Host, m.Port) }

// URL returns the address as mqtt.broker takes it.
func (m *Mosquitto) URL() string { return "tcp://" + m.Address() }

// Log returns what Mosquitto has logged since its last start.
func (m *Mosquitto) Log() string { return m.process.Output() }

// Start starts the broker and waits until it listens.
func (m *Mosquitto) Start() {
	m.t.Helper()
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		path = "/usr/sbin/mosquitto" // Debian does not put it on a user's PATH
	}
	m.process = launch(m.t, exec.Command(path, "-c", filepath.Join(m.dir, "mosquitto.conf")))
	wait(m.t, 5*time.Millisecond, Patience, "Mosquitto listens", func() error {
		if !m.process.Running() {
			m.t.Fatal("Mosquitto has exited")
		}
		conn, err := net.Dial("tcp", m.Address())
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// Stop stops the broker if it runs.
func (m *Mosquitto) Stop() { m.StopWith(syscall.SIGTERM) }

// StopWith stops the broker with a signal if it runs.
func (m *Mosquitto) StopWith(s syscall.Signal) {
	m.t.Helper()
	// Mosquitto 2.0 loses a signal that arrives before its main loop begins.
	wait(m.t, 200*time.Millisecond, Patience, "Mosquitto ends", func() error {
		m.process.Signal(s)
		select {
		case <-m.process.done:
			return nil
		case <-time.After(100 * time.Millisecond):
			return errors.New("it is running")
		}
	})
}

// Passwords writes a password file with a user and a password, in a directory that
// Mosquitto may read, and returns the settings that make the broker ask for them.
func Passwords(t testing.TB, users map[string]string) (settings []string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "passwords")
	WriteFile(t, file, "", 0o600)
	for user, password := range users {
		if out, err := exec.Command("mosquitto_passwd", "-b", file, user, password).CombinedOutput(); err != nil {
			t.Fatalf("mosquitto_passwd: %v: %s", err, out)
		}
	}
	return []string{"allow_anonymous false", "password_file " + file}
}

//go:build homeassistant

package homeassistant_test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"hueair2mqtt/test/harness"
)

// broker is a Mosquitto.
type broker struct {
	t       *testing.T
	dir     string
	port    int
	process *process
}

func newBroker(t *testing.T) *broker {
	b := &broker{t: t, dir: t.TempDir(), port: harness.Reserve(t)}
	b.persist(false)
	b.start()
	return b
}

func (b *broker) url() string { return fmt.Sprintf("tcp://127.0.0.1:%d", b.port) }

// persist says whether the next start keeps what is retained over a restart.
func (b *broker) persist(persistent bool) {
	b.t.Helper()
	config := fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\npersistence %t\npersistence_location %s/\n", b.port, persistent, b.dir)
	if os.Getuid() == 0 {
		config += "user root\n" // its directory is nobody else's
	}
	if err := os.WriteFile(filepath.Join(b.dir, "mosquitto.conf"), []byte(config), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *broker) start() {
	b.t.Helper()
	b.process = start(b.t, "mosquitto", harness.MosquittoCommand(filepath.Join(b.dir, "mosquitto.conf")))
	within(b.t, patience, "Mosquitto listens", func() error { return listens(b.port) })
}

func (b *broker) stop() { b.process.stop(syscall.SIGTERM) }

package cli

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"hueair2mqtt/test/harness"
)

// mosquitto is a real broker on a free loopback port.
type mosquitto struct {
	t    testing.TB
	port int
	dir  string
	cmd  *exec.Cmd
	log  output
}

// startMosquitto starts Debian's broker. It must be there: a test that skipped
// without it would prove nothing.
func startMosquitto(t testing.TB, settings ...string) *mosquitto {
	t.Helper()
	m := &mosquitto{t: t, port: harness.Reserve(t), dir: t.TempDir()}
	config := fmt.Sprintf("listener %d 127.0.0.1\n%s\n", m.port, strings.Join(settings, "\n"))
	if !strings.Contains(config, "allow_anonymous") {
		config += "allow_anonymous true\n"
	}
	if err := os.WriteFile(m.configFile(), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.stop()
		if t.Failed() {
			t.Logf("mosquitto said:\n%s", &m.log)
		}
	})
	m.start()
	return m
}

func (m *mosquitto) configFile() string { return filepath.Join(m.dir, "mosquitto.conf") }
func (m *mosquitto) url() string        { return fmt.Sprintf("tcp://127.0.0.1:%d", m.port) }

func (m *mosquitto) start() {
	m.t.Helper()
	m.cmd = harness.MosquittoCommand(m.configFile())
	m.cmd.Stdout, m.cmd.Stderr = &m.log, &m.log
	if err := m.cmd.Start(); err != nil {
		m.t.Fatalf("starting mosquitto: %v: install Debian's package mosquitto", err)
	}
	eventually(m.t, "mosquitto listens", func() bool {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", m.port))
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
}

func (m *mosquitto) stop() {
	if m.cmd == nil {
		return
	}
	if err := m.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		m.t.Errorf("stopping mosquitto: %v", err)
	}
	m.cmd.Wait()
	m.cmd = nil
}

// listener is a subscriber to everything.
type listener struct {
	t      testing.TB
	client mqtt.Client

	mu       sync.Mutex
	messages []heard
	latest   map[string]string
}

type heard struct {
	topic, payload string
	retained       bool // sent because of the subscription
	at             time.Time
}

// listen subscribes as a new subscriber does.
func (m *mosquitto) listen() *listener {
	m.t.Helper()
	return m.listenAs("", "")
}

// listenAs is listen with a name and password.
func (m *mosquitto) listenAs(username, password string) *listener {
	m.t.Helper()
	l := &listener{t: m.t, latest: make(map[string]string)}
	options := mqtt.NewClientOptions().AddBroker(m.url()).SetAutoReconnect(false).SetMaxReconnectInterval(0).
		SetUsername(username).SetPassword(password)
	l.client = mqtt.NewClient(options)
	l.done(l.client.Connect())
	l.done(l.client.Subscribe("#", 1, func(_ mqtt.Client, message mqtt.Message) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.messages = append(l.messages, heard{message.Topic(), string(message.Payload()), message.Retained(), time.Now()})
		l.latest[message.Topic()] = string(message.Payload())
	}))
	m.t.Cleanup(func() { l.client.Disconnect(100) })
	return l
}

func (l *listener) done(token mqtt.Token) {
	l.t.Helper()
	if !token.WaitTimeout(patience) {
		l.t.Fatal("the broker does not answer")
	}
	if err := token.Error(); err != nil {
		l.t.Fatal(err)
	}
}

func (l *listener) publish(topic, payload string, retain bool) {
	l.t.Helper()
	l.done(l.client.Publish(topic, 1, retain, payload))
}

func (l *listener) get(topic string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.latest[topic]
}

func (l *listener) all() []heard {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]heard(nil), l.messages...)
}

// waitFor waits until the latest message of a topic is, or contains, a text.
func (l *listener) waitFor(topic, text string) {
	l.t.Helper()
	eventually(l.t, fmt.Sprintf("%q on %s", text, topic), func() bool { return strings.Contains(l.get(topic), text) })
}

// retained is what a subscriber that comes now gets.
func (m *mosquitto) retained() map[string]string {
	m.t.Helper()
	l := m.listen()
	// The broker sends what it retains before it sends this, published afterwards.
	marker := fmt.Sprintf("test/marker/%d", time.Now().UnixNano())
	l.publish(marker, "x", false)
	eventually(m.t, "the marker", func() bool { return l.get(marker) != "" })
	topics := make(map[string]string)
	for _, h := range l.all() {
		if h.retained {
			topics[h.topic] = h.payload
		}
	}
	return topics
}

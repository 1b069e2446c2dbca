//go:build faults && linux

package faults

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

	"hueair2mqtt/test/harness"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// mosquitto is a real broker. It keeps nothing on disk: restarted, it has
// forgotten everything.
type mosquitto struct {
	t      *testing.T
	port   int
	config string
	cmd    *exec.Cmd
	log    output
}

func startMosquitto(t *testing.T, settings ...string) *mosquitto {
	t.Helper()
	m := &mosquitto{t: t, port: harness.Reserve(t), config: filepath.Join(t.TempDir(), "mosquitto.conf")}
	// Its limits on what waits for a subscriber are for houses, not for 10,000
	// devices. It must not become another user, which may not exist here.
	config := fmt.Sprintf("user root\nallow_anonymous true\nset_tcp_nodelay true\nmax_queued_messages 0\nmax_inflight_messages 0\nlistener %d 127.0.0.1\n%s\n",
		m.port, strings.Join(settings, "\n"))
	if err := os.WriteFile(m.config, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.stop(syscall.SIGTERM)
		if t.Failed() {
			t.Logf("mosquitto's last words:\n%s", tail(m.log.String(), 30))
		}
	})
	m.start()
	return m
}

func (m *mosquitto) address() string { return fmt.Sprintf("127.0.0.1:%d", m.port) }

func (m *mosquitto) start() {
	m.t.Helper()
	m.cmd = harness.MosquittoCommand(m.config)
	m.cmd.Stdout, m.cmd.Stderr = &m.log, &m.log
	if err := m.cmd.Start(); err != nil {
		m.t.Fatalf("starting mosquitto: %v: install Debian's package mosquitto", err)
	}
	within(m.t, patience, "mosquitto listens", func() string {
		conn, err := net.Dial("tcp", m.address())
		if err != nil {
			return err.Error()
		}
		conn.Close()
		return ""
	})
}

func (m *mosquitto) stop(s syscall.Signal) {
	if m.cmd == nil {
		return
	}
	if err := m.cmd.Process.Signal(s); err != nil {
		m.t.Errorf("stopping mosquitto: %v", err)
	}
	_ = m.cmd.Wait() // its exit code is the signal's
	m.cmd = nil
}

// connect connects past every proxy.
func (m *mosquitto) connect() (mqtt.Client, error) {
	options := mqtt.NewClientOptions().AddBroker("tcp://" + m.address()).
		SetAutoReconnect(false).SetConnectTimeout(patience)
	client := mqtt.NewClient(options)
	return client, finish(client.Connect())
}

func finish(token mqtt.Token) error {
	if !token.WaitTimeout(patience) {
		return fmt.Errorf("the broker does not answer within %s", patience)
	}
	return token.Error()
}

// retained is what a subscriber that comes now gets.
func (m *mosquitto) retained() (map[string]string, error) {
	client, err := m.connect()
	if err != nil {
		return nil, err
	}
	defer client.Disconnect(0)
	var (
		mu     sync.Mutex
		topics = make(map[string]string)
		marker = "test/marker"
		all    = make(chan struct{})
		once   sync.Once
	)
	err = finish(client.Subscribe("#", 1, func(_ mqtt.Client, message mqtt.Message) {
		mu.Lock()
		defer mu.Unlock()
		if message.Retained() {
			topics[message.Topic()] = string(message.Payload())
		}
		if message.Topic() == marker && string(message.Payload()) == m.clientMark(client) {
			once.Do(func() { close(all) })
		}
	}))
	if err != nil {
		return nil, err
	}
	// The broker sends what it retains before it sends this, published afterwards.
	if err := finish(client.Publish(marker, 1, false, m.clientMark(client))); err != nil {
		return nil, err
	}
	select {
	case <-all:
	case <-time.After(patience):
		return nil, fmt.Errorf("the broker does not send what it was told")
	}
	mu.Lock()
	defer mu.Unlock()
	return topics, nil
}

// clientMark tells one subscriber's marker from another's.
func (m *mosquitto) clientMark(c mqtt.Client) string { return fmt.Sprintf("%p", c) }

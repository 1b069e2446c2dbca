package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	broker "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
	"go.uber.org/zap"

	"hueair2mqtt/bridge"
	"hueair2mqtt/bridge/mqtt"
	"hueair2mqtt/configs"
	"hueair2mqtt/test/harness"
)

// websocketOptions returns the options of a bridge with a broker at this address.
func websocketOptions(t *testing.T, address string) bridge.Options {
	hue := hueSource().reports(motionSensor("1", 21))
	return bridge.Options{
		Broker:   mqtt.Options{Settings: configs.MQTT{Broker: "ws://" + address + "/mqtt", BaseTopic: "hueair2mqtt"}},
		Retry:    configs.Retry{Attempts: 1},
		StateDir: t.TempDir(),
		Log:      zap.NewNop(),
		Tasks:    []bridge.Task{{Collector: hue, Interval: time.Minute, AlertFile: "ALERT_hue.txt"}},
	}
}

func TestBrokerBehindWebSocket(t *testing.T) {
	address := fmt.Sprintf("127.0.0.1:%d", harness.Reserve(t))
	listener := listeners.NewWebsocket(listeners.Config{ID: "ws", Address: address})
	server := broker.New(&broker.Options{InlineClient: true, Logger: slog.New(slog.DiscardHandler)})
	if err := errors.Join(server.AddHook(new(allowAll), nil), server.AddListener(listener), server.Serve()); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	states := make(chan string, 1000)
	if err := server.Subscribe(stateOne, 1, func(_ *broker.Client, _ packets.Subscription, p packets.Packet) {
		states <- string(p.Payload)
	}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- bridge.Run(ctx, websocketOptions(t, listener.Address())) }()
	select {
	case state := <-states:
		if !strings.Contains(state, `"temperature":21`) {
			t.Errorf("state %s", state)
		}
	case <-time.After(30 * time.Second):
		t.Error("no state")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestSilentWebSocketDoesNotDelayEnd(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		if conn, err := silent.Accept(); err == nil {
			accepted <- conn
		}
	}()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- bridge.Run(ctx, websocketOptions(t, silent.Addr().String())) }()
	defer func() { (<-accepted).Close() }()
	conn := <-accepted
	accepted <- conn
	began := time.Now()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("took %v to end", d)
	}
}

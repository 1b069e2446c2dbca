package check_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	broker "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"

	"hueair2mqtt/bridge/mqtt"
	"hueair2mqtt/configs"
	"hueair2mqtt/internal/check"
	"hueair2mqtt/test/harness"
)

// rules is a hook of a broker that, unlike Mosquitto, delivers a message of QoS 2
// immediately, refuses subscriptions openly, and ends the connection of a client that
// publishes a forbidden message in MQTT 3.1.1.
type rules struct {
	broker.HookBase
	unwritable, unreadable string // a part of forbidden topics; "" for none
	old                    bool   // no MQTT 5
}

func (*rules) ID() string { return "rules" }
func (*rules) Provides(hook byte) bool {
	return hook == broker.OnConnect || hook == broker.OnConnectAuthenticate || hook == broker.OnACLCheck
}
func (*rules) OnConnectAuthenticate(*broker.Client, packets.Packet) bool { return true }

func (r *rules) OnConnect(_ *broker.Client, pk packets.Packet) error {
	if r.old && pk.ProtocolVersion == 5 {
		return packets.ErrUnsupportedProtocolVersion
	}
	return nil
}

func (r *rules) OnACLCheck(_ *broker.Client, topic string, write bool) bool {
	forbidden := r.unreadable
	if write {
		forbidden = r.unwritable
	}
	return forbidden == "" || !strings.Contains(topic, forbidden)
}

// checkedBroker returns what check.Broker finds about a broker with these rules, and the
// topics of all messages that the broker delivered meanwhile.
func checkedBroker(t *testing.T, r *rules, change func(*broker.Capabilities)) (findings []check.Finding, delivered []string) {
	t.Helper()
	capabilities := broker.NewDefaultServerCapabilities()
	if change != nil {
		change(capabilities)
	}
	server := broker.New(&broker.Options{InlineClient: true, Capabilities: capabilities, Logger: slog.New(slog.DiscardHandler)})
	network := harness.NewNetwork()
	if err := errors.Join(server.AddHook(r, nil), server.AddListener(listeners.NewNet("pipe", network)), server.Serve()); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	var mu sync.Mutex
	err := server.Subscribe("#", 1, func(_ *broker.Client, _ packets.Subscription, p packets.Packet) {
		if strings.HasPrefix(p.TopicName, "$") {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		delivered = append(delivered, p.TopicName)
		if p.FixedHeader.Retain {
			t.Errorf("%s is retained", p.TopicName)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	findings = check.Broker(t.Context(), mqtt.Options{
		Settings: configs.MQTT{Broker: "tcp://broker:1883", BaseTopic: "hueair2mqtt"},
		Dial:     network.DialContext,
	}, configs.HomeAssistant{Discovery: true, Prefix: "homeassistant"})
	synctest.Wait()
	mu.Lock()
	defer mu.Unlock()
	return findings, delivered
}

func TestBroker(t *testing.T) {
	for name, test := range map[string]struct {
		rules   rules
		change  func(*broker.Capabilities)
		says    []string // a part of each failure
		unknown []string
	}{
		"all is allowed":            {rules{}, nil, nil, nil},
		"all is allowed, QoS 1":     {rules{}, func(c *broker.Capabilities) { c.MaximumQos = 1 }, nil, nil},
		"all is allowed, MQTT 3":    {rules{old: true}, nil, nil, nil},
		"no states":                 {rules{unwritable: "hueair2mqtt_check/avail"}, nil, []string{"may not publish on hueair2mqtt/hueair2mqtt_check/availability"}, nil},
		"no states, MQTT 3":         {rules{unwritable: "hueair2mqtt_check/avail", old: true}, nil, []string{"may not publish on hueair2mqtt/hueair2mqtt_check/availability"}, nil},
		"no announcements":          {rules{unwritable: "homeassistant"}, nil, []string{"may not publish on homeassistant/device/hueair2mqtt_check/check"}, nil},
		"no subscribing":            {rules{unreadable: "request"}, nil, []string{"may not subscribe to hueair2mqtt/bridge/request/+"}, nil},
		"no subscribing, MQTT 3":    {rules{unreadable: "request", old: true}, nil, []string{"may not subscribe to hueair2mqtt/bridge/request/+"}, nil},
		"no birth":                  {rules{unreadable: "homeassistant/status"}, nil, []string{"may not subscribe to homeassistant/status"}, nil},
		"no reading of own":         {rules{unreadable: "bridge/info"}, nil, []string{"may not subscribe to hueair2mqtt/bridge/info"}, nil},
		"no sending of requests":    {rules{unwritable: "request"}, nil, nil, []string{"hueair2mqtt/bridge/request/+"}},
		"nothing at all":            {rules{unwritable: "/", unreadable: "/"}, nil, []string{"may not publish on", "may not subscribe to"}, nil},
		"no sharing of what is own": {rules{unwritable: "bridge/response"}, nil, []string{"may not publish on hueair2mqtt/bridge/response/check"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				findings, delivered := checkedBroker(t, &test.rules, test.change)
				if len(test.says) == 0 {
					unknown := strings.Join(test.unknown, " and ")
					if len(findings) != 1 || findings[0].Status != check.Pass || strings.Contains(findings[0].Reason, "cannot be checked") != (unknown != "") ||
						!strings.Contains(findings[0].Reason, unknown) {
						t.Errorf("found %v, want a pass; unknown %q", findings, unknown)
					}
				} else if len(findings) != len(test.says) {
					t.Fatalf("found %v, want %q", findings, test.says)
				}
				for i, says := range test.says {
					if f := findings[i]; f.Status != check.Fail || !strings.Contains(f.Reason, says) || f.Remedy == "" {
						t.Errorf("found %v; want %q", f, says)
					}
				}
				quiet := []string{
					"hueair2mqtt/bridge/request/check", "hueair2mqtt/bridge/response/check", "hueair2mqtt/hueair2mqtt_check",
					"hueair2mqtt/hueair2mqtt_check/availability", "homeassistant/device/hueair2mqtt_check/check",
				}
				for _, topic := range delivered {
					if !slices.Contains(quiet, topic) {
						t.Errorf("a message on %s was delivered", topic)
					}
				}
			})
		})
	}
}

func TestSilentBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		findings := check.Broker(t.Context(), mqtt.Options{
			Settings: configs.MQTT{Broker: "tcp://broker:1883", BaseTopic: "hueair2mqtt"},
			Dial: func(context.Context, string, string) (net.Conn, error) {
				ours, _ := net.Pipe()
				return ours, nil
			},
		}, configs.HomeAssistant{})
		if len(findings) != 1 || findings[0].Status != check.Fail || !strings.Contains(findings[0].Remedy, "mqtt.broker") {
			t.Error(findings)
		}
	})
}

package harness

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// Subscriber is an MQTT client that has subscribed to everything.
type Subscriber struct {
	t      testing.TB
	client mqtt.Client

	mu       sync.Mutex
	messages []Message
	latest   map[string]string
}

// Message is one message that a subscriber received.
type Message struct {
	Topic, Payload string
	Retained       bool // sent because of the subscription
}

// Subscribe connects with the user name and password of m.
func (m *Mosquitto) Subscribe() *Subscriber {
	m.t.Helper()
	return m.SubscribeAs(m.Username, m.Password)
}

// SubscribeAs connects with a user name and a password.
func (m *Mosquitto) SubscribeAs(username, password string) *Subscriber {
	m.t.Helper()
	return m.mustSubscribe(mqtt.NewClientOptions().SetUsername(username).SetPassword(password))
}

// SubscribeAgain continues the session of a client id, or begins it. A broker with
// "persistence true" delivers in it everything that it has acknowledged since the session began,
// even if it was stopped meanwhile.
func (m *Mosquitto) SubscribeAgain(clientID string) *Subscriber {
	m.t.Helper()
	return m.mustSubscribe(mqtt.NewClientOptions().SetUsername(m.Username).SetPassword(m.Password).
		SetClientID(clientID).SetCleanSession(false))
}

func (m *Mosquitto) mustSubscribe(o *mqtt.ClientOptions) *Subscriber {
	m.t.Helper()
	s, err := m.subscribe(o)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { s.client.Disconnect(100) })
	return s
}

func (m *Mosquitto) subscribe(o *mqtt.ClientOptions) (*Subscriber, error) {
	s := &Subscriber{t: m.t, latest: make(map[string]string)}
	receive := func(_ mqtt.Client, message mqtt.Message) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.messages = append(s.messages, Message{message.Topic(), string(message.Payload()), message.Retained()})
		s.latest[message.Topic()] = string(message.Payload())
	}
	// A session that continues gets messages before it subscribes again.
	s.client = mqtt.NewClient(o.AddBroker(m.URL()).SetAutoReconnect(false).SetDefaultPublishHandler(receive))
	if err := finish(s.client.Connect()); err != nil {
		return nil, err
	}
	return s, finish(s.client.Subscribe("#", 1, receive))
}

func finish(token mqtt.Token) error {
	if !token.WaitTimeout(Patience) {
		return fmt.Errorf("the broker did not answer within %s", Patience)
	}
	return token.Error()
}

// Publish publishes at QoS 1 and waits for the acknowledgement.
func (s *Subscriber) Publish(topic, payload string, retain bool) {
	s.t.Helper()
	if err := finish(s.client.Publish(topic, 1, retain, payload)); err != nil {
		s.t.Fatal(err)
	}
}

// Get returns the latest message of a topic.
func (s *Subscriber) Get(topic string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.latest[topic]
}

// All returns every message in the order of arrival.
func (s *Subscriber) All() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Text returns the topics and payloads of all messages.
func (s *Subscriber) Text() string {
	var text strings.Builder
	for _, m := range s.All() {
		text.WriteString(m.Topic + " " + m.Payload + "\n")
	}
	return text.String()
}

// Count returns how many messages of a topic contain a text.
func (s *Subscriber) Count(topic, text string) (n int) {
	for _, m := range s.All() {
		if m.Topic == topic && strings.Contains(m.Payload, text) {
			n++
		}
	}
	return n
}

// WaitFor waits until the latest message of a topic contains a text.
func (s *Subscriber) WaitFor(topic, text string) {
	s.t.Helper()
	wait(s.t, 5*time.Millisecond, Patience, fmt.Sprintf("%q on %s", text, topic), func() error {
		if got := s.Get(topic); !strings.Contains(got, text) {
			return fmt.Errorf("the latest message is %q", got)
		}
		return nil
	})
}

// Retained returns the retained messages by topic, as a new subscriber gets them.
func (m *Mosquitto) Retained() map[string]string {
	m.t.Helper()
	topics, err := m.TryRetained()
	if err != nil {
		m.t.Fatal(err)
	}
	return topics
}

// TryRetained is Retained for a broker that may be out of reach.
func (m *Mosquitto) TryRetained() (map[string]string, error) {
	s, err := m.subscribe(mqtt.NewClientOptions().SetUsername(m.Username).SetPassword(m.Password))
	if s != nil {
		defer s.client.Disconnect(0)
	}
	if err != nil {
		return nil, err
	}
	// The broker sends what it retains before it sends this, published afterwards.
	marker := fmt.Sprintf("test/marker/%d", time.Now().UnixNano())
	if err := finish(s.client.Publish(marker, 1, false, "x")); err != nil {
		return nil, err
	}
	for began := time.Now(); s.Get(marker) == ""; time.Sleep(time.Millisecond) {
		if time.Since(began) > Patience {
			return nil, fmt.Errorf("the broker did not send the marker within %s", Patience)
		}
	}
	topics := make(map[string]string)
	for _, message := range s.All() {
		if message.Retained {
			topics[message.Topic] = message.Payload
		}
	}
	return topics, nil
}

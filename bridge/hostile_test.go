package bridge_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// A broker that violates the protocol loses its connection, which is logged. It neither
// ends the process nor makes it allocate the announced memory.
func TestMalformedPacketEndsConnection(t *testing.T) {
	for name, test := range map[string]struct {
		data   []byte
		logged string
	}{
		"a message of 256 MiB":        {[]byte{0x30, 0xff, 0xff, 0xff, 0x7f}, "announced a message of 268435455 bytes"},
		"a length without end":        {[]byte{0x30, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, "not MQTT 3.1.1"},
		"a SUBACK that data too much": {[]byte{0x90, 0x07, 0, 1, 1, 1, 1, 1, 1}, "not MQTT 3.1.1"},
		"a SUBACK of nothing":         {[]byte{0x90, 0x02, 0, 1}, "not MQTT 3.1.1"},
		"QoS 2":                       {[]byte{0x34, 0x06, 0, 1, 'a', 0, 1, 'x'}, "not MQTT 3.1.1"},
		"QoS 3":                       {[]byte{0x36, 0x06, 0, 1, 'a', 0, 1, 'x'}, "not MQTT 3.1.1"},
		"a client's packet":           {[]byte{0x10, 0x00}, "not MQTT 3.1.1"},
		"a PUBREL for nothing":        {[]byte{0x62, 0x02, 0, 1}, "not MQTT 3.1.1"},
		"a DISCONNECT":                {[]byte{0xe0, 0x00}, "the broker closed the connection"},
		"HTTP":                        {[]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), "not MQTT 3.1.1"},
		"a topic longer than all":     {[]byte{0x30, 0x04, 0xff, 0xff, 'a', 'b'}, "lost"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHome(t, hueSource().reports(motionSensor("1", 21)))
				h.stopBroker()
				var brokers sync.WaitGroup
				var mu sync.Mutex
				connections := 0
				h.options.Broker.Dial = func(context.Context, string, string) (net.Conn, error) {
					ours, theirs := net.Pipe()
					mu.Lock()
					connections++
					mu.Unlock()
					brokers.Go(func() { welcome(theirs, test.data) })
					return ours, nil
				}
				var before, now runtime.MemStats
				runtime.ReadMemStats(&before)
				h.start()
				after(30 * time.Second)
				h.stop()
				brokers.Wait()
				runtime.ReadMemStats(&now)
				if grown := now.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
					t.Errorf("%d MiB were allocated", grown>>20)
				}
				if connections < 2 {
					t.Errorf("%d connections: it did not try again", connections)
				}
				logged := ""
				for _, entry := range h.logs.All() {
					logged += entry.Message
					for _, field := range entry.Context {
						if err, ok := field.Interface.(error); ok {
							logged += " " + err.Error() + "\n"
						}
					}
				}
				if !strings.Contains(logged, test.logged) {
					t.Errorf("the log is %s", logged)
				}
			})
		})
	}
}

// welcome is a broker that accepts a connection, sends something, and reads until the end
// of the connection.
func welcome(conn net.Conn, data []byte) {
	defer conn.Close()
	if _, err := packets.ReadPacket(conn); err != nil {
		return
	}
	answer := new(bytes.Buffer)
	if err := packets.NewControlPacket(packets.Connack).Write(answer); err != nil {
		return
	}
	if data[0] == 0x90 { // acknowledge the first subscription
		if _, err := answer.WriteTo(conn); err != nil {
			return
		}
		p, err := packets.ReadPacket(conn)
		if err != nil {
			return
		}
		data = bytes.Clone(data)
		binary.BigEndian.PutUint16(data[2:], p.Details().MessageID)
	}
	answer.Write(data)
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, _ = conn.Write(answer.Bytes()) // the program may close the connection
	}()
	_, _ = io.Copy(io.Discard, conn)
	<-written
}

// flood is a broker that allows everything and sends messages of one kind. It calls
// published for each message that it gets, and acknowledges the message if that returns
// true.
type flood struct {
	topic     string
	payload   func(i int) string
	retained  bool
	times     int
	published func(topic, payload string) bool
	deaf      bool // to subscriptions
}

func (f flood) serve(conn net.Conn) {
	defer conn.Close()
	var writing sync.WaitGroup
	defer writing.Wait()
	for {
		p, err := packets.ReadPacket(conn)
		if err != nil {
			return
		}
		var answer packets.ControlPacket
		switch p := p.(type) {
		case *packets.ConnectPacket:
			answer = packets.NewControlPacket(packets.Connack)
		case *packets.PingreqPacket:
			answer = packets.NewControlPacket(packets.Pingresp)
		case *packets.SubscribePacket:
			if f.deaf {
				continue
			}
			granted := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
			granted.MessageID, granted.ReturnCodes = p.MessageID, p.Qoss
			answer = granted
		case *packets.UnsubscribePacket: // the last of what begins a session
			done := packets.NewControlPacket(packets.Unsuback).(*packets.UnsubackPacket)
			done.MessageID = p.MessageID
			answer = done
		case *packets.PublishPacket:
			if !f.published(p.TopicName, string(p.Payload)) {
				continue
			}
			taken := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
			taken.MessageID = p.MessageID
			answer = taken
		case *packets.DisconnectPacket:
			return
		default:
			continue
		}
		if answer.Write(conn) != nil {
			return
		}
		if _, begun := p.(*packets.UnsubscribePacket); begun {
			writing.Go(func() {
				m := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
				m.TopicName, m.Retain = f.topic, f.retained
				for i := range f.times {
					m.Payload = []byte(f.payload(i))
					if m.Write(conn) != nil {
						return
					}
				}
			})
		}
	}
}

// besiege makes this the home's broker.
func (f flood) besiege(h *testHome) (wait func()) { return f.count(h, new(int)) }

// count is besiege and counts the connections.
func (f flood) count(h *testHome, connections *int) (wait func()) {
	var brokers sync.WaitGroup
	h.options.Broker.Dial = func(context.Context, string, string) (net.Conn, error) {
		*connections++ // one session dials at a time
		ours, theirs := net.Pipe()
		brokers.Go(func() { f.serve(theirs) })
		return ours, nil
	}
	return brokers.Wait
}

// Requests arrive in a flood while the broker acknowledges no response.
func TestFloodOfRequestsIsBounded(t *testing.T) {
	const requests = 12_000 // more than the outbox holds and may be unacknowledged
	inHome(t, []*source{hueSource().reports(motionSensor("1", 21))}, func(t *testing.T, h *testHome) {
		wait := flood{
			topic: "hueair2mqtt/bridge/request/acknowledge", payload: func(int) string { return "hue" }, times: requests,
			published: func(string, string) bool { return false },
		}.besiege(h)
		h.start()
		after(10 * time.Second)
		if n := h.logs.FilterMessageSnippet("accepts messages too slowly").Len(); n != 1 {
			t.Errorf("logged %d times, want once", n)
		}
		h.stop()
		wait()
	})
}

// The source's name is at the beginning of 1 MiB, then at its end.
func TestLongRequestIsTruncated(t *testing.T) {
	hue := hueSource().fails(refused())
	inHome(t, []*source{hue}, func(t *testing.T, h *testHome) {
		h.start()
		after(time.Second)
		response := "hueair2mqtt/bridge/response/acknowledge"
		h.publish("hueair2mqtt/bridge/request/acknowledge", "hue"+strings.Repeat("x", 1<<20), false)
		after(time.Second)
		if got := h.get(response); !strings.Contains(got, "must name a source") || len(got) > 300 {
			t.Errorf("%d bytes answered: %.300s", len(got), got)
		}
		h.publish("hueair2mqtt/bridge/request/acknowledge", "hue"+strings.Repeat(" ", 1<<20)+"x", false)
		after(time.Second)
		if got := h.get(response); !strings.Contains(got, `"ok"`) {
			t.Errorf("answered %.300s", got) // the rest was never read
		}
	})
}

// A stranger overwrites the list of devices with new ids and with invalid ids.
func TestPreviousDevicesAreLimited(t *testing.T) {
	const lists, devices, bound = 2, 10_500, 20_000
	inHome(t, []*source{hueSource().reports(motionSensor("1", 21))}, func(t *testing.T, h *testHome) {
		topics, longest := make(map[string]bool), ""
		wait := flood{
			topic: "hueair2mqtt/bridge/devices", retained: true, times: lists,
			payload: func(i int) string {
				var list strings.Builder
				list.WriteString(`[{"id":"hue_../x","name":"a"},{"id":"hue_+","name":"b"},{"id":"HUE_1"}`)
				fmt.Fprintf(&list, `,{"id":"hue_%d_long","name":"\u0007%s"}`, i, strings.Repeat("n", 200))
				for j := range devices - 1 {
					fmt.Fprintf(&list, `,{"id":"hue_%d_%d"}`, i, j)
				}
				return list.String() + "]"
			},
			published: func(topic, payload string) bool {
				topics[topic] = true
				if topic == "hueair2mqtt/bridge/devices" && len(payload) > len(longest) {
					longest = payload
				}
				return true
			},
		}.besiege(h)
		h.start()
		after(time.Minute)
		h.stop()
		wait()
		available := 0
		for topic := range topics {
			if strings.ContainsAny(topic, "+#.") || strings.Contains(topic, "HUE") {
				t.Errorf("published to %s", topic)
			}
			if strings.HasSuffix(topic, "/availability") {
				available++
			}
		}
		if available != bound+1 {
			t.Errorf("%d devices", available)
		}
		if strings.Contains(longest, `\u0007`) || strings.Contains(longest, strings.Repeat("n", 129)) {
			t.Errorf("a name was not cleaned: %.300s", longest)
		}
	})
}

// Retained requests would be carried out again on every connection.
func TestRetainedRequestsAreIgnored(t *testing.T) {
	hue := hueSource().fails(refused())
	inHome(t, []*source{hue}, func(t *testing.T, h *testHome) {
		h.publish("hueair2mqtt/bridge/request/acknowledge", "hue", true)
		h.publish("hueair2mqtt/bridge/request/refresh", "hue", true)
		h.publish("homeassistant/status", "online", true)
		h.start()
		after(30 * time.Second)
		if h.problem("hue").Acknowledged || hue.polled() != 1 {
			t.Errorf("acknowledged: %t, polls: %d", h.problem("hue").Acknowledged, hue.polled())
		}
		if n := h.count("hueair2mqtt/bridge/response/acknowledge") + h.count("hueair2mqtt/bridge/response/refresh"); n != 0 {
			t.Errorf("%d responses", n)
		}
		if n := h.count("homeassistant/device/hueair2mqtt_bridge/config"); n != 1 {
			t.Errorf("announced %d times", n)
		}
	})
}

// The broker answers pings, but acknowledges nothing. A new connection may help.
func TestBrokerThatAcknowledgesNothing(t *testing.T) {
	for name, broker := range map[string]flood{
		"subscriptions": {deaf: true, published: func(string, string) bool { return true }},
		"publications":  {published: func(string, string) bool { return false }},
	} {
		t.Run(name, func(t *testing.T) {
			inHome(t, []*source{hueSource().reports(motionSensor("1", 21))}, func(t *testing.T, h *testHome) {
				connections := 0
				wait := broker.count(h, &connections)
				h.start()
				after(2 * time.Minute)
				h.stop()
				wait()
				if connections < 3 {
					t.Errorf("%d connections in two minutes", connections)
				}
				if h.logs.FilterMessageSnippet("connection to the broker lost").Len() == 0 {
					t.Error("nothing was logged")
				}
			})
		})
	}
}

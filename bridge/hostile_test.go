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

// TestAHostileBroker has a broker that lets the program in, and then says what no
// broker may. It costs the connection, and is told; never the process, and never
// the memory that the broker asks for.
func TestAHostileBroker(t *testing.T) {
	for name, test := range map[string]struct {
		says []byte
		told string
	}{
		"a message of 256 MiB":        {[]byte{0x30, 0xff, 0xff, 0xff, 0x7f}, "announced a message of 268435455 bytes"},
		"a length without end":        {[]byte{0x30, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, "not MQTT 3.1.1"},
		"a SUBACK that says too much": {[]byte{0x90, 0x07, 0, 1, 1, 1, 1, 1, 1}, "not MQTT 3.1.1"},
		"a SUBACK of nothing":         {[]byte{0x90, 0x02, 0, 1}, "not MQTT 3.1.1"},
		"QoS 2":                       {[]byte{0x34, 0x06, 0, 1, 'a', 0, 1, 'x'}, "not MQTT 3.1.1"},
		"QoS 3":                       {[]byte{0x36, 0x06, 0, 1, 'a', 0, 1, 'x'}, "not MQTT 3.1.1"},
		"a client's packet":           {[]byte{0x10, 0x00}, "not MQTT 3.1.1"},
		"a PUBREL for nothing":        {[]byte{0x62, 0x02, 0, 1}, "not MQTT 3.1.1"},
		"a DISCONNECT":                {[]byte{0xe0, 0x00}, "the broker ended the connection"},
		"HTTP":                        {[]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), "not MQTT 3.1.1"},
		"a topic longer than all":     {[]byte{0x30, 0x04, 0xff, 0xff, 'a', 'b'}, "lost"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, hueSource().reports(motionSensor("1", 21)))
				h.stopBroker()
				var brokers sync.WaitGroup
				var mu sync.Mutex
				connections := 0
				h.options.Broker.Dial = func(context.Context, string, string) (net.Conn, error) {
					ours, theirs := net.Pipe()
					mu.Lock()
					connections++
					mu.Unlock()
					brokers.Go(func() { welcome(theirs, test.says) })
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
				told := ""
				for _, entry := range h.logs.All() {
					told += entry.Message
					for _, field := range entry.Context {
						if err, ok := field.Interface.(error); ok {
							told += " " + err.Error() + "\n"
						}
					}
				}
				if !strings.Contains(told, test.told) {
					t.Errorf("the log says %s", told)
				}
			})
		})
	}
}

// welcome is a broker that accepts a connection, then says something and reads on
// until the end.
func welcome(conn net.Conn, says []byte) {
	defer conn.Close()
	if _, err := packets.ReadPacket(conn); err != nil {
		return
	}
	answer := new(bytes.Buffer)
	if err := packets.NewControlPacket(packets.Connack).Write(answer); err != nil {
		return
	}
	if says[0] == 0x90 { // about the program's first subscription
		if _, err := answer.WriteTo(conn); err != nil {
			return
		}
		p, err := packets.ReadPacket(conn)
		if err != nil {
			return
		}
		says = bytes.Clone(says)
		binary.BigEndian.PutUint16(says[2:], p.Details().MessageID)
	}
	answer.Write(says)
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, _ = conn.Write(answer.Bytes()) // the program may end it
	}()
	_, _ = io.Copy(io.Discard, conn)
	<-written
}

// flood is a broker that grants everything and sends the same kind of message again
// and again. What it is sent it passes to published, and acknowledges if that is
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

// besiege makes this the house's broker.
func (f flood) besiege(h *house) (wait func()) { return f.count(h, new(int)) }

// count is besiege that counts the connections.
func (f flood) count(h *house, connections *int) (wait func()) {
	var brokers sync.WaitGroup
	h.options.Broker.Dial = func(context.Context, string, string) (net.Conn, error) {
		*connections++ // one session dials at a time
		ours, theirs := net.Pipe()
		brokers.Go(func() { f.serve(theirs) })
		return ours, nil
	}
	return brokers.Wait
}

// TestAFloodOfRequestsIsBounded has somebody send requests without end while the
// broker takes no answer.
func TestAFloodOfRequestsIsBounded(t *testing.T) {
	const requests = 12_000 // more than wait, and than MQTT lets be unacknowledged
	inHouse(t, []*source{hueSource().reports(motionSensor("1", 21))}, func(t *testing.T, h *house) {
		wait := flood{
			topic: "hueair2mqtt/bridge/request/acknowledge", payload: func(int) string { return "hue" }, times: requests,
			published: func(string, string) bool { return false },
		}.besiege(h)
		h.start()
		after(10 * time.Second)
		if n := h.logs.FilterMessageSnippet("accepts messages too slowly").Len(); n != 1 {
			t.Errorf("told %d times", n)
		}
		h.stop()
		wait()
	})
}

// TestARequestIsReadNoFurtherThanItsBound has requests of a mebibyte, with a
// source's name at their beginning, and at their end.
func TestARequestIsReadNoFurtherThanItsBound(t *testing.T) {
	hue := hueSource().fails(refused())
	inHouse(t, []*source{hue}, func(t *testing.T, h *house) {
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
			t.Errorf("answered %.300s", got) // what is beyond the bound was never read
		}
	})
}

// TestAListOfFormerDevicesIsBounded has somebody overwrite the list of devices
// with other ids again and again, and with names that are none.
func TestAListOfFormerDevicesIsBounded(t *testing.T) {
	const lists, devices, bound = 2, 10_500, 20_000
	inHouse(t, []*source{hueSource().reports(motionSensor("1", 21))}, func(t *testing.T, h *house) {
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

// TestRetainedRequestsAreIgnored has requests and a birth retained, which would be
// carried out again at every connection.
func TestRetainedRequestsAreIgnored(t *testing.T) {
	hue := hueSource().fails(refused())
	inHouse(t, []*source{hue}, func(t *testing.T, h *house) {
		h.publish("hueair2mqtt/bridge/request/acknowledge", "hue", true)
		h.publish("hueair2mqtt/bridge/request/refresh", "hue", true)
		h.publish("homeassistant/status", "online", true)
		h.start()
		after(30 * time.Second)
		if h.problem("hue").Acknowledged || hue.polled() != 1 {
			t.Errorf("acknowledged: %t, polls: %d", h.problem("hue").Acknowledged, hue.polled())
		}
		if n := h.count("hueair2mqtt/bridge/response/acknowledge") + h.count("hueair2mqtt/bridge/response/refresh"); n != 0 {
			t.Errorf("%d answers", n)
		}
		if n := h.count("homeassistant/device/hueair2mqtt_bridge/config"); n != 1 {
			t.Errorf("announced %d times", n)
		}
	})
}

// TestABrokerThatIsAliveAndAcknowledgesNothing answers pings, but no subscription
// or no publication. It may have lost its way; a new connection may not.
func TestABrokerThatIsAliveAndAcknowledgesNothing(t *testing.T) {
	for name, broker := range map[string]flood{
		"subscriptions": {deaf: true, published: func(string, string) bool { return true }},
		"publications":  {published: func(string, string) bool { return false }},
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, []*source{hueSource().reports(motionSensor("1", 21))}, func(t *testing.T, h *house) {
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
					t.Error("nobody was told")
				}
			})
		})
	}
}

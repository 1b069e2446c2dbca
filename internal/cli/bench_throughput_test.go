package cli

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// BenchmarkThroughput measures how many messages a second the program publishes at
// QoS 1, between the first and the last state of a poll of 2,000 devices at a
// subscriber; and in the same round, through the same broker and to the same
// subscriber, how many paho publishes when it does nothing else, and how many come
// of writing the same packets to a socket at once. The ratios are what counts.
func BenchmarkThroughput(b *testing.B) {
	const devices = 2000
	h := newPairedHouse(b)
	h.furnish(devices)
	states := h.broker.arrivals("hueair2mqtt/+")
	bare := h.broker.arrivals("bare/+")
	startShipped(b, h.dir, h.config("1h"))
	states.last(b, devices) // the first poll; the stream's opening asks for another one
	states.last(b, devices)

	payload := bytes.Repeat([]byte("x"), 160) // as long as a state
	publisher := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(h.broker.url()).SetAutoReconnect(false))
	if t := publisher.Connect(); !t.WaitTimeout(patience) || t.Error() != nil {
		b.Fatal(t.Error())
	}
	defer publisher.Disconnect(100)

	var program, paho, raw []float64 // messages a second
	for b.Loop() {
		bare.client.Publish("hueair2mqtt/bridge/request/refresh", 1, false, "")
		program = append(program, devices/states.last(b, devices).Seconds())

		for i := range devices {
			publisher.Publish(fmt.Sprintf("bare/%d", i), 1, true, payload)
		}
		paho = append(paho, devices/bare.last(b, devices).Seconds())

		publishRaw(b, h.broker, devices, payload)
		raw = append(raw, devices/bare.last(b, devices).Seconds())
	}
	median := func(rates []float64) float64 { slices.Sort(rates); return rates[len(rates)/2] }
	b.ReportMetric(median(program), "messages/s")
	b.ReportMetric(median(paho), "messages/s-paho")
	b.ReportMetric(median(raw), "messages/s-raw")
	b.ReportMetric(median(program)/median(paho), "ratio-to-paho")
	b.ReportMetric(median(program)/median(raw), "ratio-to-raw")
	b.ReportMetric(0, "ns/op")
}

// last waits for n messages and returns the time between the first and the last.
func (a *arrivals) last(b *testing.B, n int) time.Duration {
	b.Helper()
	timeout := time.After(patience)
	var first, last time.Time
	for i := range n {
		select {
		case got := <-a.came:
			last = got.at
			if i == 0 {
				first = got.at
			}
		case <-timeout:
			b.Fatalf("only %d of %d messages came", i, n)
		}
	}
	return last.Sub(first)
}

// publishRaw writes n PUBLISH packets to a socket at once and waits until all are
// acknowledged.
func publishRaw(b *testing.B, broker *mosquitto, n int, payload []byte) {
	b.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(broker.url(), "tcp://"))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		b.Fatal(err)
	}
	hello := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	hello.ProtocolName, hello.ProtocolVersion, hello.CleanSession, hello.ClientIdentifier = "MQTT", 4, true, "raw"
	if err := hello.Write(conn); err != nil {
		b.Fatal(err)
	}
	if _, err := packets.ReadPacket(conn); err != nil {
		b.Fatal(err)
	}
	var all bytes.Buffer
	for i := range n {
		p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		p.TopicName, p.Payload, p.Qos, p.Retain, p.MessageID = fmt.Sprintf("bare/%d", i), payload, 1, true, uint16(i+1)
		if err := p.Write(&all); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := conn.Write(all.Bytes()); err != nil {
		b.Fatal(err)
	}
	for range n {
		if _, err := packets.ReadPacket(conn); err != nil {
			b.Fatal(err)
		}
	}
}

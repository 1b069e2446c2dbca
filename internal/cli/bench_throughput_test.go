package cli

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"hueair2mqtt/test/harness"
)

// BenchmarkThroughput measures how many messages a second the program publishes at QoS 1, from the
// first to the last state of a poll of 2,000 devices; and in the same round, through the same
// broker to the same subscriber, the rates of bare paho and of the same packets written to a socket
// at once. The ratios matter.
func BenchmarkThroughput(b *testing.B) {
	const devices = 2000
	h := newBenchHome(b)
	h.set(devices, 21.25)
	states := h.arrivals("hueair2mqtt/+")
	bare := h.arrivals("bare/+")
	h.run(buildShipped(b), "1h", "")
	states.last(devices) // the first poll; the stream's opening asks for another one
	states.last(devices)

	payload := bytes.Repeat([]byte("x"), 160) // as long as a state
	publisher := h.connect()

	var program, paho, raw []float64 // messages a second
	for b.Loop() {
		bare.client.Publish("hueair2mqtt/bridge/request/refresh", 1, false, "")
		program = append(program, devices/states.last(devices).Seconds())

		for i := range devices {
			publisher.Publish(fmt.Sprintf("bare/%d", i), 1, true, payload)
		}
		paho = append(paho, devices/bare.last(devices).Seconds())

		publishRaw(b, h.Broker, devices, payload)
		raw = append(raw, devices/bare.last(devices).Seconds())
	}
	median := func(rates []float64) float64 { slices.Sort(rates); return rates[len(rates)/2] }
	b.ReportMetric(median(program), "messages/s")
	b.ReportMetric(median(paho), "messages/s-paho")
	b.ReportMetric(median(raw), "messages/s-raw")
	b.ReportMetric(median(program)/median(paho), "ratio-to-paho")
	b.ReportMetric(median(program)/median(raw), "ratio-to-raw")
	b.ReportMetric(0, "ns/op")
}

// publishRaw writes n PUBLISH packets to a socket at once and waits for all acknowledgements.
func publishRaw(b *testing.B, broker *harness.Mosquitto, n int, payload []byte) {
	b.Helper()
	conn, err := net.Dial("tcp", broker.Address())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(harness.Patience)); err != nil {
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

package bridge_test

import (
	"bytes"
	"context"
	"encoding/binary"
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
		"a length without end":        {[]byte{0x30, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, "no MQTT 3.1.1"},
		"a SUBACK that says too much": {[]byte{0x90, 0x07, 0, 1, 1, 1, 1, 1, 1}, "no MQTT 3.1.1"},
		"a SUBACK of nothing":         {[]byte{0x90, 0x02, 0, 1}, "no MQTT 3.1.1"},
		"QoS 2":                       {[]byte{0x34, 0x06, 0, 1, 'a', 0, 1, 'x'}, "no MQTT 3.1.1"},
		"QoS 3":                       {[]byte{0x36, 0x06, 0, 1, 'a', 0, 1, 'x'}, "no MQTT 3.1.1"},
		"a client's packet":           {[]byte{0x10, 0x00}, "no MQTT 3.1.1"},
		"a PUBREL for nothing":        {[]byte{0x62, 0x02, 0, 1}, "no MQTT 3.1.1"},
		"HTTP":                        {[]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), "no MQTT 3.1.1"},
		"a topic longer than all":     {[]byte{0x30, 0x04, 0xff, 0xff, 'a', 'b'}, "lost"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, hueSource().reports(motionSensor("1", 21)))
				h.stopBroker()
				var brokers sync.WaitGroup
				var mu sync.Mutex
				connections := 0
				h.options.DialBroker = func(context.Context, string, string) (net.Conn, error) {
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

package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/bridge"
	"hueair2mqtt/bridge/mqtt"
	"hueair2mqtt/configs"
	"hueair2mqtt/discovery"
	"hueair2mqtt/internal/check"
)

// torrent is a broker that allows everything and sends retained messages endlessly.
type torrent struct {
	listener net.Listener
	sent     atomic.Int64 // bytes
	running  sync.WaitGroup

	properties []byte // of messages in MQTT 5; nil for none
}

func newTorrent(t *testing.T, topic func(i int) string, payload func(i int) string) *torrent {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &torrent{listener: listener}
	b.running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			b.running.Go(func() { b.serve(conn, topic, payload) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		b.running.Wait()
	})
	return b
}

var (
	homeAssistant = configs.HomeAssistant{Discovery: true, Prefix: "homeassistant"}
	topics        = discovery.Topics{Base: "hueair2mqtt", Prefix: "homeassistant", Sources: []string{"amazon", "hue"}}
)

// options returns the options of a connection to the broker.
func (b *torrent) options() mqtt.Options {
	return mqtt.Options{Settings: configs.MQTT{Broker: "tcp://" + b.listener.Addr().String(), BaseTopic: "hueair2mqtt"}}
}

func (b *torrent) serve(conn net.Conn, topic, payload func(int) string) {
	defer conn.Close()
	var writing sync.Mutex
	write := func(p []byte) bool {
		writing.Lock()
		defer writing.Unlock()
		n, err := conn.Write(p)
		b.sent.Add(int64(n))
		return err == nil
	}
	var flood sync.Once
	var properties []byte // none, as MQTT 5 writes that
	for {
		first, body, err := readMQTT(conn)
		if err != nil {
			return
		}
		switch first >> 4 {
		case 1: // CONNECT
			if body[6] == 5 {
				properties = []byte{0}
			}
			if !write(append([]byte{0x20, byte(2 + len(properties)), 0, 0}, properties...)) {
				return
			}
		case 8: // SUBSCRIBE
			// In MQTT 5 the probe asks for several filters, and takes one code for the first.
			if !write(append(append([]byte{0x90, byte(3 + len(properties)), body[0], body[1]}, properties...), 0)) {
				return
			}
			flood.Do(func() {
				b.running.Go(func() {
					before := properties
					if properties != nil && b.properties != nil {
						before = b.properties
					}
					for i := 0; write(retainedPublish(topic(i), string(before)+payload(i))); i++ {
					}
				})
			})
		}
	}
}

func readMQTT(in io.Reader) (first byte, body []byte, err error) {
	one := make([]byte, 1)
	if _, err := io.ReadFull(in, one); err != nil {
		return 0, nil, err
	}
	first = one[0]
	length := 0
	for shift := 0; ; shift += 7 {
		if _, err := io.ReadFull(in, one); err != nil {
			return 0, nil, err
		}
		length |= int(one[0]&0x7f) << shift
		if one[0]&0x80 == 0 {
			break
		}
	}
	body = make([]byte, length)
	_, err = io.ReadFull(in, body)
	return first, body, err
}

func retainedPublish(topic, payload string) []byte {
	p := []byte{0x31}
	for n := 2 + len(topic) + len(payload); ; {
		digit := byte(n & 0x7f)
		if n >>= 7; n > 0 {
			p = append(p, digit|0x80)
			continue
		}
		p = append(p, digit)
		break
	}
	p = append(p, byte(len(topic)>>8), byte(len(topic)))
	return append(append(p, topic...), payload...)
}

// peakDuring returns the largest heap while something runs, in bytes.
func peakDuring(what func()) (peak uint64) {
	done := make(chan struct{})
	var measuring sync.WaitGroup
	runtime.GC()
	measuring.Go(func() {
		for {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapInuse)
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
	what()
	close(done)
	measuring.Wait()
	return peak
}

// A broker that sends endlessly costs a command no more than its limit.
func TestCommandsLimitWhatTheyRead(t *testing.T) {
	ours := `{"origin":{"name":"hueair2mqtt","sw":"1","url":"x"},"device":{"identifiers":["hueair2mqtt_bridge"]},"availability":[{"topic":"hueair2mqtt/bridge/state"}],"x":"%d` + strings.Repeat("x", 500) + `"}`
	problem := `{"problem":false,"reason":"` + strings.Repeat("x", 500) + `","code":null,"since":null,"remedy":null,"acknowledged":false}`
	large := strings.Repeat("x", 4<<20-100)
	for name, test := range map[string]struct {
		topic   func(i int) string
		payload func(i int) string
	}{
		"announcements of 4 MiB": {func(i int) string { return fmt.Sprintf("homeassistant/device/%d/config", i) }, func(int) string { return large }},
		"small announcements":    {func(i int) string { return fmt.Sprintf("homeassistant/device/%d/config", i) }, func(i int) string { return fmt.Sprintf(ours, i) }},
		"problems":               {func(i int) string { return fmt.Sprintf("hueair2mqtt/%d/problem", i) }, func(int) string { return problem }},
		"lists of devices":       {func(int) string { return "hueair2mqtt/bridge/devices" }, func(int) string { return "[" + strings.Repeat(`{"id":"hue_1"},`, 4<<20/15-10) + `{"id":"hue_2"}]` }},
		"empty messages":         {func(int) string { return strings.Repeat("x", 500) }, func(int) string { return "" }},
	} {
		t.Run(name, func(t *testing.T) {
			broker := newTorrent(t, test.topic, test.payload)
			o := broker.options()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			for what, command := range map[string]func() error{
				"remove": func() error { _, err := bridge.RemoveDiscovery(ctx, o, topics); return err },
				"remove --all": func() error {
					_, err := bridge.RemoveAll(ctx, o, topics)
					return err
				},
				"check": func() error {
					if f := check.Broker(ctx, o, homeAssistant)[0]; f.Status == check.Fail {
						return errors.New(f.Reason)
					}
					return nil
				},
			} {
				broker.sent.Store(0)
				var err error
				peak := peakDuring(func() { err = command() })
				// A command does not wait for messages that it did not subscribe to.
				if err == nil && broker.sent.Load() > 24<<20 || err != nil && !strings.Contains(err.Error(), "more than 16 MiB") {
					t.Errorf("%s: %v after %d MiB", what, err, broker.sent.Load()>>20)
				}
				if peak > 96<<20 {
					t.Errorf("%s took %d MiB", what, peak>>20)
				}
			}
		})
	}
}

// The properties of MQTT 5 messages are not kept in memory.
func TestCheckDropsMessageProperties(t *testing.T) {
	const user = "\x26\x00\x00\x00\x00" // a user property without name and value
	properties := strings.Repeat(user, 3000)
	broker := newTorrent(t, func(int) string { return "x" }, func(int) string { return "" })
	broker.properties = append([]byte{byte(len(properties)&0x7f | 0x80), byte(len(properties) >> 7)}, properties...)
	var findings []check.Finding
	peak := peakDuring(func() { findings = check.Broker(t.Context(), broker.options(), homeAssistant) })
	if findings[0].Status != check.Fail || peak > 96<<20 {
		t.Errorf("%v; it took %d MiB", findings, peak>>20)
	}
}

// A list whose entries are far larger in memory than in the payload is not decoded as a
// whole.
func TestDeviceListIsDecodedEntryByEntry(t *testing.T) {
	const maxPeak = 96 << 20
	list := "[" + strings.Repeat("{},", 4<<20/3-100) + `{"id":"hue_1"}]`
	rest := t.Context().Done()
	broker := newTorrent(t, func(i int) string {
		if i > 0 {
			<-rest // nothing else is retained
		}
		return "hueair2mqtt/bridge/devices"
	}, func(int) string { return list })
	o := bridge.Options{
		Broker: broker.options(), HomeAssistant: homeAssistant,
		Log: zap.NewNop(), StateDir: t.TempDir(), Live: bridge.NewLive(), Sources: topics.Sources,
	}
	for what, command := range map[string]func(ctx context.Context){
		"run": func(ctx context.Context) {
			if err := bridge.Run(ctx, o); err != nil {
				t.Error(err)
			}
		},
		"remove --all": func(ctx context.Context) {
			// The broker acknowledges nothing, so the command ends with ctx.
			_, _ = bridge.RemoveAll(ctx, o.Broker, topics)
		},
	} {
		broker.sent.Store(0)
		peak := peakDuring(func() {
			ctx, end := context.WithTimeout(t.Context(), 3*time.Second)
			defer end()
			command(ctx)
		})
		if sent := broker.sent.Load(); peak > maxPeak || sent < int64(len(list)) {
			t.Errorf("%s took %d MiB for %d bytes", what, peak>>20, sent)
		}
	}
}

// Retained messages of others do not make the program write to its own topics or remove
// its own device.
func TestForeignNamesAreIgnored(t *testing.T) {
	strange := []string{"bridge", "../x", "", "+", "#", "hue/+", "hue/#", "zigbee2mqtt", "bridge/state", "Hue", "hue ", "hue\x00"}
	inHome(t, []*source{hueSource().reports(motionSensor("1", 21))}, func(t *testing.T, h *testHome) {
		var info, list []string
		for _, name := range strange {
			info = append(info, fmt.Sprintf("%q:{}", name))
			list = append(list, fmt.Sprintf(`{"id":%q,"source":"hue"}`, name))
		}
		h.publish("hueair2mqtt/bridge/info", `{"collectors":{`+strings.ReplaceAll(strings.Join(info, ","), `\x00`, `\u0000`)+`}}`, true)
		h.publish("hueair2mqtt/bridge/devices", `[`+strings.ReplaceAll(strings.Join(list, ","), `\x00`, `\u0000`)+`]`, true)
		before := len(h.lines())
		h.start()
		after(time.Minute)
		for _, l := range h.lines()[before:] {
			if strings.HasSuffix(l.topic, "/config") && l.payload == "" || strings.HasPrefix(l.topic, "hueair2mqtt/bridge/problem") ||
				strings.HasPrefix(l.topic, "hueair2mqtt/bridge/availability") || l.topic == "hueair2mqtt/bridge" || l.topic == "hueair2mqtt/zigbee2mqtt/problem" {
				t.Errorf("published %q to %s", l.payload, l.topic)
			}
		}
		h.want("hueair2mqtt/bridge/state", "online")
		if h.get("homeassistant/device/hueair2mqtt_bridge/config") == "" {
			t.Error("the program's own device is gone")
		}
		if got := h.get("hueair2mqtt/bridge/devices"); strings.Contains(got, "zigbee") || strings.Contains(got, `"bridge`) {
			t.Errorf("listed %s", got)
		}
	})
}

// Birth messages that arrive faster than they can be answered are answered together, and
// are logged once a minute.
func TestFloodOfBirths(t *testing.T) {
	for _, every := range []time.Duration{10 * time.Millisecond, 1500 * time.Millisecond, 3 * time.Second} {
		t.Run(every.String(), func(t *testing.T) {
			inHome(t, []*source{hueSource().reports(motionSensor("1", 21))}, func(t *testing.T, h *testHome) {
				h.start()
				after(10 * time.Second)
				before, sent := h.count(configOne), 0
				began := time.Now()
				for time.Since(began) < 2*time.Minute {
					h.publish("homeassistant/status", "online", false)
					sent++
					after(every)
				}
				if n := h.count(configOne) - before; n < 10 || n > 15 {
					t.Errorf("%d births in two minutes were answered %d times, want 10 to 15", sent, n)
				}
				// The last birth is answered too, when Home Assistant listens.
				h.publish("homeassistant/status", "online", false)
				last := time.Now()
				after(30 * time.Second)
				answered := false
				for _, l := range h.lines() {
					answered = answered || l.topic == configOne && l.at.Sub(last) >= 2*time.Second
				}
				if !answered {
					t.Error("the last birth was not answered")
				}
				after(2 * time.Minute)
				lines, count := h.logs.FilterMessageSnippet("Home Assistant has started").All(), int64(0)
				for _, line := range lines {
					n, ok := line.ContextMap()["count"].(int64)
					if !ok {
						n = 1
					}
					count += n
				}
				if len(lines) > 5 || count != int64(sent+1) {
					t.Errorf("%d log entries stand for %d births, want %d", len(lines), count, sent+1)
				}
			})
		})
	}
}

// Requests of strangers and broken connections are logged once a minute.
func TestFloodIsLoggedOncePerMinute(t *testing.T) {
	inHome(t, []*source{hueSource().fails(unreachable())}, func(t *testing.T, h *testHome) {
		h.start()
		after(10 * time.Second)
		before := h.logs.FilterLevelExact(0).Len() + h.logs.FilterLevelExact(1).Len() + h.logs.FilterLevelExact(2).Len()
		for i := range 2000 {
			h.publish(fmt.Sprintf("hueair2mqtt/bridge/request/x%d", i), "x", false)
			h.publish("hueair2mqtt/bridge/request/acknowledge", "hue", false)
			h.publish("hueair2mqtt/bridge/request/refresh", "", false)
			after(10 * time.Millisecond)
		}
		after(2 * time.Minute)
		if n := h.logs.FilterMessageSnippet("unknown request").Len(); n < 2 || n > 3 {
			t.Errorf("%d log entries about unknown requests", n)
		}
		if n := h.logs.FilterLevelExact(0).Len() + h.logs.FilterLevelExact(1).Len() + h.logs.FilterLevelExact(2).Len() - before; n > 20 {
			t.Errorf("%d log entries", n)
		}
	})
}

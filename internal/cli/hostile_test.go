package cli

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unicode"
	"unicode/utf8"

	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/collectors/hue/huetest"
	"hueair2mqtt/test/harness"
)

// hostileNames are names that a neighbour or a cloud could give to a device.
var hostileNames = []string{
	"Hall\r\n2026-01-01T00:00:00Z critical all is lost", "\x1b[2J\x1b]0;owned\x07Hall", "a+b#c/../../d", "$SYS/broker",
	"{{ states('lock.front_door') }}", "{% for x in range(10**9) %}x{% endfor %}", "<script>alert(1)</script>", `"},"origin":{"name":"x`,
	"\u202egnp.exe\u200b\u0000", "\xff\xfe\x80", strings.Repeat("long ", 2000), "",
}

// ownTopic matches every topic that the program may publish to.
var ownTopic = regexp.MustCompile(`^(hueair2mqtt/(bridge/(state|info|devices|response/(refresh|acknowledge))|(hue|amazon)/problem|[a-z0-9_]{1,80}(/(availability|button_[0-9]+|dial))?)` +
	`|homeassistant/device/[a-z0-9_]{1,80}/config|test/marker/[0-9]+)$`)

// TestHostileNames gives hostile names to everything that has one: none appears unchanged in a
// topic, a template or a log line.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"console", "json"} {
		t.Run(format, func(t *testing.T) {
			h := newTestHome(t)
			today := huetest.NewBridge("001788fffe0e0e0e", harness.HueKey)
			for i, name := range hostileNames {
				mac := fmt.Sprintf("00:17:88:01:07:07:07:%02x", i)
				h.Hue.SetMotionSensor(huetest.MotionSensor{MAC: fmt.Sprintf("00:17:88:01:06:06:06:%02x", i), Name: name, Reachable: true})
				today.SetSwitch(huetest.Switch{Type: "ZLLSwitch", MAC: mac, Name: name, Battery: 50, Reachable: true})
				today.SetRoom(name, mac)
				h.Amazon.SetMonitor(amazontest.Monitor{Serial: fmt.Sprintf("G%d%s", i, cut(name, 200)), Name: name, Reachable: i%2 == 0})
			}
			for i, name := range hostileNames {
				raw, err := json.Marshal(map[string]any{
					"name": name, "type": "ZLLTemperature", "modelid": name, "manufacturername": name, "swversion": name,
					"uniqueid": name, "state": map[string]any{"temperature": name, name: 1}, "config": map[string]any{"on": true},
				})
				if err != nil {
					t.Fatal(err)
				}
				h.Hue.SetRaw(fmt.Sprint(900+i), string(raw))
			}
			server := huetest.StartTLS(today, huetest.WithSelfSigned())
			t.Cleanup(server.Close)
			h.Pair(harness.Paired(today.ID(), server.Host(), harness.HueKey, server))
			l := h.Broker.Subscribe()
			p := h.run("--log.format", format)
			l.WaitFor("hueair2mqtt/hue_0017880107070700/availability", "online")
			l.WaitFor("hueair2mqtt/hue_0017880106060600/availability", "online")
			l.WaitFor("hueair2mqtt/amazon/problem", "false")
			l.WaitFor("hueair2mqtt/bridge/info", `"connected":true`)
			for _, name := range hostileNames {
				if utf8.ValidString(name) && !strings.ContainsAny(name, "+#") && !strings.ContainsFunc(name, unprintable) { // what a broker lets pass
					l.Publish("hueair2mqtt/bridge/request/"+name, name, false)
				}
				l.Publish("hueair2mqtt/bridge/request/acknowledge", name, false)
				l.Publish("hueair2mqtt/bridge/request/refresh", name, false)
			}
			harness.Eventually(t, "the event stream", func() bool { return today.Streams() > 0 })
			today.PressButton("00:17:88:01:07:07:07:00", 1, "initial_press")
			l.WaitFor("hueair2mqtt/hue_0017880107070700/button_1", "initial_press")
			l.WaitFor("hueair2mqtt/bridge/response/acknowledge", "error")

			for _, m := range l.All() {
				if strings.HasPrefix(m.Topic, "hueair2mqtt/bridge/request/") {
					continue // the test's own
				}
				if !ownTopic.MatchString(m.Topic) {
					t.Errorf("published to %q", m.Topic)
				}
				if strings.HasSuffix(m.Topic, "/config") {
					checkAnnouncement(t, m.Topic, m.Payload)
				}
			}
			for line := range strings.Lines(p.Stderr.String()) {
				checkLogLine(t, format, strings.TrimSuffix(line, "\n"))
			}
		})
	}
}

func cut(s string, most int) string { return s[:min(len(s), most)] }

// template matches every template that the program announces.
var template = regexp.MustCompile(`^\{\{ (\{True: 'ON', False: 'OFF'\}\.get\()?(value|value_json\.[a-z0-9_]+|\(value_json\.collectors\.[a-z]+ \| default\(\{\}\)\)\.[a-z_]+)( \| default\(None\))?\)? \}\}$`)

// checkAnnouncement checks that no name is in a template or a topic, and that no text is long or
// unprintable.
func checkAnnouncement(t *testing.T, topic, payload string) {
	t.Helper()
	var announcement struct {
		Device     map[string]any
		Components map[string]map[string]any
	}
	if err := json.Unmarshal([]byte(payload), &announcement); err != nil {
		t.Errorf("%s: %v", topic, err)
	}
	for key, value := range announcement.Device {
		if text, ok := value.(string); ok && (len(text) > 128 || strings.ContainsFunc(text, unprintable)) {
			t.Errorf("%s: %s is %q", topic, key, text)
		}
	}
	for name, component := range announcement.Components {
		for key, value := range component {
			text, _ := value.(string)
			switch {
			case strings.HasSuffix(key, "_template") && !template.MatchString(text):
				t.Errorf("%s: the template of %s is %q", topic, name, text)
			case strings.HasSuffix(key, "_topic") && !ownTopic.MatchString(text) && !strings.HasPrefix(text, "hueair2mqtt/bridge/request/"):
				t.Errorf("%s: the topic of %s is %q", topic, name, text)
			}
		}
	}
}

func unprintable(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }

var consoleLine = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d) (debug|info|warn|error|critical) `)

func checkLogLine(t *testing.T, format, line string) {
	t.Helper()
	if strings.ContainsFunc(line, unprintable) || len(line) > 8000 {
		t.Errorf("a line of %d bytes in the log: %.300q", len(line), line)
	}
	if format == "json" && !json.Valid([]byte(line)) || format == "console" && !consoleLine.MatchString(line) {
		t.Errorf("a line that was not logged: %q", line)
	}
}

// TestNothingListens checks that by default no one can connect or send to a socket of
// the running program.
func TestNothingListens(t *testing.T) {
	t.Parallel()
	h := newTestHome(t)
	l := h.Broker.Subscribe()
	p := h.run()
	l.WaitFor("hueair2mqtt/bridge/info", `"connected":true`)
	l.WaitFor("hueair2mqtt/"+harness.MonitorID+"/availability", "online")
	if open := listening(t, p); len(open) > 0 {
		t.Errorf("sockets listen:\n%s", strings.Join(open, "\n"))
	}
	address := harness.ReserveAddress(t)
	p = h.run("--metrics.listen", address)
	harness.Eventually(t, "metrics", func() bool { return scrape(address) != "" })
	if open := listening(t, p); len(open) != 1 {
		t.Errorf("%d sockets listen, want that of the metrics", len(open))
	}
}

// listening returns the lines of /proc/PID/net for sockets of a process that accept connections or
// datagrams.
func listening(t *testing.T, p *harness.Process) (lines []string) {
	t.Helper()
	own := make(map[string]bool) // by inode
	for _, descriptor := range p.Descriptors() {
		if inode, ok := strings.CutPrefix(descriptor, "socket:["); ok {
			own[strings.TrimSuffix(inode, "]")] = true
		}
	}
	seen := 0
	const established, listen = "01", "0A"
	for _, family := range []string{"tcp", "tcp6", "udp", "udp6", "raw", "raw6"} {
		for line := range strings.Lines(harness.ReadFile(t, fmt.Sprintf("/proc/%d/net/%s", p.PID(), family))) {
			fields := strings.Fields(line)
			if len(fields) < 10 || !own[fields[9]] {
				continue
			}
			seen++
			if state, tcp := fields[3], strings.HasPrefix(family, "tcp"); tcp && state == listen || !tcp && state != established {
				lines = append(lines, family+" "+line)
			}
		}
	}
	if seen == 0 {
		t.Error("no socket was found, though the program is connected to the broker")
	}
	return lines
}

// endless is a server that responds to every request with a text and then repeats another one for
// as long as the client reads.
type endless struct {
	listener net.Listener
	sent     atomic.Int64
	serving  sync.WaitGroup
}

func startEndless(t *testing.T, begin, again string) *endless {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &endless{listener: listener}
	again = strings.Repeat(again, 1+(16<<10)/len(again))
	e.serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			e.serving.Go(func() {
				defer conn.Close()
				if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
					return
				}
				_, err := io.WriteString(conn, begin)
				for err == nil {
					var n int
					n, err = io.WriteString(conn, again)
					e.sent.Add(int64(n))
				}
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		e.serving.Wait()
	})
	return e
}

// TestEndlessAnswers makes every part of a response endless, for the Hue bridge and Alexa: it is
// abandoned after a bounded number of bytes.
func TestEndlessAnswers(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	h := newTestHome(t)
	for name, test := range map[string]struct {
		begin, again string
		most         int64 // MiB: 32 for the Hue bridge, 16 for each of Alexa's two interfaces, and what the kernel buffers
	}{
		"header fields":  {head, "X-More: " + strings.Repeat("x", 100) + "\r\n", 16},
		"a header field": {head + "X-More: ", "x", 16},
		"a body":         {head + "\r\n" + `{"data":"`, "x", 96},
		"white space":    {head + "\r\n", " ", 96},
		"chunks":         {head + "Transfer-Encoding: chunked\r\n\r\n", "1\r\n[\r\n", 6 * 96},
		"brackets":       {head + "\r\n", "[", 96},
		"1xx answers":    {"", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 16},
	} {
		t.Run(name, func(t *testing.T) {
			server := startEndless(t, test.begin, test.again)
			url := "http://" + server.listener.Addr().String()
			content := harness.ReadFile(t, h.Config)
			changed := regexp.MustCompile(`host: "[^"]*"`).ReplaceAllString(content, `host: "`+url+`"`)
			changed = regexp.MustCompile(`alexa: "[^"]*"`).ReplaceAllString(changed, `alexa: "`+url+`"`)
			changed = strings.NewReplacer("interval: 1s", "interval: 60s", "timeout: 1s", "timeout: 10s").Replace(changed)
			file := filepath.Join(t.TempDir(), "hueair2mqtt.yaml")
			harness.WriteFile(t, file, changed, 0o600)
			code, stdout, stderr := run(t, "check", "--config", file)
			if code != exitFailed || strings.Count(stdout, "fail  ") != 2 {
				t.Errorf("exit code %d, printed\n%s%s", code, stdout, stderr)
			}
			if sent := server.sent.Load() >> 20; sent > test.most {
				t.Errorf("%d MiB were taken, more than %d", sent, test.most)
			}
		})
	}
}

//go:build faults && linux

package faults

import (
	"cmp"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/collectors/hue/huetest"
	"hueair2mqtt/test/harness"
)

// Polls are frequent, so that the test of a fault takes seconds.
const (
	interval = 2 * time.Second
	timeout  = time.Second
)

// testHome is a home with an old Hue bridge (CLIP v1, its key in the configuration)
// beside the paired one, a mail server, and a proxy in front of each service.
type testHome struct {
	*harness.Home
	t      *testing.T
	random *rand.Rand
	old    *huetest.Bridge
	mail   *harness.SMTPServer

	toBroker, toHue, toOld, toAlexa, toTokens, toMail *proxy

	paired  []harness.Pairing // what hue.json must hold
	build   string            // of the program
	env     []string          // of the program
	program *program

	actual actual
}

// actual is the state of the sources.
type actual struct {
	sensors  []sensor
	monitors []amazontest.Monitor
	refused  map[string]bool // sources that refuse every sign-in
	lost     map[string]bool // parts that can't be reached: "hue", "old", "amazon"
}

// sensor is a sensor of a Hue bridge. part is "hue" for a current bridge or "old".
type sensor struct {
	huetest.MotionSensor
	bridge *huetest.Bridge
	part   string
}

const (
	oldID, oldKey = "001788fffe0a0b0c", "key-of-the-old-hue-bridge"
	firstSoftware = "1935144040" // of the old one: it has no CLIP v2
)

// layout has the options of newTestHome.
type layout struct {
	brokerHost string // of mqtt.broker; "" is the proxy's address
	brokerTLS  bool
	cookieLife time.Duration // of Amazon's; 0 is a day
	build      string        // of the program; "" is the one that is shipped
	env        string        // of the program; one variable more

	// disk is called with the empty state directory.
	disk func(stateDir string)

	// crowd is the number of additional current Hue bridges, each with this many sensors.
	crowd, sensors int
	interval       time.Duration // 0 is that of the tests
}

// newTestHome starts the sources and signs in to Amazon as a user does. It does not start the
// bridge.
func newTestHome(t *testing.T, l layout) *testHome {
	t.Helper()
	settings := []string{"set_tcp_nodelay true", "max_queued_messages 0", "max_inflight_messages 0"} // for 10,000 devices
	var tlsPort int
	dir := t.TempDir()
	if l.brokerTLS {
		tlsPort = harness.Reserve(t)
		authority := harness.NewAuthority(t, dir, "Home CA")
		authority.Issue("broker", harness.Localhost)
		settings = append(append(settings, fmt.Sprintf("listener %d 127.0.0.1", tlsPort)), authority.Settings("broker")...)
	}
	h := &testHome{
		Home: harness.NewHome(t, harness.Options{Dir: dir, Broker: harness.StartMosquitto(t, settings...)}),
		t:    t, random: random(t), build: cmp.Or(l.build, shipped), old: huetest.NewBridge(oldID, oldKey),
		mail:   harness.StartSMTP(t, harness.Listen(t), huetest.SelfSigned("localhost"), "", ""),
		actual: actual{refused: make(map[string]bool), lost: make(map[string]bool)},
	}
	h.old.SetSoftware(firstSoftware)
	for i := range 2 {
		h.addSensor(h.Hue, "hue", mac(1, i))
		h.addSensor(h.old, "old", mac(2, i))
	}
	h.actual.monitors = []amazontest.Monitor{
		{Serial: "G0A0FAULTS1", EntityID: "7d0f5e5c-1111-4222-8333-444455556666", ApplianceID: "AAA_SonarCloudService_a", Name: "Kitchen air", Reachable: true},
		{Serial: "G0A0FAULTS2", EntityID: "7d0f5e5c-1111-4222-8333-444455557777", ApplianceID: "AAA_SonarCloudService_b", Name: "Bedroom air", Reachable: true},
	}
	if l.cookieLife > 0 {
		h.Amazon.SetCookieLife(l.cookieLife, true)
	}

	oldServer := httptest.NewServer(h.old)
	t.Cleanup(oldServer.Close)
	alexa := httptest.NewUnstartedServer(h.Amazon)
	alexa.EnableHTTP2 = true
	alexa.Config.ErrorLog = log.New(io.Discard, "", 0) // it would log every fault
	alexa.StartTLS()
	t.Cleanup(alexa.Close)
	brokerTarget := h.Broker.Address()
	if l.brokerTLS {
		brokerTarget = fmt.Sprintf("127.0.0.1:%d", tlsPort)
	}

	h.toBroker = newProxy(t, brokerTarget, h.random)
	h.toHue = newProxy(t, h.HueTLS.Host(), h.random)
	h.toOld = newProxy(t, oldServer.Listener.Addr().String(), h.random)
	h.toAlexa = newProxy(t, alexa.Listener.Addr().String(), h.random)
	h.toTokens = newProxy(t, alexa.Listener.Addr().String(), h.random)
	h.toMail = newProxy(t, h.mail.Address(), h.random)

	roots := filepath.Join(h.Dir, "roots.pem")
	harness.WriteFile(t, roots, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: alexa.Certificate().Raw})), 0o600)
	h.env = []string{"SSL_CERT_FILE=" + roots, l.env}

	h.MakeStateDir()
	if l.disk != nil {
		l.disk(h.StateDir)
	}
	h.paired = append(h.paired, harness.Paired(harness.HueID, h.toHue.address(), harness.HueKey, h.HueTLS))
	for i := range l.crowd {
		id := fmt.Sprintf("001788fffe99%04x", i)
		bridge := huetest.NewBridge(id, harness.HueKey)
		for j := range l.sensors {
			h.addSensor(bridge, "hue", mac(16+i, j))
		}
		server := huetest.StartTLS(bridge, huetest.WithSelfSigned())
		t.Cleanup(server.Close)
		h.paired = append(h.paired, harness.Paired(id, server.Host(), harness.HueKey, server))
	}
	h.change()
	h.Pair(h.paired...)

	broker, mqttMore := "tcp://"+h.toBroker.address(), ""
	if l.brokerHost != "" {
		broker = strings.Replace(broker, "127.0.0.1", l.brokerHost, 1)
	}
	if l.brokerTLS {
		broker = strings.Replace(broker, "tcp://", "ssl://", 1)
		mqttMore = ", ca_file: " + filepath.Join(h.Dir, "ca.pem")
	}
	every := cmp.Or(l.interval, interval)
	h.Configure(`
mqtt: {broker: %q%s}
hue:
  enabled: true
  interval: %s
  timeout: %s
  bridges: [{host: "http://%s", id: %q, username: %s}]
amazon:
  enabled: true
  interval: %s
  timeout: %s
  endpoints: {alexa: "https://%s", auth: "https://%s"}
retry: {base_delay: 50ms, max_delay: 200ms}
alert: {email: {smtp: %q, from: home@example.org, to: [you@example.org]}}
log: {}
`, broker, mqttMore, every, cmp.Or(l.interval, timeout), h.toOld.address(), oldID, oldKey, every, cmp.Or(l.interval, timeout),
		h.toAlexa.address(), h.toTokens.address(), h.toMail.address())
	harness.SignIn(t, h.Amazon, h.command("amazon", "login"))
	return h
}

func (h *testHome) addSensor(bridge *huetest.Bridge, part, mac string) {
	h.actual.sensors = append(h.actual.sensors, sensor{
		huetest.MotionSensor{MAC: mac, Name: "Sensor " + mac[12:], Reachable: true}, bridge, part,
	})
}

func mac(bridge, i int) string {
	return fmt.Sprintf("00:17:88:01:%02x:00:%02x:%02x", bridge, i/256, i%256)
}

// command returns a command of the program.
func (h *testHome) command(args ...string) *exec.Cmd {
	cmd := exec.Command(h.build, append(args, "--config", h.Config)...)
	cmd.Env = append(os.Environ(), h.env...)
	return cmd
}

// run starts the bridge.
func (h *testHome) run() *program {
	h.t.Helper()
	h.program = &program{harness.Start(h.t, h.command("run")), h.t}
	return h.program
}

// change gives every sensor and monitor new values.
func (h *testHome) change() {
	number := func(most int) float64 { return float64(h.random.IntN(most*10)) / 10 }
	for i := range h.actual.sensors {
		s := &h.actual.sensors[i]
		s.Temperature, s.Motion = 5+number(25), !s.Motion
		s.Lux = float64(1 + h.random.IntN(300))
		s.Battery = 1 + h.random.IntN(100)
		s.bridge.SetMotionSensor(s.MotionSensor)
	}
	for i := range h.actual.monitors {
		m := &h.actual.monitors[i]
		m.Temperature, m.Humidity, m.PM25, m.PM10 = 10+number(20), number(100), number(200), number(200)
		m.CO, m.VOCIndex, m.AirQuality = number(10), number(50), number(100)
		h.Amazon.SetMonitor(*m)
	}
}

// refuse makes a source refuse every sign-in.
func (h *testHome) refuse(source string) {
	h.actual.refused[source] = true
	if source == "hue" {
		h.old.DeleteKey()
		h.Hue.DeleteKey()
	} else {
		h.Amazon.Revoke()
	}
}

// letIn makes a source accept the sign-in again.
func (h *testHome) letIn(source string) {
	delete(h.actual.refused, source)
	if source == "hue" {
		h.old.RestoreKey()
		h.Hue.RestoreKey()
	} else {
		h.Amazon.Restore()
	}
}

// mailsAbout returns the number of mails about a source.
func (h *testHome) mailsAbout(source string) (n int) {
	for _, mail := range h.mail.Mails() {
		if strings.Contains(mail, "hueair2mqtt: "+source+" needs you") {
			n++
		}
	}
	return n
}

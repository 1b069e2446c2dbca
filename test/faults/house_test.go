//go:build faults && linux

package faults

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	cryptorand "crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/collectors/hue/huetest"
	"hueair2mqtt/test/harness"
)

// The house asks often, so that a test of a fault takes seconds.
const (
	interval = 2 * time.Second
	timeout  = time.Second
)

// house is everything around one program, with a proxy in front of each part.
type house struct {
	t      *testing.T
	random *rand.Rand

	broker *mosquitto
	hue    *huetest.Bridge // of today: CLIP v2 over TLS, paired
	old    *huetest.Bridge // CLIP v1 over HTTP, its key in the configuration
	amazon *amazontest.Account
	mail   *mailServer

	toBroker, toHue, toOld, toAlexa, toTokens, toMail *proxy

	paired                []storedBridge // what hue.json must hold
	tlsPort               int            // of the broker, for houses with brokerTLS
	dir, stateDir, config string
	build                 string   // of the program
	env                   []string // of the program
	program               *program

	truth truth
}

// truth is what the sources would tell.
type truth struct {
	sensors  []sensor
	monitors []amazontest.Monitor
	refused  map[string]bool // sources that let nobody in
	lost     map[string]bool // parts that can't be reached: "hue", "old", "amazon"
}

// sensor is one of a Hue bridge's. part is "hue", of the bridge of today, or "old".
type sensor struct {
	huetest.MotionSensor
	bridge *huetest.Bridge
	part   string
}

const (
	hueID, hueKey = "001788fffe010203", "key-of-the-hue-bridge-of-today"
	oldID, oldKey = "001788fffe0a0b0c", "key-of-the-old-hue-bridge"
	firstSoftware = "1935144040" // of the old one: it has no CLIP v2
)

// layout changes the house that newHouse builds.
type layout struct {
	brokerHost string // of mqtt.broker; "" is the proxy's address
	brokerTLS  bool
	cookieLife time.Duration // of Amazon's; 0 is a day
	build      string        // of the program; "" is the one that is shipped
	env        string        // of the program; one variable more

	// disk is called with the state directory while that is empty.
	disk func(stateDir string)

	// crowd are more Hue bridges of today with so many sensors each.
	crowd, sensors int
	interval       time.Duration // 0 is that of the tests
}

// newHouse builds a house, signs in to Amazon as a user does, and starts nothing
// yet but the sources.
func newHouse(t *testing.T, l layout) *house {
	t.Helper()
	h := &house{
		t: t, random: random(t), dir: t.TempDir(), build: cmp.Or(l.build, shipped),
		hue: huetest.NewBridge(hueID, hueKey), old: huetest.NewBridge(oldID, oldKey),
		amazon: amazontest.NewAccount(),
		truth:  truth{refused: make(map[string]bool), lost: make(map[string]bool)},
	}
	h.stateDir = filepath.Join(h.dir, "state")
	h.old.SetSoftware(firstSoftware)
	for i := range 2 {
		h.addSensor(h.hue, "hue", mac(1, i))
		h.addSensor(h.old, "old", mac(2, i))
	}
	h.truth.monitors = []amazontest.Monitor{
		{Serial: "G0A0FAULTS1", EntityID: "7d0f5e5c-1111-4222-8333-444455556666", ApplianceID: "AAA_SonarCloudService_a", Name: "Kitchen air", Reachable: true},
		{Serial: "G0A0FAULTS2", EntityID: "7d0f5e5c-1111-4222-8333-444455557777", ApplianceID: "AAA_SonarCloudService_b", Name: "Bedroom air", Reachable: true},
	}
	if l.cookieLife > 0 {
		h.amazon.SetCookieLife(l.cookieLife, true)
	}

	hueServer := startHue(t, h.hue)
	oldServer := httptest.NewServer(h.old)
	t.Cleanup(oldServer.Close)
	alexa := httptest.NewUnstartedServer(h.amazon)
	alexa.EnableHTTP2 = true
	alexa.Config.ErrorLog = log.New(io.Discard, "", 0) // it would tell of every fault
	alexa.StartTLS()
	t.Cleanup(alexa.Close)
	h.mail = startMailServer(t)

	settings := []string(nil)
	if l.brokerTLS {
		settings = h.brokerCertificate()
	}
	h.broker = startMosquitto(t, settings...)
	brokerTarget := h.broker.address()
	if l.brokerTLS {
		brokerTarget = fmt.Sprintf("127.0.0.1:%d", h.tlsPort)
	}

	h.toBroker = newProxy(t, brokerTarget, h.random)
	h.toHue = newProxy(t, hueServer.Host(), h.random)
	h.toOld = newProxy(t, oldServer.Listener.Addr().String(), h.random)
	h.toAlexa = newProxy(t, alexa.Listener.Addr().String(), h.random)
	h.toTokens = newProxy(t, alexa.Listener.Addr().String(), h.random)
	h.toMail = newProxy(t, h.mail.address(), h.random)

	roots := filepath.Join(h.dir, "roots.pem")
	h.write(roots, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: alexa.Certificate().Raw})))
	h.env = []string{"SSL_CERT_FILE=" + roots, l.env}

	if err := os.Mkdir(h.stateDir, 0o750); err != nil {
		t.Fatal(err)
	}
	if l.disk != nil {
		l.disk(h.stateDir)
	}
	h.paired = append(h.paired, pairing(hueID, h.toHue.address(), hueServer))
	for i := range l.crowd {
		id := fmt.Sprintf("001788fffe99%04x", i)
		bridge := huetest.NewBridge(id, hueKey)
		for j := range l.sensors {
			h.addSensor(bridge, "hue", mac(16+i, j))
		}
		server := startHue(t, bridge)
		h.paired = append(h.paired, pairing(id, server.Host(), server))
	}
	h.change()
	stored, err := json.Marshal(map[string]any{"bridges": h.paired})
	if err != nil {
		t.Fatal(err)
	}
	h.write(filepath.Join(h.stateDir, "hue.json"), string(stored))

	broker, mqttMore := "tcp://"+h.toBroker.address(), ""
	if l.brokerHost != "" {
		broker = strings.Replace(broker, "127.0.0.1", l.brokerHost, 1)
	}
	if l.brokerTLS {
		broker = strings.Replace(broker, "tcp://", "ssl://", 1)
		mqttMore = ", ca_file: " + filepath.Join(h.dir, "broker.pem")
	}
	h.config = filepath.Join(h.dir, "hueair2mqtt.yaml")
	every := cmp.Or(l.interval, interval)
	h.write(h.config, fmt.Sprintf(`
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
alert: {email: {smtp: %q, from: house@example.org, to: [you@example.org]}}
state_dir: %s
`, broker, mqttMore, every, cmp.Or(l.interval, timeout), h.toOld.address(), oldID, oldKey, every, cmp.Or(l.interval, timeout),
		h.toAlexa.address(), h.toTokens.address(), h.toMail.address(), h.stateDir))
	h.signIn()
	return h
}

func (h *house) addSensor(bridge *huetest.Bridge, part, mac string) {
	h.truth.sensors = append(h.truth.sensors, sensor{
		huetest.MotionSensor{MAC: mac, Name: "Sensor " + mac[12:], Reachable: true}, bridge, part,
	})
}

// startHue serves a Hue bridge of today.
func startHue(t *testing.T, bridge *huetest.Bridge) *huetest.Server {
	server := huetest.StartTLS(bridge, huetest.WithSelfSigned())
	t.Cleanup(server.Close)
	return server
}

// pairing is what pairing with a Hue bridge stores.
func pairing(id, host string, server *huetest.Server) storedBridge {
	sum := sha256.Sum256(server.Certificate().Raw)
	return storedBridge{ID: id, Host: host, Username: hueKey, Fingerprint: hex.EncodeToString(sum[:])}
}

type storedBridge struct {
	ID          string `json:"id"`
	Host        string `json:"host"`
	Username    string `json:"username"`
	Fingerprint string `json:"fingerprint"`
}

func mac(bridge, i int) string {
	return fmt.Sprintf("00:17:88:01:%02x:00:%02x:%02x", bridge, i/256, i%256)
}

func (h *house) write(file, content string) {
	h.t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

var signInAddress = regexp.MustCompile(`(?m)^https://www\.amazon\.\S+/ap/signin\?\S+$`)

// signIn runs "amazon login" and is the user's browser.
func (h *house) signIn() {
	h.t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		h.t.Fatal(err)
	}
	defer writer.Close()
	p := start(h.t, h.build, h.env, reader, "amazon", "login", "--config", h.config)
	reader.Close() // the program has it
	within(h.t, patience, "the prompt", func() string {
		if strings.Contains(p.stdout.String(), "Address: ") {
			return ""
		}
		if !p.running() {
			h.t.Fatal("amazon login has ended")
		}
		return "it printed: " + p.stdout.String() + p.log.String()
	})
	landing, err := h.amazon.Consent(signInAddress.FindString(p.stdout.String()))
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := io.WriteString(writer, landing+"\n"); err != nil {
		h.t.Fatal(err)
	}
	if code := p.wait(patience); code != 0 {
		h.t.Fatalf("amazon login ended with %d", code)
	}
}

// run starts the bridge.
func (h *house) run() *program {
	h.t.Helper()
	h.program = start(h.t, h.build, h.env, nil, "run", "--config", h.config)
	return h.program
}

// change has every sensor and monitor measure something else.
func (h *house) change() {
	number := func(most int) float64 { return float64(h.random.IntN(most*10)) / 10 }
	for i := range h.truth.sensors {
		s := &h.truth.sensors[i]
		s.Temperature, s.Motion = 5+number(25), !s.Motion
		s.Lux = float64(1 + h.random.IntN(300))
		s.Battery = 1 + h.random.IntN(100)
		s.bridge.SetMotionSensor(s.MotionSensor)
	}
	for i := range h.truth.monitors {
		m := &h.truth.monitors[i]
		m.Temperature, m.Humidity, m.PM25, m.PM10 = 10+number(20), number(100), number(200), number(200)
		m.CO, m.VOCIndex, m.AirQuality = number(10), number(50), number(100)
		h.amazon.SetMonitor(*m)
	}
}

// refuse has a source let nobody in.
func (h *house) refuse(source string) {
	h.truth.refused[source] = true
	if source == "hue" {
		h.old.DeleteKey()
		h.hue.DeleteKey()
	} else {
		h.amazon.Revoke()
	}
}

// letIn ends that.
func (h *house) letIn(source string) {
	delete(h.truth.refused, source)
	if source == "hue" {
		h.old.RestoreKey()
		h.hue.RestoreKey()
	} else {
		h.amazon.Restore()
	}
}

// brokerCertificate makes a certificate for the broker, which the program is told
// to trust, and returns the settings of a second listener that shows it.
func (h *house) brokerCertificate() []string {
	h.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), cryptorand.Reader)
	if err != nil {
		h.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	certificate, err := x509.CreateCertificate(cryptorand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		h.t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		h.t.Fatal(err)
	}
	certFile, keyFile := filepath.Join(h.dir, "broker.pem"), filepath.Join(h.dir, "broker.key")
	h.write(certFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})))
	h.write(keyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})))
	h.tlsPort = harness.Reserve(h.t)
	return []string{fmt.Sprintf("listener %d 127.0.0.1", h.tlsPort), "certfile " + certFile, "keyfile " + keyFile}
}

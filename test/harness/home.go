package harness

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/collectors/hue/huetest"
)

// Identifiers and secrets of a home.
const (
	HueID     = "001788fffe010203"
	HueKey    = "hue-key-that-nobody-may-see"
	HallID    = "hue_0017880102030405"
	CellarID  = "hue_0017880102030406"
	MonitorID = "amazon_g0a0testserial1"
)

// The devices that Furnish adds.
var (
	HallSensor = huetest.MotionSensor{
		MAC: "00:17:88:01:02:03:04:05", Name: "Hall", Temperature: 21.34, Motion: true, Lux: 120, Battery: 87, Reachable: true,
	}
	CellarSensor = huetest.MotionSensor{
		MAC: "00:17:88:01:02:03:04:06", Name: "Cellar", Temperature: 14, Lux: 3, Battery: 41, Reachable: true,
	}
	AirMonitor = amazontest.Monitor{
		Serial: "G0A0TESTSERIAL1", EntityID: "7d0f5e5c-1111-4222-8333-444455556666", ApplianceID: "AAA_SonarCloudService_x",
		Name: "Living Room Air", Temperature: 70.7, Scale: "FAHRENHEIT", Humidity: 48, PM25: 6, PM10: 9, CO: 1, VOCIndex: 12,
		AirQuality: 92, Reachable: true,
	}
)

// Home is a Hue bridge, an Amazon account, a broker, and the configuration of a
// program that reads and publishes them. All listen on reserved ports of 127.0.0.1.
type Home struct {
	Hue     *huetest.Bridge
	HueTLS  *huetest.Server  // the Hue bridge with CLIP v2, to pair with
	HueHTTP *httptest.Server // the same Hue bridge by CLIP v1
	Amazon  *amazontest.Account
	Alexa   *httptest.Server
	Broker  *Mosquitto

	Dir, StateDir, Config string

	t testing.TB
}

// Options are the options of NewHome.
type Options struct {
	Dir    string     // empty: a temporary directory of the test
	Broker *Mosquitto // nil: a broker that allows everybody
}

// NewHome starts a home without devices. StateDir does not exist yet.
func NewHome(t testing.TB, o Options) *Home {
	t.Helper()
	h := &Home{t: t, Hue: huetest.NewBridge(HueID, HueKey), Amazon: amazontest.NewAccount(), Broker: o.Broker, Dir: cmp.Or(o.Dir, t.TempDir())}
	if h.Broker == nil {
		h.Broker = StartMosquitto(t)
	}
	h.HueTLS = huetest.StartTLS(h.Hue, huetest.WithSelfSigned(), huetest.WithAddress(ReserveAddress(t)))
	t.Cleanup(h.HueTLS.Close)
	h.HueHTTP, h.Alexa = Serve(t, h.Hue), Serve(t, h.Amazon)
	h.StateDir, h.Config = filepath.Join(h.Dir, "state"), filepath.Join(h.Dir, "hueair2mqtt.yaml")
	return h
}

// Furnish adds two motion sensors and an air quality monitor.
func (h *Home) Furnish() *Home {
	h.Hue.SetMotionSensor(HallSensor)
	h.Hue.SetMotionSensor(CellarSensor)
	h.Amazon.SetMonitor(AirMonitor)
	return h
}

// Configure writes the configuration. Keys that the text does not set at its top
// level get values for a test: the broker, quick retries, the state directory and a
// debug log.
func (h *Home) Configure(format string, args ...any) {
	h.t.Helper()
	text := "\n" + fmt.Sprintf(format, args...)
	for key, value := range map[string]string{
		"mqtt": fmt.Sprintf("{broker: %q}", h.Broker.URL()), "retry": "{base_delay: 20ms, max_delay: 100ms}",
		"state_dir": h.StateDir, "log": "{level: debug}",
	} {
		if !strings.Contains(text, "\n"+key+":") {
			text += fmt.Sprintf("\n%s: %s\n", key, value)
		}
	}
	WriteFile(h.t, h.Config, text, 0o600)
}

// Edit replaces a text in the configuration.
func (h *Home) Edit(old, text string) {
	h.t.Helper()
	content := ReadFile(h.t, h.Config)
	if !strings.Contains(content, old) {
		h.t.Fatalf("the configuration has no %q", old)
	}
	WriteFile(h.t, h.Config, strings.Replace(content, old, text, 1), 0o600)
}

// MakeStateDir makes the state directory.
func (h *Home) MakeStateDir() {
	h.t.Helper()
	if err := os.MkdirAll(h.StateDir, 0o750); err != nil {
		h.t.Fatal(err)
	}
}

// Pairing is a Hue bridge as hue.json stores it.
type Pairing struct {
	ID          string `json:"id"`
	Host        string `json:"host"`
	Username    string `json:"username"`
	Fingerprint string `json:"fingerprint"`
}

// Paired returns the pairing with a Hue bridge that a server serves at host.
func Paired(id, host, key string, server *huetest.Server) Pairing {
	sum := sha256.Sum256(server.Certificate().Raw)
	return Pairing{id, host, key, hex.EncodeToString(sum[:])}
}

// Pair stores pairings in hue.json; without any, that with the home's Hue bridge.
func (h *Home) Pair(pairings ...Pairing) {
	h.t.Helper()
	h.MakeStateDir()
	if len(pairings) == 0 {
		pairings = []Pairing{Paired(HueID, h.HueTLS.Host(), HueKey, h.HueTLS)}
	}
	h.writeJSON(h.StateFile("hue.json"), map[string]any{"bridges": pairings})
}

// WriteCookies writes the account's cookies as a browser exports them.
func (h *Home) WriteCookies() (file string) {
	h.t.Helper()
	file = filepath.Join(h.Dir, "cookies.json")
	h.writeJSON(file, h.Amazon.Cookies())
	return file
}

func (h *Home) writeJSON(file string, content any) {
	h.t.Helper()
	text, err := json.Marshal(content)
	if err != nil {
		h.t.Fatal(err)
	}
	WriteFile(h.t, file, string(text), 0o600)
}

// StateFile returns the path of a file in the state directory.
func (h *Home) StateFile(name string) string { return filepath.Join(h.StateDir, name) }

// Secrets returns everything that the program must never show.
func (h *Home) Secrets() []string { return append(h.Amazon.Secrets(), HueKey) }

var signInAddress = regexp.MustCompile(`(?m)^https://www\.amazon\.\S+/ap/signin\?\S+$`)

// SignInAddress waits until "amazon login" prompts, and returns the address of
// Amazon's sign-in page that it has printed.
func (p *Prompt) SignInAddress() string {
	p.t.Helper()
	Eventually(p.t, "the prompt", func() bool {
		if !p.Running() {
			p.t.Fatal("amazon login has exited")
		}
		return strings.Contains(p.Stdout.String(), "Address: ")
	})
	address := signInAddress.FindString(p.Stdout.String())
	if address == "" {
		p.t.Fatalf("no address of Amazon:\n%s", &p.Stdout)
	}
	return address
}

// SignIn runs "amazon login" with the account in the place of the user's browser. It
// returns the ended process and the address that the browser landed on.
func SignIn(t testing.TB, account *amazontest.Account, login *exec.Cmd) (p *Prompt, landing string) {
	t.Helper()
	p = StartPrompt(t, login)
	landing, err := account.Consent(p.SignInAddress())
	if err != nil {
		t.Fatal(err)
	}
	p.Type(landing + "\n")
	if code := p.Wait(); code != 0 {
		t.Fatalf("amazon login ended with %d", code)
	}
	return p, landing
}

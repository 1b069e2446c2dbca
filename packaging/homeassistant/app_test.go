//go:build release

package homeassistant_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"hueair2mqtt/test/container"
	"hueair2mqtt/test/harness"
)

// inNamespaces is set for the test binary that runs in namespaces of its own.
const inNamespaces = "HUEAIR2MQTT_TEST_IN_NAMESPACES"

// enter sets up the network of the apps and runs the tests in it. The names are those of Home
// Assistant's DNS server, and the one that people use for Home Assistant.
const enter = `set -e
mount --make-rprivate /
ip link set lo up
for address in 172.30.32.1 172.30.32.2 172.30.33.5 172.30.33.6 172.30.33.7; do ip address add $address/32 dev lo; done
printf '127.0.0.1 localhost\n172.30.32.2 supervisor hassio\n172.30.33.6 core-mosquitto\n172.30.32.1 homeassistant.test\n' >"$HUEAIR2MQTT_TEST_IN_NAMESPACES"
mount --bind "$HUEAIR2MQTT_TEST_IN_NAMESPACES" /etc/hosts
exec "$@"`

func TestMain(m *testing.M) {
	if os.Getenv(inNamespaces) != "" {
		os.Exit(m.Run())
	}
	hosts, err := os.CreateTemp("", "hosts-")
	if err != nil {
		panic(err)
	}
	hosts.Close()
	cmd := exec.Command("unshare", append([]string{"--net", "--mount", "sh", "-c", enter, "sh"}, os.Args...)...)
	cmd.Env = append(os.Environ(), inNamespaces+"="+hosts.Name())
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err = cmd.Run()
	os.Remove(hosts.Name())
	if err != nil {
		fmt.Fprintln(os.Stderr, "the tests in namespaces of their own (which need root):", err)
		os.Exit(1)
	}
}

// home is a home whose broker is that of the app "Mosquitto broker".
type home struct {
	*harness.Home
	t *testing.T
}

// newHome starts a home with a hall sensor and a monitor. Its broker knows the user
// that the Supervisor names.
func newHome(t *testing.T) *home {
	t.Helper()
	settings := harness.Passwords(t, map[string]string{"addons": mqttPassword})
	broker := harness.StartMosquittoAt(t, mosquittoAddress, 1883, settings...)
	broker.Username, broker.Password = "addons", mqttPassword
	h := &home{harness.NewHome(t, harness.Options{Broker: broker}), t}
	h.Hue.SetMotionSensor(harness.HallSensor)
	h.Amazon.SetMonitor(harness.AirMonitor)
	return h
}

// options returns the defaults of config.yaml with these changes, as JSON.
func options(t *testing.T, changes map[string]any) string {
	t.Helper()
	all := readConfig(t).Options
	for section, values := range changes {
		for key, value := range values.(map[string]any) {
			all[section].(map[string]any)[key] = value
		}
	}
	content, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

var quick = map[string]any{"hue": map[string]any{"interval": "1s"}, "amazon": map[string]any{"interval": "1s"}, "log": map[string]any{"level": "debug"}}

// start starts the app as the Supervisor does: as root, with its options and token, and
// with a DNS server that knows the other apps.
func (h *home) start(options, token string) *container.Container {
	h.t.Helper()
	apps, _ := container.Open(h.t, filepath.Join(dist, "hueair2mqtt-1.0.0-homeassistant-oci.tar"))
	data := h.t.TempDir()
	if options != "" {
		harness.WriteFile(h.t, filepath.Join(data, "options.json"), options, 0o600)
	}
	env := map[string]string{
		"HUEAIR2MQTT_AMAZON__ENDPOINTS__ALEXA": h.Alexa.URL, "HUEAIR2MQTT_AMAZON__ENDPOINTS__AUTH": h.Alexa.URL,
		"HUEAIR2MQTT_HUE__TIMEOUT": "1s", "HUEAIR2MQTT_AMAZON__TIMEOUT": "1s", "TZ": "Europe/Berlin",
	}
	if token != "" {
		env["SUPERVISOR_TOKEN"], env["HASSIO_TOKEN"] = token, token
	}
	return apps["amd64"].Start(h.t, container.Options{Env: env, Volumes: map[string]string{"/data": data, "/etc/hosts": os.Getenv(inNamespaces)}})
}

// get sends a request to the app from an address of the network.
func get(t *testing.T, address, url string, header map[string]string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	transport := from(address)
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(r)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(content)
}

// wantLine checks that the container printed one line with all these texts.
func wantLine(t *testing.T, c *container.Container, texts ...string) {
	t.Helper()
	c.Prints(texts[0])
	var found []string
	for line := range strings.Lines(c.Output()) {
		if strings.Contains(line, texts[0]) {
			found = append(found, line)
		}
	}
	for _, text := range texts {
		if len(found) != 1 || !strings.Contains(found[0], text) {
			t.Errorf("no line, or several, with %q: %q", text, found)
		}
	}
}

func TestAppInHomeAssistant(t *testing.T) {
	h, s := newHome(t), startSupervisor(t)
	c := h.start(options(t, quick), token)
	// No broker is installed yet.
	wantLine(t, c, "Home Assistant has no MQTT broker", "Service not enabled", `install the app \"Mosquitto broker\"`)
	c.Eventually("the watchdog finds it well", func() bool {
		status, _ := get(t, "172.30.32.2", "http://"+appAddress+"/healthz", nil)
		return status == http.StatusOK
	})
	if status, body := get(t, "172.30.32.2", "http://"+appAddress+"/readyz", nil); status != http.StatusServiceUnavailable {
		t.Errorf("ready without a broker: %d %s", status, body)
	}
	if printed, code := c.Exec("/usr/bin/hueair2mqtt", "health"); code != 0 || printed != "ok\n" {
		t.Errorf("Docker's health check: %d %s", code, printed)
	}
	c.Eventually("it asks again", func() bool { asked, _ := s.counts(); return asked > 2 })

	s.provideMQTT()
	c.Prints("connected to the broker")

	// Everyone except the Supervisor is refused, whatever they send.
	forged := map[string]string{"X-Ingress-Path": "/api/hassio_ingress/x", "X-Remote-User-Id": "me", "X-Forwarded-For": "172.30.32.2"}
	for _, address := range []string{anotherApp, "172.30.32.1", "127.0.0.1", "172.30.33.5"} {
		for _, path := range []string{"/", "/log", "/assets/app.js"} {
			if status, body := get(t, address, "http://"+appAddress+path, forged); status != http.StatusForbidden {
				t.Errorf("%s from %s: %d %s", path, address, status, body)
			}
		}
	}
	// Home Assistant requires a session.
	if status, _ := get(t, "172.30.32.1", "http://"+coreAddress+"/api/hassio_ingress/"+ingressToken+"/", nil); status != http.StatusUnauthorized {
		t.Errorf("without a session: %d", status)
	}

	h.browse("http://homeassistant.test:8123")

	h.Broker.Subscribe().WaitFor("hueair2mqtt/"+harness.HallID, `"temperature":23.5`)

	began := time.Now()
	c.Signal("TERM")
	if code := c.Wait(); code != 0 || time.Since(began) > 5*time.Second {
		t.Errorf("it stopped with code %d after %s", code, time.Since(began))
	}
	for _, secret := range append(h.Amazon.Secrets(), token, mqttPassword) {
		if strings.Contains(c.Output(), secret) {
			t.Errorf("the log has the secret %q", secret)
		}
	}
}

// browse uses the app in Home Assistant with Chromium.
func (h *home) browse(page string) {
	h.t.Helper()
	controls := http.NewServeMux()
	controls.HandleFunc("POST /press", func(http.ResponseWriter, *http.Request) { h.Hue.PressLinkButton() })
	controls.HandleFunc("POST /warmer", func(http.ResponseWriter, *http.Request) {
		warmer := harness.HallSensor
		warmer.Temperature = 23.5
		h.Hue.SetMotionSensor(warmer)
	})
	controls.HandleFunc("POST /consent", func(w http.ResponseWriter, r *http.Request) {
		address, err := io.ReadAll(r.Body)
		if err == nil {
			var landing string
			if landing, err = h.Amazon.Consent(string(address)); err == nil {
				fmt.Fprint(w, landing)
				return
			}
		}
		http.Error(w, err.Error(), http.StatusBadRequest)
	})
	server := httptest.NewServer(controls)
	defer server.Close()
	cmd := exec.Command("node", "--test", "--test-reporter=spec", "ingress.test.mjs")
	cmd.Dir = filepath.Join("..", "..", "test", "browser")
	cmd.Env = append(os.Environ(), "PAGE="+page, "CONTROLS="+server.URL, "BRIDGE="+h.HueHTTP.URL)
	if out, err := cmd.CombinedOutput(); err != nil {
		h.t.Fatalf("ingress.test.mjs: %v\n%s", err, out)
	}
}

func TestBrokerOfTheUser(t *testing.T) {
	h, s := newHome(t), startSupervisor(t)
	s.provideMQTT()
	c := h.start(options(t, map[string]any{"mqtt": map[string]any{
		"broker": "tcp://" + mosquittoAddress + ":1883", "username": "addons", "password": mqttPassword,
	}}), token)
	c.Prints("connected to the broker")
	if asked, _ := s.counts(); asked > 0 {
		t.Errorf("the Supervisor was asked %d times", asked)
	}
}

func TestWrongToken(t *testing.T) {
	h, s := newHome(t), startSupervisor(t)
	s.provideMQTT()
	c := h.start(options(t, nil), "another token")
	wantLine(t, c, "the Supervisor refuses this app's token (HTTP 403)", "restart this app")
	c.Eventually("it asks again", func() bool { _, rejected := s.counts(); return rejected > 2 })
	if status, _ := get(t, "172.30.32.2", "http://"+appAddress+"/healthz", nil); status != http.StatusOK {
		t.Errorf("health: %d", status)
	}
	if strings.Contains(c.Output(), "another token") {
		t.Error("the log has the token")
	}
}

func TestNoSupervisor(t *testing.T) {
	c := newHome(t).start(options(t, nil), token)
	wantLine(t, c, "ask the Supervisor for /services/mqtt", "restart this app")
}

func TestBadOptions(t *testing.T) {
	for name, test := range map[string]struct{ options, token, want string }{
		"missing":  {"", token, "/data/options.json can't be read: no such file or directory: open the Configuration tab of this app in Home Assistant and save it"},
		"damaged":  {`{"hue": {`, token, "/data/options.json is damaged: unexpected end of JSON input: open the Configuration tab"},
		"no token": {"{}", "", "SUPERVISOR_TOKEN is not set"},
		"broker":   {options(t, map[string]any{"mqtt": map[string]any{"broker": "http://x"}}), token, "mqtt.broker: does not start with one of tcp://"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newHome(t).start(test.options, test.token)
			if code := c.Wait(); code != 2 || strings.Count(c.Output(), "\n") != 1 || !strings.Contains(c.Output(), test.want) {
				t.Errorf("exit code %d:\n%s", code, c.Output())
			}
		})
	}
}

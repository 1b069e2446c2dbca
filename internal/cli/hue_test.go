package cli

import (
	"bytes"
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"hueair2mqtt/collectors/hue/huetest"
	"hueair2mqtt/collectors/hue/pairing"
	"hueair2mqtt/configs"
	"hueair2mqtt/test/harness"
)

// runHue runs a hue command with a finder that stays on this machine.
func runHue(t *testing.T, finder pairing.Finder, stateDir string, args ...string) (stdout string, err error) {
	t.Helper()
	if finder.Browse == nil {
		finder.Browse = func(context.Context, func(pairing.Found)) error { return nil }
	}
	if finder.Service == "" {
		service := httptest.NewServer(huetest.DiscoveryHandler())
		defer service.Close()
		finder.Service = service.URL
	}
	file := filepath.Join(t.TempDir(), "hueair2mqtt.yaml")
	// Broker and Amazon have invalid settings, which must not matter.
	harness.WriteFile(t, file, "mqtt: {broker: ''}\namazon: {interval: 60}\nstate_dir: "+stateDir+"\n", 0o600)
	root := &cobra.Command{SilenceUsage: true, SilenceErrors: true}
	root.PersistentFlags().String("config", file, "")
	root.AddCommand(newHueCommand(finder))
	root.SetArgs(append([]string{"hue"}, args...))
	var out bytes.Buffer
	root.SetOut(&out)
	err = root.ExecuteContext(t.Context())
	return out.String(), err
}

func exitCode(err error) int {
	if err == nil {
		return exitGood
	}
	if _, ok := errors.AsType[failedError](err); ok {
		return exitFailed
	}
	return exitUnusable
}

func newHueServer(t *testing.T, id string) (*huetest.Bridge, *huetest.Server) {
	t.Helper()
	bridge := huetest.NewBridge(id, "a key")
	bridge.SetMotionSensor(huetest.MotionSensor{MAC: "00:17:88:01:02:03:04:05", Name: "Hall", Temperature: 21.34, Motion: true, Lux: 28.6, Battery: 87, Reachable: true})
	bridge.SetDial(huetest.Dial{MAC: "00:17:88:01:02:03:04:06", Name: "Dial", Battery: 33, Reachable: true})
	server := huetest.StartTLS(bridge, huetest.WithSelfSigned())
	t.Cleanup(server.Close)
	return bridge, server
}

func finderOf(servers ...*huetest.Server) pairing.Finder {
	return pairing.Finder{Browse: func(_ context.Context, found func(pairing.Found)) error {
		for _, s := range servers {
			d := s.Discovered()
			found(pairing.Found{ID: d.ID, Host: s.Host()})
		}
		return nil
	}}
}

func TestHueDiscover(t *testing.T) {
	_, a := newHueServer(t, harness.HueID)
	_, b := newHueServer(t, "001788fffe010204")
	out, err := runHue(t, finderOf(b, a), t.TempDir(), "discover")
	if want := harness.HueID + "  BSB002  " + a.Host() + "  1967054020\n001788fffe010204  BSB002  " + b.Host() + "  1967054020\n"; err != nil || out != want {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = runHue(t, pairing.Finder{Service: a.URL + "/nonsense"}, t.TempDir(), "discover")
	if exitCode(err) != exitFailed || out != "" || !strings.Contains(err.Error(), "no Hue bridge was found") || !strings.Contains(err.Error(), "vendor's service") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestHuePair(t *testing.T) {
	bridge, server := newHueServer(t, harness.HueID)
	dir := filepath.Join(t.TempDir(), "new")
	go func() {
		for bridge.RequestsTo("/api") < 2 { // who it is, and whether the button is pressed
			time.Sleep(time.Millisecond)
		}
		bridge.PressLinkButton()
	}()
	out, err := runHue(t, finderOf(server), dir, "pair")
	if err != nil {
		t.Fatal(err, out)
	}
	harness.Contains(t, out, "Hue bridge "+harness.HueID+" (BSB002) at "+server.Host(), "SHA-256 ",
		"Press the link button on the Hue bridge: 30 s left\n", "Paired; the key is in hue.json of "+dir, "Set hue.enabled to true",
		"Hall    00:17:88:01:02:03:04:05  Temperature 21.34 °C, Illuminance 28.6 lx, motion, Battery 87 %\n",
		"Dial    00:17:88:01:02:03:04:06  Battery 33 %, button_1, button_2, button_3, button_4, dial\n",
	)
	text, err := os.ReadFile(filepath.Join(dir, pairing.StateFile))
	if err != nil || !strings.Contains(string(text), harness.HueID) {
		t.Fatalf("%v: %s", err, text)
	}
	_, key, _ := strings.Cut(string(text), `"username": "`)
	key, _, _ = strings.Cut(key, `"`)
	if key == "" || strings.Contains(out, key) {
		t.Errorf("the key %q was shown:\n%s", key, out)
	}

	config := &configs.Config{StateDir: dir, Hue: configs.Hue{Enabled: true}}
	tasks, err := tasksToRun(registry(config))
	if err != nil || len(tasks) != 1 || tasks[0].Collector.Endpoint() != harness.HueID {
		t.Errorf("%+v, %v", tasks, err)
	}
	config.StateDir = t.TempDir()
	if _, err = tasksToRun(registry(config)); err == nil || !strings.Contains(err.Error(), "hue.enabled") || !strings.Contains(err.Error(), "hue pair") {
		t.Error(err)
	}
}

// A bridge that is also announced at a wrong address is paired at the one that answers. If both
// answer, the user chooses.
func TestHuePairLetsUserChooseAddress(t *testing.T) {
	bridge, server := newHueServer(t, harness.HueID)
	_, other := newHueServer(t, "001788fffe010204")
	second := huetest.StartTLS(bridge, huetest.WithSelfSigned())
	defer second.Close()
	at := func(hosts ...string) pairing.Finder {
		return pairing.Finder{Browse: func(_ context.Context, found func(pairing.Found)) error {
			for _, host := range hosts {
				found(pairing.Found{ID: harness.HueID, Host: host})
			}
			return nil
		}}
	}
	bridge.PressLinkButton()
	if out, err := runHue(t, at(other.Host(), server.Host()), t.TempDir(), "pair"); err != nil || !strings.Contains(out, "at "+server.Host()) {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := runHue(t, at(second.Host(), server.Host()), t.TempDir(), "pair"); exitCode(err) != exitUnusable || !strings.Contains(out, second.Host()) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestHuePairNeedsOneBridge(t *testing.T) {
	_, a := newHueServer(t, harness.HueID)
	_, b := newHueServer(t, "001788fffe010204")
	out, err := runHue(t, finderOf(a, b), t.TempDir(), "pair")
	if exitCode(err) != exitUnusable || !strings.Contains(err.Error(), "--host "+a.Host()) || !strings.Contains(out, b.Host()) {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = runHue(t, finderOf(), t.TempDir(), "pair")
	if exitCode(err) != exitFailed || !strings.Contains(err.Error(), "--host") {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = runHue(t, finderOf(), t.TempDir(), "pair", "--host", "127.0.0.1:1")
	if exitCode(err) != exitFailed || !strings.Contains(err.Error(), "refused") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestCountdown(t *testing.T) {
	var out bytes.Buffer
	c := newCountdown(&out)
	for left := pairing.ButtonTime; left > 0; left -= time.Second {
		c.show(left - 3*time.Millisecond)
	}
	c.end()
	if got := strings.Count(out.String(), "\n"); got != 6 || !strings.Contains(out.String(), "button on the Hue bridge:  5 s left\n") {
		t.Errorf("%s", out.String())
	}
}

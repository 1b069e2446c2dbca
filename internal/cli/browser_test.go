//go:build browser

package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hueair2mqtt/collectors/hue/huetest"
	"hueair2mqtt/test/harness"
)

// browse runs a script of test/browser with Node.js. PAGE in its environment is the address of the
// page, CONTROLS that of the controls.
func browse(t *testing.T, script string, environ ...string) {
	t.Helper()
	args := []string{"--test", "--test-reporter=spec", script}
	if !strings.HasSuffix(script, ".test.mjs") {
		args = []string{script}
	}
	cmd := exec.Command("node", args...)
	cmd.Dir = filepath.Join("..", "..", "test", "browser")
	cmd.Env = append(os.Environ(), environ...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v", script, err)
	}
}

// controls serves a path for each change that a script can make in the home.
func (h *testHome) controls() string {
	mux := http.NewServeMux()
	on := func(path string, do func(body string) (string, error)) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			answer := ""
			if err == nil {
				answer, err = do(string(body))
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			fmt.Fprint(w, answer)
		})
	}
	cellar := func(reachable bool) func(string) (string, error) {
		return func(string) (string, error) {
			s := harness.CellarSensor
			s.Reachable = reachable
			h.Hue.SetMotionSensor(s)
			return "", nil
		}
	}
	on("/press", func(string) (string, error) { h.Hue.PressLinkButton(); return "", nil })
	on("/consent", h.Amazon.Consent)
	on("/revoke", func(string) (string, error) { h.Amazon.RevokeTokens(); h.Amazon.KillCookies(); return "", nil })
	on("/cellar/off", cellar(false))
	on("/cellar/on", cellar(true))
	on("/broker/off", func(string) (string, error) { h.Broker.Stop(); return "", nil })
	on("/broker/on", func(string) (string, error) { h.Broker.Start(); return "", nil })
	server := httptest.NewServer(mux)
	h.t.Cleanup(server.Close)
	return server.URL
}

// furnish adds devices and rooms for the pictures.
func (h *testHome) furnish() {
	h.Hue.SetContactSensor(huetest.ContactSensor{MAC: "00:17:88:01:02:03:04:07", Name: "Front door", Battery: 64, Reachable: true})
	h.Hue.SetDial(huetest.Dial{MAC: "00:17:88:01:02:03:04:08", Name: "Dial", Battery: 92, Reachable: true})
	h.Hue.SetRoom("Hall", "00:17:88:01:02:03:04:05", "00:17:88:01:02:03:04:07")
	h.Hue.SetRoom("Cellar", "00:17:88:01:02:03:04:06")
	h.Hue.SetRoom("Living Room", "00:17:88:01:02:03:04:08")
}

func TestInABrowser(t *testing.T) {
	h := newEmptyHome(t, "hue: {interval: 1s, timeout: 1s}\n").findable()
	h.furnish()
	l := h.Broker.Subscribe()
	p := h.run("--web.listen", "127.0.0.1:0", "--hue.enabled", "--amazon.enabled", "--amazon.interval=1s", "--amazon.timeout=1s")
	browse(t, "journey.test.mjs", "PAGE="+servedPage(t, p), "CONTROLS="+h.controls())
	l.WaitFor("hueair2mqtt/"+harness.HallID, `"temperature":21.34`)
	l.WaitFor("hueair2mqtt/"+harness.MonitorID+"/availability", "online")
	harness.Lacks(t, p.Stderr.String(), append(h.Amazon.Secrets(), "hue-key-that")...)
}

func TestSetupInABrowser(t *testing.T) {
	h := newEmptyHome(t, "hue: {interval: 10s, timeout: 10s}\n").findable()
	p := start(t, "setup", "--config", h.Config, "--port", "0")
	harness.Eventually(t, "the link", func() bool { return setupLink.MatchString(p.Stdout.String()) })
	browse(t, "setup.test.mjs", "PAGE="+setupLink.FindString(p.Stdout.String()), "CONTROLS="+h.controls())
}

// TestScreenshots writes the pictures of the documentation to the directory SCREENSHOTS.
func TestScreenshots(t *testing.T) {
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		t.Log("SCREENSHOTS names no folder; nothing to do")
		return
	}
	h := newEmptyHome(t, "hue: {interval: 1s, timeout: 1s}\n").findable()
	h.furnish()
	p := h.run("--web.listen", "127.0.0.1:0", "--hue.enabled", "--amazon.enabled", "--amazon.interval=1s", "--amazon.timeout=1s")
	browse(t, "screenshots.mjs", "PAGE="+servedPage(t, p), "DAY="+serveADay(t), "CONTROLS="+h.controls(), "FOLDER="+folder)
}

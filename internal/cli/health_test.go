package cli

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"hueair2mqtt/test/harness"
)

// healthOf returns the response of a health endpoint.
func healthOf(t *testing.T, url, host string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if len(response.Cookies()) > 0 {
		t.Errorf("%s sets a cookie", url)
	}
	return response.StatusCode, string(text)
}

func TestHealthIsServed(t *testing.T) {
	t.Parallel()
	h := newTestHome(t)
	password := filepath.Join(t.TempDir(), "password")
	harness.WriteFile(t, password, "a long password", 0o600)
	metrics, page := harness.ReserveAddress(t), harness.ReserveAddress(t)
	flags := []string{"--config", h.Config, "--metrics.listen", metrics, "--web.listen", page, "--web.password_file", password}
	p := start(t, append([]string{"run"}, flags...)...)
	for _, address := range []string{metrics, page} {
		for _, path := range []string{"/healthz", "/readyz"} {
			harness.Eventually(t, address+path, func() bool {
				status, body := healthOf(t, "http://"+address+path, "rebinding.example")
				return status == http.StatusOK && body == "ok\n"
			})
		}
	}
	if code, stdout, stderr := run(t, append([]string{"health"}, flags...)...); code != exitGood || stdout != "ok\n" {
		t.Errorf("health: %d %s%s", code, stdout, stderr)
	}

	h.Broker.Stop()
	harness.Eventually(t, "not ready", func() bool {
		status, body := healthOf(t, "http://"+page+"/readyz", page)
		return status == http.StatusServiceUnavailable && body == "there is no connection to the broker\n"
	})
	if status, body := healthOf(t, "http://"+page+"/healthz", page); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}

	// A stopped process accepts connections and does not answer.
	p.Signal(syscall.SIGSTOP)
	code, _, stderr := run(t, append([]string{"health"}, flags...)...)
	if code != exitFailed || !strings.Contains(stderr, "hueair2mqtt does not answer: ") {
		t.Errorf("health of a hung program: %d %s", code, stderr)
	}
	p.Signal(syscall.SIGCONT)
	p.Stop()
	code, _, stderr = run(t, append([]string{"health"}, flags...)...)
	if code != exitFailed || strings.Count(stderr, "\n") != 1 {
		t.Errorf("health of no program: %d %s", code, stderr)
	}
}

func TestHealthNeedsAListener(t *testing.T) {
	t.Parallel()
	h := newTestHome(t)
	code, _, stderr := run(t, "health", "--config", h.Config)
	if code != exitUnusable || !strings.Contains(stderr, "set metrics.listen") {
		t.Errorf("%d %s", code, stderr)
	}
}

func TestReachable(t *testing.T) {
	for listen, want := range map[string]string{
		":9469":          "127.0.0.1:9469",
		"0.0.0.0:9469":   "127.0.0.1:9469",
		"[::]:9469":      "[::1]:9469",
		"localhost:9469": "localhost:9469",
		"127.0.0.1:9469": "127.0.0.1:9469",
		"[::1]:9469":     "[::1]:9469",
	} {
		if got := reachable(listen); got != want {
			t.Errorf("%s: %s, want %s", listen, got, want)
		}
	}
}

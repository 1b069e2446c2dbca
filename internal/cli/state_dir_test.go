package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hueair2mqtt/test/harness"
)

// TestReadableCredentialsAreReported checks that readable credentials are used and reported with a
// remedy.
func TestReadableCredentialsAreReported(t *testing.T) {
	h := newEmptyHome(t, "")
	h.signIn()
	message := "other users can read a file with secrets: run chmod 600 on it"
	p := h.run("--amazon.enabled")
	p.Logs(`"good": true`)
	if strings.Contains(p.Stderr.String(), message) {
		t.Error("it warns though all is well")
	}
	p.Stop()
	if err := os.Chmod(h.StateFile("amazon.json"), 0o644); err != nil {
		t.Fatal(err)
	}
	p = h.run("--amazon.enabled")
	p.Logs(`"good": true`)
	if log := p.Stderr.String(); !strings.Contains(log, message) || !strings.Contains(log, h.StateFile("amazon.json")) {
		t.Errorf("the log does not report it:\n%s", log)
	}
}

// TestReplaceableCredentialsAreRejected checks that credentials that others may write are not used:
// who writes them decides which servers the program talks to.
func TestReplaceableCredentialsAreRejected(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(file string) error
		message string
	}{
		"a link": {func(file string) error {
			if err := os.Rename(file, file+".elsewhere"); err != nil {
				return err
			}
			return os.Symlink(file+".elsewhere", file)
		}, "symbolic link, which is not followed"},
		"a file that all may write": {func(file string) error { return os.Chmod(file, 0o666) }, "other users may write to it (mode 0666)"},
	} {
		t.Run("amazon.json is "+name, func(t *testing.T) {
			h := newEmptyHome(t, "")
			h.signIn()
			if err := test.change(h.StateFile("amazon.json")); err != nil {
				t.Fatal(err)
			}
			requests := h.Amazon.Requests("")
			p := h.run("--amazon.enabled")
			p.Logs(test.message)
			if n := h.Amazon.Requests(""); n != requests {
				t.Errorf("%d requests were sent", n-requests)
			}
		})
		t.Run("hue.json is "+name, func(t *testing.T) {
			h := newTestHome(t)
			file := h.StateFile("hue.json")
			harness.WriteFile(t, file, `{"bridges":[]}`, 0o600)
			if err := test.change(file); err != nil {
				t.Fatal(err)
			}
			code, _, stderr := run(t, "run", "--config", h.Config)
			if code != exitUnusable || !strings.Contains(stderr, test.message) {
				t.Errorf("exit code %d: %s", code, stderr)
			}
		})
	}
}

// TestWritableSecretsAreReported starts with a password file that everybody may change.
func TestWritableSecretsAreReported(t *testing.T) {
	dir := t.TempDir()
	config, password := filepath.Join(dir, "hueair2mqtt.yaml"), filepath.Join(dir, "password")
	text := "mqtt: {broker: 'tcp://127.0.0.1:1', username: u, password_file: " + password + "}\n" +
		"hue: {enabled: true, bridges: [{host: 'http://127.0.0.1:1', username: key}]}\nstate_dir: " + dir + "\n"
	if err := errors.Join(os.WriteFile(config, []byte(text), 0o600), os.WriteFile(password, []byte("x"), 0o600), os.Chmod(password, 0o666)); err != nil {
		t.Fatal(err)
	}
	p := start(t, "run", "--config", config)
	harness.Eventually(t, "a warning", func() bool {
		return strings.Contains(p.Stderr.String(), "every user of this machine may change "+password) && strings.Contains(p.Stderr.String(), "chmod 600 "+password)
	})
}

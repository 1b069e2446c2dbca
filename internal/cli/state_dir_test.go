package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestCredentialsThatOthersCanRead are used, since a house without readings helps
// nobody, and told of with what to do.
func TestCredentialsThatOthersCanRead(t *testing.T) {
	h := newSignInHouse(t, "")
	h.write(strings.Replace(h.content(), "amazon:\n", "amazon:\n  enabled: true\n", 1))
	h.signIn()
	told := "other users can read a file with secrets: run chmod 600 on it"
	p := start(t, "run", "--config", h.config)
	eventually(t, "a poll", func() bool { return strings.Contains(p.stderr.String(), `"good": true`) })
	if strings.Contains(p.stderr.String(), told) {
		t.Error("it warns though all is well")
	}
	p.signal(syscall.SIGTERM)
	p.wait()
	if err := os.Chmod(h.file(), 0o644); err != nil {
		t.Fatal(err)
	}
	p = start(t, "run", "--config", h.config)
	eventually(t, "a poll", func() bool { return strings.Contains(p.stderr.String(), `"good": true`) })
	if log := p.stderr.String(); !strings.Contains(log, told) || !strings.Contains(log, h.file()) {
		t.Errorf("the log does not tell:\n%s", log)
	}
}

// TestCredentialsThatOthersCanReplace are not used: whoever writes them decides
// whom the program talks to.
func TestCredentialsThatOthersCanReplace(t *testing.T) {
	for name, test := range map[string]struct {
		change func(file string) error
		told   string
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
			h := newSignInHouse(t, "")
			h.write(strings.Replace(h.content(), "amazon:\n", "amazon:\n  enabled: true\n", 1))
			h.signIn()
			if err := test.change(h.file()); err != nil {
				t.Fatal(err)
			}
			requests := h.amazon.Requests("")
			p := start(t, "run", "--config", h.config)
			eventually(t, "the alert", func() bool { return strings.Contains(p.stderr.String(), test.told) })
			if n := h.amazon.Requests(""); n != requests {
				t.Errorf("%d requests were sent", n-requests)
			}
		})
		t.Run("hue.json is "+name, func(t *testing.T) {
			h := newHouse(t)
			file := filepath.Join(h.stateDir, "hue.json")
			if err := os.WriteFile(file, []byte(`{"bridges":[]}`), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := test.change(file); err != nil {
				t.Fatal(err)
			}
			code, _, stderr := run(t, "run", "--config", h.config)
			if code != exitUnusable || !strings.Contains(stderr, test.told) {
				t.Errorf("exit code %d: %s", code, stderr)
			}
		})
	}
}

// content is the configuration file's.
func (h *signInHouse) content() string {
	h.t.Helper()
	content, err := os.ReadFile(h.config)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(content)
}

func (h *signInHouse) write(content string) {
	h.t.Helper()
	if err := os.WriteFile(h.config, []byte(content), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// TestSecretsThatOthersCanChange has a password that everybody may change: it is
// reported at the start.
func TestSecretsThatOthersCanChange(t *testing.T) {
	dir := t.TempDir()
	config, password := filepath.Join(dir, "hueair2mqtt.yaml"), filepath.Join(dir, "password")
	text := "mqtt: {broker: 'tcp://127.0.0.1:1', username: u, password_file: " + password + "}\n" +
		"hue: {enabled: true, bridges: [{host: 'http://127.0.0.1:1', username: key}]}\nstate_dir: " + dir + "\n"
	if err := errors.Join(os.WriteFile(config, []byte(text), 0o600), os.WriteFile(password, []byte("x"), 0o600), os.Chmod(password, 0o666)); err != nil {
		t.Fatal(err)
	}
	p := start(t, "run", "--config", config)
	eventually(t, "a warning", func() bool {
		return strings.Contains(p.stderr.String(), "every user of this machine may change "+password) && strings.Contains(p.stderr.String(), "chmod 600 "+password)
	})
}

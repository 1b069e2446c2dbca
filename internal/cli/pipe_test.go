package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A pipe in the place of a file blocks neither the start nor the end.
func TestPipeInsteadOfFileBlocksNothing(t *testing.T) {
	settings := map[string]string{
		"mqtt.password_file": "mqtt: {broker: 'tcp://127.0.0.1:1', username: u, password_file: PIPE}",
		"mqtt.ca_file":       "mqtt: {broker: 'ssl://127.0.0.1:1', ca_file: PIPE}",
		"mqtt.crl_file":      "mqtt: {broker: 'ssl://127.0.0.1:1', crl_file: PIPE}",
		"mqtt.cert_file":     "mqtt: {broker: 'ssl://127.0.0.1:1', cert_file: PIPE, key_file: FILE}",
		"mqtt.key_file":      "mqtt: {broker: 'ssl://127.0.0.1:1', cert_file: FILE, key_file: PIPE}",
		"log.file":           "log: {file: PIPE}",
		"web.password_file":  "web: {listen: '0.0.0.0:0', password_file: PIPE}",
		"alert.email.password_file": "alert: {email: {smtp: 'mail.example:587', from: a@b.example, to: [a@b.example], " +
			"username: u, password_file: PIPE}}",
		"the configuration": "",
	}
	for name, text := range settings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			pipe, file, config := filepath.Join(dir, "pipe"), filepath.Join(dir, "file"), filepath.Join(dir, "hueair2mqtt.yaml")
			text := strings.NewReplacer("PIPE", pipe, "FILE", file).Replace(text) +
				"\nhue: {enabled: true, bridges: [{host: 'http://127.0.0.1:1', username: key}]}\nstate_dir: " + dir + "\n"
			if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.WriteFile(file, []byte("x"), 0o600), os.WriteFile(config, []byte(text), 0o600)); err != nil {
				t.Fatal(err)
			}
			if name == "the configuration" {
				config = pipe
			}
			for _, command := range []string{"run", "check"} {
				code, stdout, stderr := run(t, command, "--config", config)
				if out := stdout + stderr; code == exitGood || !strings.Contains(out, "regular file") && !strings.Contains(out, "ordinary file") {
					t.Errorf("%s: exit code %d: %s", command, code, out)
				}
			}
		})
	}
	for _, name := range []string{"hue.json", "amazon.json", "ALERT_HUE_PAIRING_NEEDED.txt", "history", "amazon cookies"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			pipe, config := filepath.Join(dir, name), filepath.Join(dir, "hueair2mqtt.yaml")
			text := "mqtt: {broker: 'tcp://127.0.0.1:1'}\nhistory: {enabled: true}\namazon: {enabled: true, domain: amazon.co.uk, cookies_file: '" + filepath.Join(dir, "amazon cookies") +
				"', endpoints: {alexa: 'http://127.0.0.1:1'}}\nhue: {enabled: true, bridges: [{host: 'http://127.0.0.1:1', username: key}]}\nstate_dir: " + dir + "\n"
			if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.WriteFile(config, []byte(text), 0o600)); err != nil {
				t.Fatal(err)
			}
			p := start(t, "run", "--config", config)
			p.Logs(pipe)
			p.Stop()
		})
	}
}

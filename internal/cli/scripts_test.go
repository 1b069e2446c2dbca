package cli

import (
	"path/filepath"
	"testing"

	"hueair2mqtt/test/harness"
)

// The package's scripts run this before they remove the service's user.
func TestDirectories(t *testing.T) {
	for name, test := range map[string]struct {
		content, want string
		code          int
	}{
		"default":     {"{}", "/var/lib/hueair2mqtt\n", exitGood},
		"own":         {"state_dir: /srv/air/../other\nlog: {file: /var/log/other/air.log}\n", "/srv/other\n/var/log/other\n", exitGood},
		"not usable":  {"state_dir: ''\n", "", exitUnusable},
		"other fault": {"mqtt: {broker: ''}\nstate_dir: /srv/air\n", "/srv/air\n", exitGood},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "config.yaml")
			harness.WriteFile(t, file, test.content, 0o600)
			if code, stdout, stderr := run(t, "directories", "--config", file); code != test.code || stdout != test.want {
				t.Errorf("exit code %d, printed %q\n%s", code, stdout, stderr)
			}
		})
	}
}

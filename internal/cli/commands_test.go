package cli

import (
	"path/filepath"
	"strings"
	"testing"

	"hueair2mqtt/test/harness"
)

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		file := filepath.Join(dir, name)
		harness.WriteFile(t, file, content, 0o600)
		return file
	}
	faulty := write("faulty.yaml", "mqtt: {brocker: x}\nhue: {interval: 60}\nlog: {level: loud}\n")
	nothing := write("nothing.yaml", "mqtt: {broker: 'tcp://127.0.0.1:1'}\nhue: {enabled: true, timeout: 1s, bridges: [{host: '127.0.0.1:1', username: key}]}\nstate_dir: "+dir+"\n")
	for name, test := range map[string]struct {
		args []string
		code int
		says []string
	}{
		"no such command":   {[]string{"fly"}, exitUnusable, []string{"fly", "hueair2mqtt --help"}},
		"no such flag":      {[]string{"run", "--fast"}, exitUnusable, []string{"--fast", "hueair2mqtt run --help"}},
		"surplus argument":  {[]string{"run", "now"}, exitUnusable, []string{"now", "hueair2mqtt run --help"}},
		"no id":             {[]string{"hue", "forget"}, exitUnusable, []string{"hueair2mqtt hue forget ID"}},
		"no such file":      {[]string{"run", "--config", filepath.Join(dir, "none.yaml")}, exitUnusable, []string{"none.yaml", "--config"}},
		"every fault":       {[]string{"run", "--config", faulty}, exitUnusable, []string{"mqtt.brocker", "hue.interval", "60s", "log.level"}},
		"check, faulty":     {[]string{"check", "--config", faulty}, exitUnusable, []string{"mqtt.brocker", "hue.interval"}},
		"check, nothing":    {[]string{"check", "--config", nothing}, exitFailed, []string{"fail  broker", "tcp://127.0.0.1:1: dial tcp", "fail  hue", "pass  state directory", "check mqtt.broker"}},
		"remove, nothing":   {[]string{"discovery", "remove", "--config", nothing}, exitFailed, []string{"check mqtt.broker"}},
		"version":           {[]string{"version"}, exitGood, []string{"hueair2mqtt "}},
		"help":              {[]string{"--help"}, exitGood, []string{"demo", "check"}},
		"demo for no time":  {[]string{"demo", "--for", "-1s"}, exitUnusable, []string{"--for"}},
		"demo, wrong words": {[]string{"demo", "--for", "soon"}, exitUnusable, []string{"soon"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := run(t, test.args...)
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			for _, text := range test.says {
				if !strings.Contains(stdout+stderr, text) {
					t.Errorf("says nothing of %q:\n%s%s", text, stdout, stderr)
				}
			}
		})
	}
}

func TestEveryFaultHasALineOfItsOwn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "faulty.yaml")
	harness.WriteFile(t, file, "mqtt: {brocker: x}\nhue: {interval: 60}\nlog: {level: loud}\n", 0o600)
	_, _, stderr := run(t, "run", "--config", file)
	for _, path := range []string{"mqtt.brocker", "hue.interval", "log.level"} {
		lines := 0
		for line := range strings.Lines(stderr) {
			if strings.HasPrefix(line, path) {
				lines++
			}
		}
		if lines != 1 {
			t.Errorf("%d lines begin with %s:\n%s", lines, path, stderr)
		}
	}
}

func TestDemoShowsTheMainJobAndEnds(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := run(t, "demo", "--for", "10s")
	if code != exitGood {
		t.Errorf("exit code %d", code)
	}
	harness.Contains(t, stdout, "mosquitto_sub -h 127.0.0.1 -p ",
		`announces "Hall" to Home Assistant`,
		`announces "Living Room Air" to Home Assistant`,
		"temperature=20.5",
		"hueair2mqtt/amazon/problem",
		"problem=true",
	)
	raised := strings.Index(stdout, "problem=true")
	if recovered := strings.LastIndex(stdout, "hueair2mqtt/amazon/problem"); raised < 0 || recovered < raised {
		t.Error("the authentication failure does not end")
	}
	if !strings.Contains(stderr, "critical") {
		t.Errorf("no critical line:\n%s", stderr)
	}
	if !strings.HasSuffix(strings.TrimSpace(stdout), "offline") {
		t.Error("the last word is not offline")
	}
}

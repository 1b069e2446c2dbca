package configs_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"hueair2mqtt/configs"
)

// TestDefaults has the documented defaults. The default file changes only the names of
// button events: after an upgrade, automations need the old ones.
func TestDefaults(t *testing.T) {
	want := &configs.Config{
		MQTT:          configs.MQTT{Broker: "tcp://localhost:1883", BaseTopic: "hueair2mqtt"},
		HomeAssistant: configs.HomeAssistant{Discovery: true, Prefix: "homeassistant"},
		Hue:           configs.Hue{Interval: 60 * time.Second, Timeout: 10 * time.Second, ButtonEvents: "hue"},
		Amazon: configs.Amazon{
			Enabled: true, CookiesFile: "/cookies.json", // of minimal
			Domain: "amazon.co.uk", Interval: 300 * time.Second, Timeout: 30 * time.Second,
		},
		Retry:    configs.Retry{Attempts: 3, BaseDelay: time.Second, Multiplier: 2, MaxDelay: 30 * time.Second, Jitter: 0.1},
		History:  configs.History{MaxAge: 168 * time.Hour, MaxMegabytes: 64},
		StateDir: "/var/lib/hueair2mqtt",
		Log:      configs.Log{Level: "info", Format: "auto"},
	}
	for name, file := range map[string]string{"none": "", "default": write(t, string(configs.Default))} {
		got, err := configs.Load(file, minimal, nil)
		if err != nil {
			t.Fatal(err)
		}
		want.Hue.ButtonEvents = map[string]string{"none": "hue", "default": "standard"}[name]
		if !reflect.DeepEqual(got, want) {
			t.Errorf("with file %s: got %#v, want %#v", name, got, want)
		}
	}
}

// TestDefaultFileUnchanged starts the program with the unedited file.
func TestDefaultFileUnchanged(t *testing.T) {
	c, err := configs.Load(write(t, string(configs.Default)), nil, nil)
	if found := faultsOf(t, c, err); len(found) != 1 || found[0].Path != "hue.enabled" {
		t.Errorf("got %v", err)
	}
}

var example = regexp.MustCompile(`(?m)^( *)#([^ #\n]|  )`)

// TestDefaultFileExamples removes the # of every example in the default file. The
// result must have every key and be valid.
func TestDefaultFileExamples(t *testing.T) {
	content := example.ReplaceAllString(string(configs.Default), "$1$2")
	content = regexp.MustCompile(`(?m)^ *password: .*\n`).ReplaceAllString(content, "") // one of password and password_file
	content = strings.ReplaceAll(content, "tcp://localhost:1883", "ssl://localhost:8883")
	content = strings.ReplaceAll(content, "enabled: false", "enabled: true")
	dir := t.TempDir()
	for _, name := range []string{"ca.pem", "crl.pem", "client.pem", "client.key", "mqtt-password", "mail-password", "web-password"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("a password"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	content = strings.ReplaceAll(content, "/etc/hueair2mqtt", dir)
	c := load(t, content)
	if len(c.Hue.Bridges) != 1 || len(c.Hue.Areas) != 2 || len(c.Alert.Email.To) != 1 || len(c.Web.Hosts) != 1 {
		t.Errorf("examples are missing in %#v", c)
	}

	var there map[string]any
	if err := yaml.Unmarshal([]byte(content), &there); err != nil {
		t.Fatal(err)
	}
	keys(reflect.ValueOf(*c), "", func(path string, _ reflect.Value) {
		var node any = there
		for _, name := range strings.Split(path, ".") {
			section, _ := node.(map[string]any)
			node = section[name]
		}
		if node == nil && path != "mqtt.password" {
			t.Errorf("the default file lacks %s", path)
		}
	})
	if !strings.Contains(string(configs.Default), "\n  #password: ") {
		t.Error("the default file lacks mqtt.password")
	}
}

// TestDefaultFileFitsTerminal: every line fits a terminal.
func TestDefaultFileFitsTerminal(t *testing.T) {
	lines := strings.Split(string(configs.Default), "\n")
	if i := slices.IndexFunc(lines, func(line string) bool { return len(line) > 80 || strings.ContainsAny(line, "\t\r") }); i >= 0 {
		t.Errorf("line %d is too long or has a tab: %q", i+1, lines[i])
	}
}

package configs_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v3"

	"hueair2mqtt/configs"
)

// token is what the Supervisor gives an app.
var token = []string{"SUPERVISOR_TOKEN=token"}

func options(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "options.json")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestLoadApp(t *testing.T) {
	environ := append(token, "HUEAIR2MQTT_STATE_DIR=/data")
	_, err := configs.LoadApp(options(t, `{
  "hue": {"enabled": true, "interval": "30s"},
  "amazon": {"enabled": true, "domain": "amazon.de"},
  "mqtt": {},
  "log": {"level": "debug"},
  "web": {"listen": "0.0.0.0:80", "trust_ingress": false}
}`), environ, nil)
	if err == nil || !strings.Contains(err.Error(), "web.password_file") {
		t.Errorf("a page without a password: %v", err)
	}
	c, err := configs.LoadApp(options(t, `{
  "hue": {"enabled": true, "interval": "30s"},
  "amazon": {"enabled": true, "domain": "amazon.de"},
  "mqtt": {"base_topic": "home"},
  "log": {"level": "debug"}
}`), environ, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.App.Token != "token" || !c.App.AskBroker || c.MQTT.Broker != "" || c.MQTT.BaseTopic != "home" || c.Log.Level != "debug" || c.StateDir != "/data" {
		t.Errorf("%+v", c)
	}
	if c.Web.Listen != ":8099" || !c.Web.TrustIngress || c.Web.Password != "" {
		t.Errorf("%+v", c.Web)
	}
	c, err = configs.LoadApp(options(t, `{"hue": {"enabled": true}, "mqtt": {"broker": "mqtt://192.0.2.1", "username": "me", "password": "secret"}}`), environ, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.App.AskBroker || c.MQTT.Broker != "mqtt://192.0.2.1:1883" || c.MQTT.Password != "secret" {
		t.Errorf("%+v", c.MQTT)
	}
}

// An app is a new installation, and its user can only set options.
func TestAppDefaultOptions(t *testing.T) {
	text, err := os.ReadFile("../packaging/homeassistant/hueair2mqtt/config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var app struct {
		Options map[string]any `yaml:"options"`
	}
	if err := yaml.Unmarshal(text, &app); err != nil {
		t.Fatal(err)
	}
	chosen, err := json.Marshal(app.Options)
	if err != nil {
		t.Fatal(err)
	}
	c, err := configs.LoadApp(options(t, string(chosen)), token, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := app.Options["hue"].(map[string]any)["lights"]; !ok || c.Hue.ButtonEvents != "standard" || c.Hue.Lights {
		t.Errorf("options %v: button events %q, lights %t", app.Options["hue"], c.Hue.ButtonEvents, c.Hue.Lights)
	}
}

func TestLoadAppWithBadOptions(t *testing.T) {
	const save = "open the Configuration tab of this app in Home Assistant and save it"
	pipe := filepath.Join(t.TempDir(), "options.json")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := configs.LoadApp(options(t, `{"hue": {"enabled": true}}`), nil, nil); err == nil || !strings.Contains(err.Error(), "SUPERVISOR_TOKEN is not set") {
		t.Errorf("without a token: %v", err)
	}
	for name, test := range map[string]struct{ file, problem, remedy string }{
		"missing":           {filepath.Join(t.TempDir(), "options.json"), "no such file or directory", save},
		"a directory":       {t.TempDir(), "is a directory", save},
		"a pipe":            {pipe, "not a regular file", save},
		"empty":             {options(t, ""), "is damaged", save},
		"cut off":           {options(t, `{"mqtt": {"bro`), "is damaged", save},
		"a list":            {options(t, `[]`), "is damaged", save},
		"an unknown option": {options(t, `{"hue": {"enabled": true}, "colour": "red"}`), "colour", ""},
		"nothing to read":   {options(t, `{"hue": {"enabled": false}}`), "hue.enabled", ""},
		"a bad broker":      {options(t, `{"hue": {"enabled": true}, "mqtt": {"broker": "http://x"}}`), "mqtt.broker", ""},
	} {
		_, err := configs.LoadApp(test.file, token, nil)
		if err == nil || !strings.Contains(err.Error(), test.problem) || !strings.Contains(err.Error(), test.remedy) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

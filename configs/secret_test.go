package configs_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	"go.yaml.in/yaml/v3"

	"hueair2mqtt/configs"
)

func TestSecretIsNeverShown(t *testing.T) {
	const text = "hunter2"
	c := full(t)
	c.MQTT.Password, c.Alert.Email.Password = text, text
	for i := range c.Hue.Bridges {
		c.Hue.Bridges[i].Username = text
	}

	shown := map[string]string{}
	for name, value := range map[string]any{"secret": configs.Secret(text), "configuration": c, "pointer": &c} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%e", "%c", "%U", "%10.3v"} {
			shown[name+" "+verb] = fmt.Sprintf(verb, value)
		}
		asJSON, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		asYAML, err := yaml.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		shown[name+" JSON"], shown[name+" YAML"] = string(asJSON), string(asYAML)
		core, logs := observer.New(zapcore.DebugLevel)
		zap.New(core).Info("", zap.Any("value", value))
		shown[name+" zap"] = fmt.Sprint(logs.All()[0].ContextMap())
	}
	shown["map key"] = fmt.Sprint(map[configs.Secret]int{text: 1})
	for how, got := range shown {
		if strings.Contains(got, text) || strings.Contains(strings.ToLower(got), fmt.Sprintf("%x", text)) {
			t.Errorf("%s shows the secret: %s", how, got)
		}
	}

	for _, test := range []struct{ how, got, want string }{
		{"%v", fmt.Sprintf("%v", configs.Secret(text)), "[redacted]"},
		{"%#v", fmt.Sprintf("%#v", configs.Secret(text)), `"[redacted]"`},
		{"GoString", configs.Secret(text).GoString(), `"[redacted]"`},
		{"%q", fmt.Sprintf("%q", configs.Secret(text)), `"[redacted]"`},
		{"JSON", shown["secret JSON"], `"[redacted]"`},
		{"YAML", shown["secret YAML"], "'[redacted]'\n"},
		{"none", configs.Secret("").String(), ""},
		{"Reveal", configs.Secret(text).Reveal(), text},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %s, want %s", test.how, test.got, test.want)
		}
	}
	asText, err := configs.Secret(text).MarshalText()
	if err != nil || string(asText) != "[redacted]" {
		t.Errorf("MarshalText: got %q, %v", asText, err)
	}
}

// TestFaultsContainNoSecret breaks each key in turn, everywhere, while every
// secret is set.
func TestFaultsContainNoSecret(t *testing.T) {
	c := full(t)
	content := tree(t, &c)
	secrets := []string{c.MQTT.Password.Reveal(), "key one", "key two", "secret of"}
	keys(reflect.ValueOf(c), "", func(path string, field reflect.Value) {
		for _, wrong := range []string{"", "\x01", "[", "hunter2", "key one", "secret of nothing", "*hunter2", "{hunter2: key two}"} {
			_, err := configs.Load(write(t, content), []string{variable(path) + "=" + wrong}, nil)
			if err == nil {
				continue // a text may be anything
			}
			shown := err.Error()
			switch field.Interface().(type) {
			case configs.Secret, []configs.HueBridge:
			default:
				// What is wrong with a key that is no secret may be shown.
				shown = strings.ReplaceAll(shown, fmt.Sprintf("%q", wrong), "")
			}
			for _, secret := range secrets {
				if strings.Contains(shown, secret) {
					t.Errorf("%s=%s gives %s", path, wrong, shown)
				}
			}
		}
	})
}

package configs_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"hueair2mqtt/configs"
)

// keys visits the fields below v that are not sections, with the path of their key.
func keys(v reflect.Value, path string, visit func(path string, field reflect.Value)) {
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("koanf")
		if name == "-" {
			continue
		}
		name = strings.TrimPrefix(path+"."+name, ".")
		if v.Field(i).Kind() == reflect.Struct {
			keys(v.Field(i), name, visit)
		} else {
			visit(name, v.Field(i))
		}
	}
}

func variable(path string) string {
	return "HUEAIR2MQTT_" + strings.ToUpper(strings.ReplaceAll(path, ".", "__"))
}

// full returns a configuration in which no key has its default. Its files are in a
// temporary directory.
func full(t *testing.T) configs.Config {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"ca.pem", "crl.pem", "cert.pem", "key.pem", "mail", "web"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("secret of "+name+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return configs.Config{
		MQTT: configs.MQTT{
			Broker: "ssl://broker.example.org:8884", Username: "me", Password: "hunter2", ClientID: "attic",
			CAFile: filepath.Join(dir, "ca.pem"), CRLFile: filepath.Join(dir, "crl.pem"), CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem"),
			BaseTopic: "home/air",
		},
		HomeAssistant: configs.HomeAssistant{Discovery: false, Prefix: "ha"},
		Hue: configs.Hue{
			Enabled: true, Interval: 90 * time.Second, Timeout: 1500 * time.Millisecond,
			Lights: true, ButtonEvents: "standard",
			Bridges: []configs.HueBridge{
				{Host: "192.168.1.2:8080", ID: "001788fffe09a1b2", Username: "key one"},
				{Host: "https://hue.local", Username: "key two"},
			},
			Areas: map[string]string{"00:17:88:01:02:03:04:05": "Hall"},
		},
		Amazon: configs.Amazon{
			Enabled: true, Domain: "amazon.co.jp", Interval: time.Hour, Timeout: time.Minute, CookiesFile: "/cookies.json",
			Areas:     map[string]string{"G0913K0123456789": "Living Room", "a.b__c": "Küche"},
			Endpoints: configs.AmazonEndpoints{Alexa: "http://127.0.0.1:1", Auth: "https://[::1]:2/auth"},
		},
		Retry: configs.Retry{Attempts: 7, BaseDelay: 2 * time.Second, Multiplier: 1.5, MaxDelay: time.Minute, Jitter: 0.25},
		Alert: configs.Alert{Email: configs.Email{
			SMTP: "mail.example.org:587", From: "Air <air@example.org>", To: []string{"a@example.org", "b@example.org"},
			Username: "air", PasswordFile: filepath.Join(dir, "mail"), Password: "secret of mail",
		}},
		Web: configs.Web{
			Listen: "0.0.0.0:8467", PasswordFile: filepath.Join(dir, "web"), Password: "secret of web",
			BasePath: "/air", TrustIngress: true, Hosts: []string{"air.example.org"},
			TrustedProxies: []string{"127.0.0.1", "172.30.32.0/23"},
			Proxies:        []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("172.30.32.0/23")},
		},
		History:  configs.History{Enabled: true, MaxAge: 24 * time.Hour, MaxMegabytes: 5},
		Metrics:  configs.Metrics{Listen: "127.0.0.1:9469", Hosts: []string{"air.example.org"}},
		StateDir: "/tmp/state",
		Log:      configs.Log{Level: "debug", Format: "json", File: "/tmp/log/hueair2mqtt.log"},
	}
}

// text returns a value as in the file or a variable: secrets in the clear, lists and
// areas on one line.
func text(t *testing.T, field reflect.Value) string {
	t.Helper()
	switch value := field.Interface().(type) {
	case configs.Secret:
		return value.Reveal()
	case []configs.HueBridge:
		var parts []string
		for _, b := range value {
			parts = append(parts, fmt.Sprintf("{host: %q, id: %q, username: %q}", b.Host, b.ID, b.Username.Reveal()))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case []string, map[string]string:
		content, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	default:
		return fmt.Sprint(value)
	}
}

// tree returns a configuration as the text of its file.
func tree(t *testing.T, c *configs.Config) string {
	t.Helper()
	root := map[string]any{}
	keys(reflect.ValueOf(*c), "", func(path string, field reflect.Value) {
		node := root
		names := strings.Split(path, ".")
		for _, name := range names[:len(names)-1] {
			if node[name] == nil {
				node[name] = map[string]any{}
			}
			node = node[name].(map[string]any)
		}
		value := yaml.Node{}
		written := text(t, field)
		if field.Kind() == reflect.String {
			written = fmt.Sprintf("%q", written)
		}
		if err := yaml.Unmarshal([]byte(written), &value); err != nil {
			t.Fatal(err)
		}
		node[names[len(names)-1]] = value.Content[0]
	})
	content, err := yaml.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// minimal makes the defaults a valid configuration.
var minimal = []string{"HUEAIR2MQTT_AMAZON__ENABLED=true", "HUEAIR2MQTT_AMAZON__COOKIES_FILE=/cookies.json"}

func TestFileRoundTrip(t *testing.T) {
	want := full(t)
	keys(reflect.ValueOf(want), "", func(path string, field reflect.Value) {
		if field.IsZero() && path != "homeassistant.discovery" && path != "mqtt.password_file" {
			t.Errorf("%s is not tried", path)
		}
	})
	if got := load(t, tree(t, &want)); !reflect.DeepEqual(*got, want) {
		t.Errorf("got  %#v\nwant %#v", *got, want)
	}
}

// TestEnvironmentForEveryKey sets every key by a variable.
func TestEnvironmentForEveryKey(t *testing.T) {
	want := full(t)
	var environ []string
	keys(reflect.ValueOf(want), "", func(path string, field reflect.Value) {
		environ = append(environ, variable(path)+"="+text(t, field))
	})
	environ = append(environ, "HUEAIR2MQTT_CONFIG=/elsewhere", "HUEAIR2MQTT_TEST_BROKER=x", "HOME=/root", "HUEAIR2MQTT")
	got, err := configs.Load("", environ, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("got  %#v\nwant %#v", *got, want)
	}
}

// TestFlagForEveryScalar sets every flag. Lists and secrets have none.
func TestFlagForEveryScalar(t *testing.T) {
	want := full(t)
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	fs.String("config", "", "a flag of somebody else")
	configs.AddFlags(fs)
	var arguments, environ []string
	keys(reflect.ValueOf(want), "", func(path string, field reflect.Value) {
		_, secret := field.Interface().(configs.Secret)
		scalar := !secret && field.Kind() != reflect.Slice && field.Kind() != reflect.Map
		flag := fs.Lookup(path)
		switch {
		case scalar != (flag != nil):
			t.Errorf("--%s: is there: %v, want %v", path, flag != nil, scalar)
		case scalar:
			arguments = append(arguments, "--"+path+"="+text(t, field))
			if flag.Usage == "" {
				t.Errorf("--%s has no usage text", path)
			}
		default:
			environ = append(environ, variable(path)+"="+text(t, field))
		}
	})
	if err := fs.Parse(append(arguments, "--config=x")); err != nil {
		t.Fatal(err)
	}
	got, err := configs.Load("", environ, fs)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("got  %#v\nwant %#v", *got, want)
	}
}

func TestFlagUsage(t *testing.T) {
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	configs.AddFlags(fs)
	usage := regexp.MustCompile(` +`).ReplaceAllString(fs.FlagUsages(), " ")
	for _, line := range []string{
		" --mqtt.broker string address of the MQTT broker (default \"tcp://localhost:1883\")\n",
		" --hue.interval duration time between two polls of a Hue bridge (default 1m0s)\n",
		" --hue.enabled read Philips Hue bridges\n",
	} {
		if !strings.Contains(usage, line) {
			t.Errorf("no line %q in\n%s", line, usage)
		}
	}
	if err := fs.Parse([]string{"--hue.enabled"}); err != nil {
		t.Fatal(err)
	}
	c, err := configs.Load("", []string{"HUEAIR2MQTT_HUE__BRIDGES=[{host: a, username: k}]"}, fs)
	if err != nil || !c.Hue.Enabled {
		t.Errorf("a switch alone: got %v, %v", c, err)
	}
}

func TestPrecedence(t *testing.T) {
	const path = "log.level"
	for _, test := range []struct {
		file, environment, flag, want string
	}{
		{"", "", "", "info"},
		{"warn", "", "", "warn"},
		{"warn", "error", "", "error"},
		{"warn", "error", "debug", "debug"},
		{"", "error", "", "error"},
		{"warn", "", "debug", "debug"},
		{"", "", "debug", "debug"},
	} {
		content, environ := sound, []string(nil)
		fs := pflag.NewFlagSet("", pflag.ContinueOnError)
		configs.AddFlags(fs)
		if test.file != "" {
			content += "log: {level: " + test.file + "}"
		}
		if test.environment != "" {
			environ = append(environ, variable(path)+"="+test.environment)
		}
		if test.flag != "" {
			if err := fs.Set(path, test.flag); err != nil {
				t.Fatal(err)
			}
		}
		c, err := configs.Load(write(t, content), environ, fs)
		if err != nil {
			t.Fatal(err)
		}
		if c.Log.Level != test.want || c.Log.Format != "auto" {
			t.Errorf("%+v: got %+v", test, c.Log)
		}
	}
}

func TestVariablesReplaceListsAndAreas(t *testing.T) {
	const file = `
hue:
  enabled: true
  bridges:
    - {host: a, username: one}
    - {host: b}
  areas: {"00:17:88:01:02:03:04:05": Hall}
amazon:
  areas: {x.y: Loo}
`
	c := load(t, file,
		"HUEAIR2MQTT_HUE__BRIDGES=[{host: z, username: whole}]", "HUEAIR2MQTT_HUE__AREAS={}",
		"HUEAIR2MQTT_AMAZON__AREAS={a__b: Attic}",
		"HUEAIR2MQTT_ALERT__EMAIL__SMTP=mail:25", "HUEAIR2MQTT_ALERT__EMAIL__FROM=a@example.org",
		"HUEAIR2MQTT_ALERT__EMAIL__TO= a@example.org, b@example.org,",
	)
	if want := []configs.HueBridge{{Host: "z", Username: "whole"}}; !slices.Equal(c.Hue.Bridges, want) {
		t.Errorf("got %#v, want %#v", c.Hue.Bridges, want)
	}
	if want := map[string]string{"a__b": "Attic"}; !reflect.DeepEqual(c.Amazon.Areas, want) || len(c.Hue.Areas) != 0 {
		t.Errorf("got %q and %q, want %q", c.Amazon.Areas, c.Hue.Areas, want)
	}
	if want := []string{"a@example.org", "b@example.org"}; !slices.Equal(c.Alert.Email.To, want) {
		t.Errorf("got %q, want %q", c.Alert.Email.To, want)
	}
}

func TestEnvironmentFaults(t *testing.T) {
	const remove = "remove it, or write a key in capitals with two underscores between the levels, such as HUEAIR2MQTT_MQTT__BROKER"
	for _, test := range []struct{ variable, line string }{
		{"HUEAIR2MQTT_MQTT__BROCKER=hunter2", "HUEAIR2MQTT_MQTT__BROCKER: is not a known setting; " + remove},
		{"HUEAIR2MQTT_MQTT_BROKER=hunter2", "HUEAIR2MQTT_MQTT_BROKER: is not a known setting; " + remove},
		{"HUEAIR2MQTT_mqtt__broker=hunter2", "HUEAIR2MQTT_mqtt__broker: is not a known setting; " + remove},
		{"HUEAIR2MQTT_HUE=hunter2", "HUEAIR2MQTT_HUE: is not a known setting; " + remove},
		{"HUEAIR2MQTT_HUE__BRIDGES__0__USERNAME=hunter2", "HUEAIR2MQTT_HUE__BRIDGES__0__USERNAME: is not a known setting; set the whole list as HUEAIR2MQTT_HUE__BRIDGES='[{host: 192.168.1.2, username: key}]'"},
		{"HUEAIR2MQTT_ALERT__EMAIL__TO__1=hunter2", "HUEAIR2MQTT_ALERT__EMAIL__TO__1: is not a known setting; set the whole list as HUEAIR2MQTT_ALERT__EMAIL__TO='[one, two]'"},
		{"HUEAIR2MQTT_AMAZON__AREAS__X.Y=Kitchen", `HUEAIR2MQTT_AMAZON__AREAS__X.Y: is not a known setting; set all rooms as HUEAIR2MQTT_AMAZON__AREAS='{"id": Room}'`},
		{"HUEAIR2MQTT_LOG__LEVEL__0=x", "HUEAIR2MQTT_LOG__LEVEL__0: is not a known setting; " + remove},
		{"HUEAIR2MQTT_WEB__TRUSTED_PROXIES=127.0.0.1, nginx", "web.trusted_proxies[1]: \"nginx\" is not an address or network; write one such as 127.0.0.1 or 172.30.32.0/23 (HUEAIR2MQTT_WEB__TRUSTED_PROXIES)"},
		{"HUEAIR2MQTT_HUE__BRIDGES=[{host: a, username: *hunter2}]", "hue.bridges: a value that begins with * is a YAML alias, and no anchor has its name; put the value in quotes (HUEAIR2MQTT_HUE__BRIDGES)"},
		{"HUEAIR2MQTT_HUE__BRIDGES=hunter2", "hue.bridges: is not a list; write a list, with each entry on its own line after a dash (HUEAIR2MQTT_HUE__BRIDGES)"},
		{"HUEAIR2MQTT_HUE__BRIDGES=", "hue.bridges: is empty; write a value in YAML, or remove the variable (HUEAIR2MQTT_HUE__BRIDGES)"},
		{"HUEAIR2MQTT_HUE__INTERVAL=60", `hue.interval: "60" is not a duration; write a duration such as 30s, 5m or 1h30m (HUEAIR2MQTT_HUE__INTERVAL)`},
		{"HUEAIR2MQTT_RETRY__ATTEMPTS=", `retry.attempts: "" is not a whole number; write a whole number such as 3 (HUEAIR2MQTT_RETRY__ATTEMPTS)`},
		{"HUEAIR2MQTT_MQTT__BASE_TOPIC=\xff", "mqtt.base_topic: is not UTF-8; write words separated by single slashes, such as hueair2mqtt (HUEAIR2MQTT_MQTT__BASE_TOPIC)"},
		{"HUEAIR2MQTT_MQTT__PASSWORD=hunter2\n", "mqtt.password: contains a line break or another control character; write it on one line, in quotes (HUEAIR2MQTT_MQTT__PASSWORD)"},
	} {
		c, err := configs.Load("", append([]string{test.variable}, minimal...), nil)
		faultsOf(t, c, err)
		if got := err.Error(); got != test.line {
			t.Errorf("%s\ngives %s\nwant  %s", test.variable, got, test.line)
		}
	}
}

func TestNormalizedValues(t *testing.T) {
	for _, test := range []struct{ path, written, want string }{
		{"mqtt.broker", "192.168.1.10", "tcp://192.168.1.10:1883"},
		{"mqtt.broker", "broker:1884", "tcp://broker:1884"},
		{"mqtt.broker", "fe80::1", "tcp://[fe80::1]:1883"},
		{"mqtt.broker", "MQTT://broker/", "mqtt://broker:1883"},
		{"mqtt.broker", "mqtts://broker", "mqtts://broker:8883"},
		{"mqtt.broker", "tls://broker", "tls://broker:8883"},
		{"mqtt.broker", "ws://broker/mqtt", "ws://broker:80/mqtt"},
		{"mqtt.broker", "wss://[::1]/mqtt", "wss://[::1]:443/mqtt"},
		{"mqtt.broker", " tcp://my_broker.local:1883 ", "tcp://my_broker.local:1883"},
		{"amazon.domain", "https://www.amazon.co.uk/", "amazon.co.uk"},
		{"amazon.domain", "www.Amazon.de", "amazon.de"},
		{"amazon.domain", "alexa.amazon.com.au", "amazon.com.au"},
		{"amazon.endpoints.alexa", "http://127.0.0.1:8080/", "http://127.0.0.1:8080"},
		{"hue.enabled", "no", "false"},
		{"hue.enabled", "False", "false"},
		{"retry.multiplier", "2", "2"},
	} {
		fromFile := map[string]any{}
		section := fromFile
		names := strings.Split(test.path, ".")
		for _, name := range names[:len(names)-1] {
			below := map[string]any{}
			section[name] = below
			section = below
		}
		section[names[len(names)-1]] = &yaml.Node{Kind: yaml.ScalarNode, Value: test.written}
		content, err := yaml.Marshal(fromFile)
		if err != nil {
			t.Fatal(err)
		}
		fromEnvironment := append([]string{variable(test.path) + "=" + test.written}, minimal...)
		for _, c := range []*configs.Config{load(t, string(content), minimal...), load(t, "", fromEnvironment...)} {
			keys(reflect.ValueOf(*c), "", func(path string, field reflect.Value) {
				if got := fmt.Sprint(field.Interface()); path == test.path && got != test.want {
					t.Errorf("%s: %q becomes %q, want %q", path, test.written, got, test.want)
				}
			})
		}
	}

	for written, want := range map[string]string{
		"192.168.1.2": "192.168.1.2", "hue.local:8080": "hue.local:8080", "HTTP://hue/": "http://hue",
		"https://[fe80::1]:4430": "https://[fe80::1]:4430", "fe80::1": "[fe80::1]",
	} {
		c := load(t, "hue:\n  enabled: true\n  bridges:\n    - {username: k, id: 001788FFFE09A1B2, host: '"+written+"'}")
		if b := c.Hue.Bridges[0]; b.Host != want || b.ID != "001788fffe09a1b2" {
			t.Errorf("%q becomes %q, want %q; id %q", written, b.Host, want, b.ID)
		}
	}
}

func TestValidFiles(t *testing.T) {
	for name, content := range map[string]string{
		"empty":           "",
		"comments":        "# nothing\n",
		"null":            "~",
		"start":           "---\n",
		"null keys":       "mqtt:\nhue:\n  bridges:\n  interval: ~\n",
		"byte order mark": "\ufefflog: {level: info}\n",
		"UTF-16":          "\xff\xfel\x00o\x00g\x00:\x00 \x00{\x00}\x00\n\x00",
		"CRLF":            "log:\r\n  level: info\r\n",
		"alias":           "mqtt: {username: &a someone}\nalert: {email: {username: *a, smtp: 'a:25', from: a@b.c, to: [a@b.c], password_file: /dev/null}}\n",
	} {
		c, err := configs.Load(write(t, content), minimal, nil)
		if name == "alias" {
			if got := paths(faultsOf(t, c, err)); !slices.Equal(got, []string{"alert.email.password_file"}) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if want := load(t, "", minimal...); !reflect.DeepEqual(c, want) {
			t.Errorf("%s: got %#v, want the defaults", name, c)
		}
	}
}

func TestPasswordFiles(t *testing.T) {
	for content, want := range map[string]configs.Secret{"hunter2": "hunter2", "hunter2\n": "hunter2", " hunter2 \r\n": " hunter2 "} {
		c := load(t, "mqtt: {username: me, password_file: "+write(t, content)+"}", minimal...)
		if c.MQTT.Password != want {
			t.Errorf("%q is read as %q, want %q", content, c.MQTT.Password.Reveal(), want.Reveal())
		}
	}
}

func TestEmailEnabled(t *testing.T) {
	if (configs.Email{}).Enabled() || !full(t).Alert.Email.Enabled() {
		t.Error("Enabled does not follow the mail server")
	}
}

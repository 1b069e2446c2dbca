package configs_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"hueair2mqtt/configs"
)

// sound is a minimal valid configuration.
const sound = `
hue:
  enabled: true
  bridges: [{host: 192.168.1.2, username: key}]
`

func write(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "hueair2mqtt.yaml")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func load(t *testing.T, content string, environ ...string) *configs.Config {
	t.Helper()
	c, err := configs.Load(write(t, content), environ, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// faultsOf returns the faults, and checks that each has a problem, a remedy and a line
// of its own.
func faultsOf(t *testing.T, c *configs.Config, err error) []configs.Fault {
	t.Helper()
	var found *configs.FaultsError
	if !errors.As(err, &found) {
		t.Fatalf("got %v, want a *FaultsError", err)
	}
	if c != nil {
		t.Error("there is a configuration beside the faults")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(found.Faults) {
		t.Fatalf("%d lines for %d faults:\n%v", len(lines), len(found.Faults), err)
	}
	for i, f := range found.Faults {
		if f.Problem == "" || f.Remedy == "" {
			t.Errorf("%+v lacks a problem or remedy", f)
		}
		if !strings.Contains(lines[i], f.Path+": "+f.Problem+"; "+f.Remedy) {
			t.Errorf("%+v is not in its line: %s", f, lines[i])
		}
	}
	return found.Faults
}

func paths(faults []configs.Fault) []string {
	all := make([]string, 0, len(faults))
	for _, f := range faults {
		all = append(all, f.Path)
	}
	return all
}

// TestImpossibleValues has a file for each mistake, and the one fault it must cause.
func TestImpossibleValues(t *testing.T) {
	empty := write(t, "")
	twoLines := write(t, "one\ntwo\n")
	huge := write(t, strings.Repeat("x", 64<<10+1))
	there := write(t, "secret\n")
	email := func(rest string) string { return sound + "alert:\n  email: {" + rest + "}" }
	mail := "smtp: 'mail.example.org:25', from: a@example.org, to: [b@example.org]"

	for _, test := range []struct {
		file, path string
		text       string // a part of the fault's line
	}{
		// The broker.
		{sound + "mqtt: {broker: ''}", "mqtt.broker", "is empty"},
		{sound + "mqtt: {broker: 'http://broker'}", "mqtt.broker", "one of tcp://, mqtt://"},
		{sound + "mqtt: {broker: 'tcp://'}", "mqtt.broker", "no valid host"},
		{sound + "mqtt: {broker: 'tcp://a b'}", "mqtt.broker", "no valid host"},
		{sound + "mqtt: {broker: 'tcp://300.1.1.1'}", "mqtt.broker", "no valid host"},
		{sound + "mqtt: {broker: 'tcp://broker:'}", "mqtt.broker", "no port"},
		{sound + "mqtt: {broker: 'tcp://broker:65536'}", "mqtt.broker", "no port"},
		{sound + "mqtt: {broker: 'tcp://broker:0'}", "mqtt.broker", "no port"},
		{sound + "mqtt: {broker: 'tcp://broker:1883/path'}", "mqtt.broker", "path after the host"},
		{sound + "mqtt: {broker: 'tcp://me:hunter2@broker'}", "mqtt.broker", "mqtt.password_file"},
		{sound + "mqtt: {broker: 'me:hunter2@broker'}", "mqtt.broker", "mqtt.password_file"},
		{sound + "mqtt: {cert_file: " + there + ", broker: 'ssl://broker'}", "mqtt.key_file", "mqtt.cert_file is set"},
		{sound + "mqtt: {key_file: " + there + ", broker: 'ssl://broker'}", "mqtt.cert_file", "mqtt.key_file is set"},
		{sound + "mqtt: {ca_file: " + there + "}", "mqtt.ca_file", "not encrypted"},
		{sound + "mqtt: {ca_file: /nonexistent/ca.pem, broker: 'ssl://broker'}", "mqtt.ca_file", "no such file"},
		{sound + "mqtt: {password: hunter2}", "mqtt.password", "mqtt.username"},
		{sound + "mqtt: {password_file: " + there + "}", "mqtt.password_file", "mqtt.username"},
		{sound + "mqtt: {username: u, password: hunter2, password_file: " + there + "}", "mqtt.password_file", "one of the two"},
		{sound + "mqtt: {username: u, password_file: /nonexistent/password}", "mqtt.password_file", "no such file"},
		{sound + "mqtt: {username: u, password_file: /}", "mqtt.password_file", "directory"},
		{sound + "mqtt: {username: u, password_file: " + empty + "}", "mqtt.password_file", "is empty"},
		{sound + "mqtt: {username: u, password_file: " + twoLines + "}", "mqtt.password_file", "more than one line"},
		{sound + "mqtt: {username: u, password_file: " + huge + "}", "mqtt.password_file", "64 KiB"},
		{sound + `mqtt: {username: u, password: "hunter2\n"}`, "mqtt.password", "line break"},
		{sound + `mqtt: {client_id: "a\0b"}`, "mqtt.client_id", "control character"},

		// Topics.
		{sound + "mqtt: {base_topic: ''}", "mqtt.base_topic", "is empty"},
		{sound + "mqtt: {base_topic: a/+/b}", "mqtt.base_topic", "wildcard"},
		{sound + "mqtt: {base_topic: 'a/#'}", "mqtt.base_topic", "wildcard"},
		{sound + "mqtt: {base_topic: $SYS}", "mqtt.base_topic", "$"},
		{sound + "mqtt: {base_topic: /a}", "mqtt.base_topic", "slash"},
		{sound + "mqtt: {base_topic: a/}", "mqtt.base_topic", "slash"},
		{sound + "mqtt: {base_topic: a//b}", "mqtt.base_topic", "slashes"},
		{sound + `mqtt: {base_topic: "a\0b"}`, "mqtt.base_topic", "control character"},
		{sound + "mqtt: {base_topic: " + strings.Repeat("a", 257) + "}", "mqtt.base_topic", "longer than 256"},
		{sound + "homeassistant: {prefix: ''}", "homeassistant.prefix", "is empty"},
		{sound + "homeassistant: {prefix: 'home+'}", "homeassistant.prefix", "wildcard"},

		// Hue.
		{"hue: {enabled: true, bridges: [{username: k}]}", "hue.bridges[0].host", "is missing"},
		{"hue: {enabled: true, bridges: [{host: a, username: k}, {host: 'a b', username: k}]}", "hue.bridges[1].host", "no valid host"},
		{"hue: {enabled: true, bridges: [{host: 'ftp://a', username: k}]}", "hue.bridges[0].host", "one of http://, https://"},
		{"hue: {enabled: true, bridges: [{host: 'http://a/api', username: k}]}", "hue.bridges[0].host", "path after the host"},
		{"hue: {enabled: true, bridges: [{host: 'a?b', username: k}]}", "hue.bridges[0].host", "query or fragment"},
		{"hue: {enabled: true, bridges: [{host: 'http://me:hunter2@a', username: k}]}", "hue.bridges[0].host", "user name"},
		{"hue: {enabled: true, bridges: [{host: 'a:99999', username: k}]}", "hue.bridges[0].host", "no port"},
		{"hue: {enabled: true, bridges: [{host: 192.168.1, username: k}]}", "hue.bridges[0].host", "no valid host"},
		{"hue: {enabled: true, bridges: [{host: a, username: k}, {host: 'HTTPS://A:443/', username: k}]}", "hue.bridges[1].host", "hue.bridges[0]"},
		{"hue: {enabled: true, bridges: [{host: a, username: k, id: 12}]}", "hue.bridges[0].id", "quotes"},
		{"hue: {enabled: true, bridges: [{host: a, username: k, id: 001788FFFE09A1B}]}", "hue.bridges[0].id", "16 hexadecimal"},
		{"hue: {enabled: true, bridges: [{host: a, username: k, id: 001788FFFE09A1B2}, {host: b, username: k, id: 001788fffe09a1b2}]}", "hue.bridges[1].id", "hue.bridges[0]"},
		{sound + "  interval: 999ms", "hue.interval", "too short"},
		{sound + "  timeout: 0s", "hue.timeout", "not a positive"},
		{sound + "  timeout: -1s", "hue.timeout", "not a positive"},
		{sound + "  timeout: 61s", "hue.timeout", "longer than hue.interval"},
		{sound + "  areas: {'00:17:88:01:02:03:04:05': ''}", `hue.areas["00:17:88:01:02:03:04:05"]`, "is empty"},
		{sound + "  areas: {'': Hall}", `hue.areas`, "without a device"},
		{sound + "  areas: {'0a:17:88:01:02:03:04:05': Hall, ' 0A:17:88:01:02:03:04:05 ': Loo}", `hue.areas["0A:17:88:01:02:03:04:05"]`, "twice"},
		{sound + "  areas: {xx: Hall}", `hue.areas`, "address of a sensor"},
		{sound + "  areas: {'00:17:88:01:02:03:04': Hall}", `hue.areas["00:17:88:01:02:03:04"]`, "address of a sensor"},

		// Amazon.
		{sound + "amazon: {domain: amazon.example}", "amazon.domain", "amazon.co.uk, amazon.ie, amazon.de"},
		{sound + "amazon: {domain: ''}", "amazon.domain", "marketplace"},
		{sound + "amazon: {interval: 0s}", "amazon.interval", "too short"},
		{sound + "amazon: {interval: 59s, timeout: 1s}", "amazon.interval", "at least 60s: Amazon throttles clients"},
		{sound + "amazon: {interval: 59s, timeout: 1s, endpoints: {auth: 'http://a'}}", "amazon.interval", "at least 60s"},
		{sound + "amazon: {interval: 59s, timeout: 1s, endpoints: {alexa: 'https://Alexa.amazon.de:443/x'}}", "amazon.interval", "at least 60s"},
		{sound + "amazon: {interval: 999ms, timeout: 1ms, endpoints: {alexa: 'http://a'}}", "amazon.interval", "at least 1s"},
		{sound + "amazon: {timeout: 6m}", "amazon.timeout", "longer than amazon.interval"},
		{sound + "amazon: {areas: {G1: Hall, g1: Loo}}", `amazon.areas["g1"]`, "twice"},
		{sound + "amazon: {endpoints: {alexa: '127.0.0.1:80'}}", "amazon.endpoints.alexa", "has no scheme"},
		{sound + "amazon: {endpoints: {auth: 'ftp://a'}}", "amazon.endpoints.auth", "one of http://, https://"},
		{sound + "amazon: {endpoints: {auth: 'http://'}}", "amazon.endpoints.auth", "no valid host"},
		{sound + "amazon: {endpoints: {auth: 'http://a:0'}}", "amazon.endpoints.auth", "no port"},
		{sound + "amazon: {endpoints: {auth: 'http://u:hunter2@a'}}", "amazon.endpoints.auth", "user name"},
		{sound + "amazon: {endpoints: {auth: 'http://a/?b=c'}}", "amazon.endpoints.auth", "query"},

		// The retry.
		{sound + "retry: {attempts: 0}", "retry.attempts", "1 to 100"},
		{sound + "retry: {attempts: 101}", "retry.attempts", "1 to 100"},
		{sound + "retry: {base_delay: 0s}", "retry.base_delay", "1ms to 1h"},
		{sound + "retry: {base_delay: 2h, max_delay: 1h}", "retry.base_delay", "1ms to 1h"},
		{sound + "retry: {multiplier: 0.5}", "retry.multiplier", "1 to 100"},
		{sound + "retry: {multiplier: 101}", "retry.multiplier", "1 to 100"},
		{sound + "retry: {max_delay: 500ms}", "retry.max_delay", "at least retry.base_delay, 1s"},
		{sound + "retry: {max_delay: 2h}", "retry.max_delay", "1ms to 1h"},
		{sound + "retry: {jitter: -0.1}", "retry.jitter", "0 to 1"},
		{sound + "retry: {jitter: 1.1}", "retry.jitter", "0 to 1"},
		{sound + "retry: {jitter: .nan}", "retry.jitter", "not a number"},

		// History and metrics.
		{sound + "history: {max_age: 59s}", "history.max_age", "1m to"},
		{sound + "history: {max_age: 90000h}", "history.max_age", "87600h"},
		{sound + "history: {max_megabytes: 0}", "history.max_megabytes", "1 to 100000"},
		{sound + "history: {max_megabytes: 100001}", "history.max_megabytes", "1 to 100000"},
		{sound + "metrics: {listen: 9469}", "metrics.listen", "text"},
		{sound + "metrics: {listen: '9469'}", "metrics.listen", "host:port"},
		{sound + "metrics: {listen: localhost}", "metrics.listen", "host:port"},
		{sound + "metrics: {listen: 'localhost:0'}", "metrics.listen", "host:port"},
		{sound + "metrics: {listen: ':65536'}", "metrics.listen", "host:port"},
		{sound + "metrics: {listen: 'http://localhost:9469'}", "metrics.listen", "host:port"},
		{sound + "metrics: {listen: 'a b:9469'}", "metrics.listen", "host:port"},
		{sound + "metrics: {hosts: ['nas:9469']}", "metrics.hosts[0]", "is not a host name"},

		// Mail.
		{email("from: a@example.org, to: [b@example.org]"), "alert.email.smtp", "other keys"},
		{email("smtp: 'mail.example.org:25', to: [b@example.org]"), "alert.email.from", "other keys"},
		{email("smtp: 'mail.example.org:25', from: a@example.org"), "alert.email.to", "other keys"},
		{email("smtp: mail.example.org, from: a@example.org, to: [b@example.org]"), "alert.email.smtp", "host:port"},
		{email("smtp: 'a:b:25', from: a@example.org, to: [b@example.org]"), "alert.email.smtp", "host:port"},
		{email("smtp: 'mail.example.org:0', from: a@example.org, to: [b@example.org]"), "alert.email.smtp", "host:port"},
		{email("smtp: 'mail.example.org:25', from: nobody, to: [b@example.org]"), "alert.email.from", "mail address"},
		{email("smtp: 'mail.example.org:25', from: a@example.org, to: [b@example.org, c]"), "alert.email.to[1]", "mail address"},
		{email("smtp: 'mail.example.org:25', from: a@example.org, to: [b@example.org, ~]"), "alert.email.to[1]", "mail address"},
		{email(mail + ", username: a"), "alert.email.password_file", "username is set"},
		{email(mail + ", password_file: " + there), "alert.email.username", "password_file is set"},
		{email(mail + ", username: a, password_file: /nonexistent/p"), "alert.email.password_file", "no such file"},
		{email(mail + ", username: a, password_file: " + empty), "alert.email.password_file", "is empty"},

		// The rest.
		{sound + "state_dir: ''", "state_dir", "is empty"},
		{"hue: {enabled: true, button_events: ha}", "hue.button_events", "hue or standard"},
		{"hue: {enabled: true, lights: maybe}", "hue.lights", "true or false"},
		{sound + "log: {level: me@hunter2}", "log.level", "this value is not valid"},
		{sound + "log: {level: " + strings.Repeat("x", 100) + "}", "log.level", strings.Repeat("x", 60) + `"...`},
		{sound + "log: {level: warning}", "log.level", "debug, info, warn or error"},
		{sound + "log: {format: text}", "log.format", "auto, console or json"},
		{sound + "log: {file: /var/log/}", "log.file", "name a file in it"},
		{"", "hue.enabled", "nothing to read"},
	} {
		file := write(t, test.file)
		c, err := configs.Load(file, nil, nil)
		found := faultsOf(t, c, err)
		if got := paths(found); !slices.Equal(got, []string{test.path}) {
			t.Errorf("%s\nfaults of %q, want one of %s:\n%v", test.file, got, test.path, err)
			continue
		}
		if !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s\ngives %q, want %q in it", test.file, err, test.text)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("a password is in %q", err)
		}
	}
}

// TestMalformedFiles has the line that the user sees for each malformed file; FILE stands
// for its name.
func TestMalformedFiles(t *testing.T) {
	for _, test := range []struct{ file, line string }{
		// Wrong types.
		{"hue:\n  interval: 60", "hue.interval: is not a duration; write a duration such as 60s (line 2 of FILE)"},
		{"hue:\n  interval: 0.5", "hue.interval: is not a duration; write a duration such as 30s, 5m or 1h30m (line 2 of FILE)"},
		{"hue:\n  interval: '60'", `hue.interval: "60" is not a duration; write a duration such as 30s, 5m or 1h30m (line 2 of FILE)`},
		{"hue:\n  interval: [1s]", "hue.interval: is not a duration; write a duration such as 30s, 5m or 1h30m (line 2 of FILE)"},
		{"hue:\n  interval: true", "hue.interval: is not a duration; write a duration such as 30s, 5m or 1h30m (line 2 of FILE)"},
		{"mqtt:\n  username: 0123", `mqtt.username: is not a text; put it in quotes: "0123" (line 2 of FILE)`},
		{"mqtt:\n  username: true", `mqtt.username: is not a text; put it in quotes: "true" (line 2 of FILE)`},
		{"mqtt:\n  username: 2026-01-02", `mqtt.username: is not a text; put it in quotes: "2026-01-02" (line 2 of FILE)`},
		{"mqtt:\n  username: {a: b}", "mqtt.username: is not a text; write a text after the colon (line 2 of FILE)"},
		{"mqtt:\n  password: 123456", "mqtt.password: is not a text; put it in quotes (line 2 of FILE)"},
		{"mqtt:\n  password: !hunter2", "mqtt.password: is not a text; put it in quotes (line 2 of FILE)"},
		{"mqtt:\n  password: &hunter2", "mqtt.password: a value that begins with & is a YAML anchor; put it in quotes (line 2 of FILE)"},
		{"mqtt: hunter2", "mqtt: is not a section; write its keys below it, indented, as broker: value (line 1 of FILE)"},
		{"hue:\n  enabled: 1", "hue.enabled: is not true or false; write true or false, without quotes (line 2 of FILE)"},
		{"hue:\n  enabled: 'true'", "hue.enabled: is not true or false; write true or false, without quotes (line 2 of FILE)"},
		{"hue:\n  enabled: maybe", `hue.enabled: "maybe" is not true or false; write true or false, without quotes (line 2 of FILE)`},
		{"hue:\n  bridges: {host: a}", "hue.bridges: is not a list; write a list, with each entry on its own line after a dash (line 2 of FILE)"},
		{"hue:\n  bridges: [a]", "hue.bridges[0]: is not a section; write its keys below it, indented, as host: value (line 2 of FILE)"},
		{"hue:\n  bridges:\n    - host: a\n      username: 123456", "hue.bridges[0].username: is not a text; put it in quotes (line 4 of FILE)"},
		{"hue:\n  areas: [Hall]", `hue.areas: is not a section; write a line for each device: "id": Room (line 2 of FILE)`},
		{"hue:\n  areas:\n    a.b: 7", `hue.areas["a.b"]: is not a text; put it in quotes: "7" (line 3 of FILE)`},
		{"alert:\n  email:\n    to: a@example.org", "alert.email.to: is not a list; write a list in brackets, such as [one, two] (line 3 of FILE)"},
		{"retry:\n  attempts: 1.5", "retry.attempts: is not a whole number; write a whole number such as 3 (line 2 of FILE)"},
		{"retry:\n  attempts: '3'", "retry.attempts: is not a whole number; write a whole number such as 3 (line 2 of FILE)"},
		{"retry:\n  attempts: 99999999999999999999", "retry.attempts: is not a whole number; write a whole number such as 3 (line 2 of FILE)"},
		{"retry:\n  jitter: little", "retry.jitter: is not a number; write a number such as 1.5 (line 2 of FILE)"},

		// Unknown keys.
		{"mqtt:\n  brocker: hunter2", "mqtt.brocker: is not a known key; remove it, or use one of broker, username, password, password_file, client_id, ca_file, crl_file, cert_file, key_file, base_topic (line 2 of FILE)"},
		{"mqtt:\n  pasword: hunter2", "mqtt.pasword: is not a known key; remove it, or use one of broker, username, password, password_file, client_id, ca_file, crl_file, cert_file, key_file, base_topic (line 2 of FILE)"},
		{"mqtt:\n  ca-file: x", "mqtt.ca-file: is not a known key; remove it, or use one of broker, username, password, password_file, client_id, ca_file, crl_file, cert_file, key_file, base_topic (line 2 of FILE)"},
		{"MQTT: {}", "MQTT: is not a known key; remove it, or use one of mqtt, homeassistant, hue, amazon, retry, alert, web, history, metrics, state_dir, log (line 1 of FILE)"},
		{"broker: hunter2", "broker: is not a known key; remove it, or use one of mqtt, homeassistant, hue, amazon, retry, alert, web, history, metrics, state_dir, log (line 1 of FILE)"},
		{"log:\n  colour: x", "log.colour: is not a known key; remove it, or use one of level, format, file (line 2 of FILE)"},
		{"hue:\n  bridges:\n    - {host: a, username: k}\n    - {hots: b, username: k}", "hue.bridges[1].hots: is not a known key; remove it, or use one of host, id, username (line 4 of FILE)"},
		{"mqtt: {password:hunter2}", "mqtt.password: is not a known key; write a key as one word, a colon and a space (line 1 of FILE)"},
		{"mqtt: {password:hunter2, password:hunter2}", "mqtt.password: is not a known key; write a key as one word, a colon and a space (line 1 of FILE)"},
		{"alert:\n  email:\n    password: hunter2", "alert.email.password: is not a known key; remove it, or use one of smtp, from, to, username, password_file (line 3 of FILE)"},
		{"log: &l {level: info}\nmqtt:\n  <<: *l", "mqtt.<<: is not a known key; remove it, or use one of broker, username, password, password_file, client_id, ca_file, crl_file, cert_file, key_file, base_topic (line 3 of FILE)"},
		{"log:\n  level: &a info\nmqtt:\n  *a : b", "mqtt.info: is not a known key; remove it, or use one of broker, username, password, password_file, client_id, ca_file, crl_file, cert_file, key_file, base_topic (line 2 of FILE)"},
		{"mqtt:\n  ? [a]\n  : b", "mqtt: a key here is a list or a section; write each key as one word and a colon (line 2 of FILE)"},
		{"mqtt:\n  username: a\n  username: hunter2", "mqtt.username: is set twice, first in line 2; keep one of the two (line 3 of FILE)"},
		{"log: {}\nmqtt: {}\nlog: {}", "log: is set twice, first in line 1; keep one of the two (line 3 of FILE)"},

		// Files that are no configuration.
		{"- mqtt", "FILE: is not a configuration; write sections such as mqtt: with their keys indented below (line 1 of FILE)"},
		{"hunter2", "FILE: is not a configuration; write sections such as mqtt: with their keys indented below (line 1 of FILE)"},
		{"mqtt: {}\n---\nhue: {}", "FILE: has more than one YAML document; remove the line --- between them (line 2 of FILE)"},
		{"mqtt: {}\n---\nhue: {", "FILE: is not valid YAML: did not find expected node content; indent the keys of a section alike, with spaces, and write each as its name, a colon, a space and the value (line 3 of FILE)"},
		{"mqtt:\n  username: a\n\tpassword: hunter2", "FILE: is not valid YAML: found a tab character that violates indentation; indent with spaces; YAML allows no tabs (line 3 of FILE)"},
		{"mqtt:\n\tusername: a", "FILE: is not valid YAML: found character that cannot start any token; indent with spaces; YAML allows no tabs (line 2 of FILE)"},
		{"log: {}\nmqtt:\n  username: a\n password: hunter2\nhue: {}", "FILE: is not valid YAML: did not find expected key; indent the keys of a section alike, with spaces, and write each as its name, a colon, a space and the value (line 4 of FILE)"},
		{"mqtt:\n  username: a: b", "FILE: is not valid YAML: mapping values are not allowed in this context; indent the keys of a section alike, and put text that contains a colon and a space in quotes (line 2 of FILE)"},
		{"mqtt:\n  username: a\n  password:hunter2\n  client_id: a", "FILE: is not valid YAML: could not find expected ':'; indent the keys of a section alike, with spaces, and write each as its name, a colon, a space and the value (line 3 of FILE)"},
		{"mqtt:\n  password: @hunter2", "FILE: is not valid YAML: found character that cannot start any token; put text that begins with @, % or a backquote in quotes (line 2 of FILE)"},
		{"mqtt:\n  password: 'hunter2\n", "FILE: is not valid YAML: found unexpected end of stream; close the quote or bracket that is opened there (line 2 of FILE)"},
		{"mqtt:\n  password: *hunter2\nlog: {}", "FILE: a value that begins with * is a YAML alias, and no anchor has its name; put the value in quotes (line 2 of FILE)"},
		{"log: {}\nmqtt: {username: a\n", "FILE: is not valid YAML: did not find expected ',' or '}'; close the quote or bracket that is opened there (line 2 of FILE)"},
		{"mqtt:\n  username: \xff", "FILE: is not valid YAML: invalid leading UTF-8 octet; save the file as plain text in UTF-8 (line 2 of FILE)"},
		{"mqtt:\n  username: \x01", "FILE: is not valid YAML: control characters are not allowed; save the file as plain text in UTF-8 (line 2 of FILE)"},
	} {
		file := write(t, test.file)
		c, err := configs.Load(file, []string{"HUEAIR2MQTT_AMAZON__ENABLED=yes", "HUEAIR2MQTT_AMAZON__COOKIES_FILE=c"}, nil)
		faultsOf(t, c, err)
		got := strings.ReplaceAll(err.Error(), file, "FILE")
		lines := strings.Split(got, "\n")
		if lines[0] != test.line {
			t.Errorf("%q\ngives %s\nwant  %s", test.file, got, test.line)
		}
		if strings.Contains(got, "hunter2") || strings.Contains(got, "123456") {
			t.Errorf("a secret is in %q", got)
		}
	}
}

func TestUnreadableFile(t *testing.T) {
	for name, test := range map[string]struct{ file, text string }{
		"missing":   {filepath.Join(t.TempDir(), "none.yaml"), "--config FILE, or copy the default one"},
		"directory": {t.TempDir(), "is a directory"},
		"too big":   {write(t, sound+strings.Repeat("#", 1<<20)), "1 MiB"},
	} {
		c, err := configs.Load(test.file, nil, nil)
		found := faultsOf(t, c, err)
		if len(found) != 1 || found[0].Path != "" || !strings.HasPrefix(err.Error(), test.file+": ") || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: got %v, want one fault of the file with %q", name, err, test.text)
		}
	}
}

// TestAllFaultsAtOnce is the reason why Load doesn't stop at the first fault.
func TestAllFaultsAtOnce(t *testing.T) {
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	configs.AddFlags(fs)
	if err := fs.Parse([]string{"--retry.attempts=many"}); err != nil {
		t.Fatal(err)
	}
	c, err := configs.Load(write(t, `
mqtt:
  brokr: a
  base_topic: a/#
hue:
  enabled: true
  interval: 60
  bridges:
    - host: a
      username: k
    - id: 1
      host: b
log:
  level: loud
`), []string{
		"HUEAIR2MQTT_MQTT__BROCKER=x", "HUEAIR2MQTT_RETRY__JITTER=2", "HUEAIR2MQTT_AMAZON__ENABLED=perhaps", "PATH=/bin",
	}, fs)
	found := faultsOf(t, c, err)
	want := []string{
		"mqtt.brokr", "hue.interval", "hue.bridges[1].id",
		"amazon.enabled", "HUEAIR2MQTT_MQTT__BROCKER", "retry.attempts",
		"mqtt.base_topic", "retry.jitter", "log.level",
	}
	if got := paths(found); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	origins := map[string]string{}
	for _, f := range found {
		origins[f.Path] = f.Origin
	}
	for path, want := range map[string]string{
		"mqtt.brokr": "line 3 of ", "amazon.enabled": "HUEAIR2MQTT_AMAZON__ENABLED", "retry.attempts": "--retry.attempts",
		"mqtt.base_topic": "line 4 of ", "retry.jitter": "HUEAIR2MQTT_RETRY__JITTER",
	} {
		if !strings.HasPrefix(origins[path], want) {
			t.Errorf("%s comes from %q, want %q", path, origins[path], want)
		}
	}
}

// TestWideFile bounds the work by the size of the file.
func TestWideFile(t *testing.T) {
	var b strings.Builder
	b.WriteString("hue:\n  areas:\n")
	for i := 0; b.Len() < 1<<18; i++ {
		fmt.Fprintf(&b, "    k%d: 1\n", i)
	}
	c, err := configs.Load(write(t, b.String()), nil, nil)
	if found := faultsOf(t, c, err); len(found) < 10_000 {
		t.Errorf("got %d faults, want one for every line", len(found))
	}
}

// A user who signs in to Amazon may not have set up the broker or Hue bridges yet. The
// sections that the command needs must still be valid.
func TestFaultsInUnusedSections(t *testing.T) {
	content := `
mqtt: {brocker: x}
hue: {enabled: true, interval: 60}
amazon: {domain: amazon.de, interval: 1ms}
amazom: {domain: amazon.de}
state_dir: /var/lib/x
`
	file := write(t, content)
	c, err := configs.Load(file, nil, nil, "amazon", "state_dir")
	if got, want := paths(faultsOf(t, c, err)), []string{"amazom", "amazon.interval"}; !slices.Equal(slices.Sorted(slices.Values(got)), want) {
		t.Errorf("faults at %q, want %q", got, want)
	}
	sound := write(t, "mqtt: {brocker: x}\nhue: {enabled: true}\namazon: {domain: www.amazon.de}\n")
	c, err = configs.Load(sound, nil, nil, "amazon", "state_dir")
	if err != nil {
		t.Fatal(err)
	}
	if c.Amazon.Domain != "amazon.de" || c.StateDir != "/var/lib/hueair2mqtt" {
		t.Errorf("domain %q, state_dir %q", c.Amazon.Domain, c.StateDir)
	}
	c, err = configs.Load(filepath.Join(t.TempDir(), "none.yaml"), nil, nil, "amazon", "state_dir")
	if found := faultsOf(t, c, err); found[0].Path != "" {
		t.Errorf("the missing file is a fault of %q", found[0].Path)
	}
}

// The sign-in is not in the configuration, so an account needs no cookies.
func TestAmazonNeedsNoCookiesFile(t *testing.T) {
	if c := load(t, "amazon: {enabled: true}"); c.Amazon.CookiesFile != "" {
		t.Errorf("cookies_file is %q", c.Amazon.CookiesFile)
	}
}

func TestFindMarketplace(t *testing.T) {
	for written, want := range map[string]string{
		"amazon.co.uk": "amazon.co.uk", " Amazon.CO.JP ": "amazon.co.jp", "https://www.amazon.de/gp/x": "amazon.de",
		"alexa.amazon.it": "amazon.it", "amazon.example": "", "": "", "co.uk": "",
	} {
		got, ok := configs.FindMarketplace(written)
		if ok != (want != "") || (ok && got != want) {
			t.Errorf("%q is %q, %t; want %q", written, got, ok, want)
		}
	}
	if !slices.Contains(configs.Marketplaces, "amazon.co.jp") {
		t.Error("Japan is missing")
	}
}

// Paired Hue bridges and their keys are not in the configuration.
func TestHueNeedsNoKey(t *testing.T) {
	for _, content := range []string{"hue: {enabled: true}", "hue: {enabled: true, bridges: []}", "hue: {enabled: true, bridges: [{host: a}]}"} {
		for _, b := range load(t, content).Hue.Bridges {
			if b.Username != "" {
				t.Errorf("%s: a key appears from nowhere", content)
			}
		}
	}
}

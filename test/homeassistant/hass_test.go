//go:build homeassistant

package homeassistant_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"hueair2mqtt/test/harness"
)

// hass is a Home Assistant as one test or subtest uses it.
type hass struct {
	t *testing.T
	*instance
}

// instance is the part of a hass that subtests share.
type instance struct {
	owner   *testing.T // whose end ends it
	dir     string     // its configuration, on this machine
	url     string
	token   string // long-lived, of its one user
	process *harness.Process
	known   []*regexp.Regexp // records of its log that are expected
	logged  int              // how much of its log has been checked
}

func homeAssistantProgram() string { return "/opt/homeassistant-" + *versionFlag + "/bin/hass" }

// newHome starts a home and a Home Assistant with the home's broker in its MQTT integration. The
// bridge is not running.
func newHome(t *testing.T) (*testHome, *hass) {
	t.Helper()
	h := newTestHome(t)
	ha := newHass(t)
	ha.start()
	ha.addMQTT(h.Broker.Port)
	return h, ha
}

func newHass(t *testing.T) *hass {
	t.Helper()
	dir, err := os.MkdirTemp(sandbox, "config-")
	if err != nil {
		t.Fatal(err)
	}
	port := harness.Reserve(t)
	ha := &hass{t, &instance{owner: t, dir: dir, url: fmt.Sprintf("http://127.0.0.1:%d", port)}}
	ha.write("configuration.yaml", fmt.Appendf(nil, `
homeassistant:
  name: Home
  unit_system: metric
  time_zone: Europe/London
  country: GB
  language: en
  latitude: 51.5
  longitude: 0
http:
  server_host: 127.0.0.1
  server_port: %d
api:
config:
frontend:
history:
logbook:
logger:
  default: info
  logs:
    # A line for each entity of a home, of which there must not be 200 in a while.
    homeassistant.helpers.entity_registry: warning
recorder:
  commit_interval: 1
automation:
  - id: sign_in_ended
    alias: %s
%s
  - id: short_press
    alias: A short press
%s`, port, automationAlias, documentedAutomation(t, "for a rejected Amazon sign-in"), shortPress(t)))
	ha.addUser()
	return ha
}

// automationAlias is the name of the documented automation.
const automationAlias = "Amazon ended the sign-in"

// pressed is the message of the automation for a short press, which here replaces its action on
// lights.
const pressed = "The button was pressed"

// shortPress returns the documented automation for a short press.
func shortPress(t *testing.T) string {
	t.Helper()
	action, ours := "      - action: light.toggle\n        target: {area_id: kitchen}", "      - action: persistent_notification.create\n        data: {message: "+pressed+"}"
	automation := strings.Replace(documentedAutomation(t, "for a short press"), action, ours, 1)
	if !strings.Contains(automation, pressed) {
		t.Fatalf("the documented automation does not have the action\n%s", action)
	}
	if thisVersion().areaInEntityID {
		automation = strings.Replace(automation, "event.kitchen_dimmer", "event.kitchen_kitchen_dimmer", 1)
	}
	return automation
}

// documentedAutomation returns an automation of docs/mqtt.md unchanged.
func documentedAutomation(t *testing.T, what string) string {
	t.Helper()
	document := harness.ReadFile(t, "../../docs/mqtt.md")
	_, after, ok := strings.Cut(document, "An automation "+what+":\n\n")
	block, _, end := strings.Cut(after, "\n\n")
	if !ok || !end || !strings.HasPrefix(block, "    triggers:") {
		t.Fatalf("docs/mqtt.md has no automation %s", what)
	}
	return block
}

// write writes a file of the configuration.
func (ha *hass) write(name string, content []byte) {
	ha.t.Helper()
	path := filepath.Join(ha.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		ha.t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		ha.t.Fatal(err)
	}
}

func (ha *hass) store(key string, version int, data any) {
	ha.t.Helper()
	encoded, err := json.Marshal(map[string]any{"key": key, "version": version, "minor_version": 1, "data": data})
	if err != nil {
		ha.t.Fatal(err)
	}
	ha.write(".storage/"+key, encoded)
}

// addUser adds an owner with a long-lived token and marks the onboarding as done.
func (ha *hass) addUser() {
	ha.t.Helper()
	const user, session = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
	key := rand.Text() + rand.Text()
	ha.store("onboarding", 4, map[string]any{"done": []string{"user", "core_config", "analytics", "integration"}})
	ha.store("auth", 1, map[string]any{
		"users": []any{map[string]any{
			"id": user, "group_ids": []string{"system-admin"}, "is_owner": true, "is_active": true, "name": "Test",
			"system_generated": false, "local_only": false,
		}},
		"groups": []any{
			map[string]any{"id": "system-admin", "name": "Administrators"},
			map[string]any{"id": "system-users", "name": "Users"},
			map[string]any{"id": "system-read-only", "name": "Read Only"},
		},
		"credentials": []any{},
		"refresh_tokens": []any{map[string]any{
			"id": session, "user_id": user, "client_id": nil, "client_name": "test", "client_icon": nil,
			"token_type": "long_lived_access_token", "created_at": "2024-01-01T00:00:00.000000+00:00",
			"access_token_expiration": (10 * 365 * 24 * time.Hour).Seconds(), "token": rand.Text(), "jwt_key": key,
			"last_used_at": nil, "last_used_ip": nil, "expire_at": nil, "credential_id": nil, "version": nil,
		}},
	})
	part := func(v any) string {
		encoded, err := json.Marshal(v)
		if err != nil {
			ha.t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(encoded)
	}
	now := time.Now()
	signed := part(map[string]any{"alg": "HS256", "typ": "JWT"}) + "." +
		part(map[string]any{"iss": session, "iat": now.Add(-time.Minute).Unix(), "exp": now.AddDate(10, 0, 0).Unix()})
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(signed))
	ha.token = signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// start starts Home Assistant and waits until it is running.
func (ha *hass) start() {
	ha.t.Helper()
	cmd := exec.Command(homeAssistantProgram(), "--config", filepath.Join(scratch, filepath.Base(ha.dir)), "--skip-pip", "--log-no-color")
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + scratch, "LANG=C.UTF-8", "PYTHONUNBUFFERED=1"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: tree}
	ha.process, ha.logged = harness.Start(ha.owner, cmd), 0
	within(ha.t, harness.Patience, "Home Assistant is up", func() error {
		if !ha.process.Running() {
			ha.t.Fatal("Home Assistant ended")
		}
		var config struct{ State, Version string }
		if err := ha.get("/api/config", &config); err != nil {
			return err
		}
		if config.Version != *versionFlag {
			ha.t.Fatalf("this is Home Assistant %s, not %s", config.Version, *versionFlag)
		}
		if config.State != "RUNNING" {
			return fmt.Errorf("it is %s", config.State)
		}
		return nil
	})
}

// stop ends Home Assistant as its service manager does.
func (ha *hass) stop() { ha.process.Stop() }

// in returns the same Home Assistant for a subtest.
func (ha *hass) in(t *testing.T) *hass { return &hass{t, ha.instance} }

// addMQTT sets up the MQTT integration through its dialog.
func (ha *hass) addMQTT(port int) {
	ha.t.Helper()
	const flows = "/api/config/config_entries/flow"
	type step struct {
		FlowID     string `json:"flow_id"`
		Type       string
		Errors     map[string]string
		DataSchema []field `json:"data_schema"`
	}
	var s step
	ha.post(flows, map[string]any{"handler": "mqtt"}, &s)
	if s.Type == "menu" {
		ha.post(flows+"/"+s.FlowID, map[string]any{"next_step_id": "broker"}, &s)
	}
	answers := fill(s.DataSchema, map[string]any{"broker": "127.0.0.1", "port": port, "set_client_cert": false, "set_ca_cert": "off"})
	ha.post(flows+"/"+s.FlowID, answers, &s)
	if s.Type != "create_entry" {
		ha.t.Fatalf("the MQTT integration was not set up: %+v", s)
	}
}

// field is a field of a dialog, or a section of fields.
type field struct {
	Name     string
	Type     string
	Required bool
	Default  any
	Schema   []field
}

// fill fills in a dialog with our values and its defaults.
func fill(fields []field, ours map[string]any) map[string]any {
	answers := make(map[string]any)
	for _, f := range fields {
		if answer, ok := ours[f.Name]; ok {
			answers[f.Name] = answer
		} else if f.Type == "expandable" {
			answers[f.Name] = fill(f.Schema, ours)
		} else if f.Required && f.Default != nil {
			answers[f.Name] = f.Default
		}
	}
	return answers
}

// notOfOurs matches warnings that do not concern the bridge.
var notOfOurs = []*regexp.Regexp{
	regexp.MustCompile(`Skipping pip installation of required modules`), // that is how it was started
	// There is no network and so no multicast.
	regexp.MustCompile(`\[homeassistant\.components\.network\] Because the system does not have any enabled IPv4 addresses`),
	regexp.MustCompile(`\[Errno 19\] No such device`),
	// 2026.11 looks for programs for cameras.
	regexp.MustCompile(`\[haffmpeg\.|Error loading libturbojpeg`),
}

// expects adds log records that a test causes on purpose.
func (ha *hass) expects(patterns ...string) {
	for _, p := range patterns {
		ha.known = append(ha.known, regexp.MustCompile(p))
	}
}

// logRecord matches the first line of a log record.
var logRecord = regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\d \S+ ([A-Z]+) `)

// checkLog fails the test if Home Assistant has logged a warning since the last call.
func (ha *hass) checkLog() {
	ha.t.Helper()
	text := ha.process.Output()
	text, ha.logged = text[ha.logged:], len(text)
	begins := logRecord.FindAllStringSubmatchIndex(text, -1)
	seen := make(map[string]bool)
	for i, begin := range begins {
		end := len(text)
		if i+1 < len(begins) {
			end = begins[i+1][0]
		}
		level, record := text[begin[2]:begin[3]], text[begin[0]:end]
		expected := func(r *regexp.Regexp) bool { return r.MatchString(record) }
		if level == "DEBUG" || level == "INFO" || slices.ContainsFunc(notOfOurs, expected) || slices.ContainsFunc(ha.known, expected) {
			continue
		}
		if message := text[begin[2]:end]; !seen[message] {
			seen[message] = true
			ha.t.Errorf("Home Assistant's log: %s", record)
		}
	}
}

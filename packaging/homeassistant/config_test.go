//go:build release

package homeassistant_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"hueair2mqtt/configs"
	"hueair2mqtt/test/container"
)

// dist is the directory with a release, or with what test/container/test.sh has built; elsewhere is
// the same, built in another directory.
var dist, elsewhere = os.Getenv("HUEAIR2MQTT_TEST_RELEASE"), os.Getenv("HUEAIR2MQTT_TEST_ELSEWHERE")

const repositoryArchive = "hueair2mqtt-1.0.0-homeassistant.tar.gz"

// repository returns the files of the app repository.
func repository(t *testing.T) map[string][]byte {
	t.Helper()
	file, err := os.Open(filepath.Join(dist, repositoryArchive))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]byte)
	container.Each(t, content, func(h *tar.Header, content []byte) {
		if h.Typeflag == tar.TypeReg {
			files[h.Name] = content
		}
	})
	return files
}

// config has the keys of config.yaml that this app may have. The documentation has more
// (developers.home-assistant.io/docs/apps/configuration); add one here when it is needed, and weigh
// its cost.
type config struct {
	Name          string         `yaml:"name"`
	Version       string         `yaml:"version"`
	Slug          string         `yaml:"slug"`
	Description   string         `yaml:"description"`
	URL           string         `yaml:"url"`
	Image         string         `yaml:"image"`
	Arch          []string       `yaml:"arch"`
	HomeAssistant string         `yaml:"homeassistant"`
	Init          bool           `yaml:"init"`
	Ingress       bool           `yaml:"ingress"`
	PanelIcon     string         `yaml:"panel_icon"`
	Services      []string       `yaml:"services"`
	Watchdog      string         `yaml:"watchdog"`
	BackupExclude []string       `yaml:"backup_exclude"`
	Options       map[string]any `yaml:"options"`
	Schema        map[string]any `yaml:"schema"`
}

func strict(t *testing.T, content []byte, v any) {
	t.Helper()
	d := yaml.NewDecoder(bytes.NewReader(content))
	d.KnownFields(true)
	if err := d.Decode(v); err != nil {
		t.Fatal(err)
	}
}

func readConfig(t *testing.T) (c config) {
	t.Helper()
	strict(t, repository(t)["hueair2mqtt/config.yaml"], &c)
	return c
}

func TestAppConfiguration(t *testing.T) {
	c := readConfig(t)
	for what, ok := range map[string]bool{
		"version":       c.Version == "1.0.0",
		"slug":          regexp.MustCompile(`^[-_.A-Za-z0-9]+$`).MatchString(c.Slug),
		"name":          c.Name != "" && c.Description != "",
		"arch":          slices.Equal(c.Arch, []string{"aarch64", "amd64"}),
		"url":           c.URL == "https://github.com/example/hueair2mqtt",
		"image":         c.Image == "ghcr.io/example/hueair2mqtt-homeassistant",
		"homeassistant": regexp.MustCompile(`^20\d\d\.\d+\.\d+$`).MatchString(c.HomeAssistant),
		"init":          !c.Init,
		"ingress":       c.Ingress,
		"panel_icon":    strings.HasPrefix(c.PanelIcon, "mdi:"),
		"services":      slices.Equal(c.Services, []string{"mqtt:want"}),
		"watchdog": regexp.MustCompile(`^(?:https?|\[PROTO:\w+\]|tcp):\/\/\[HOST\]:(\[PORT:\d+\]|\d+).*$`).MatchString(c.Watchdog) &&
			strings.HasSuffix(c.Watchdog, ":8099]/healthz"),
	} {
		if !ok {
			t.Errorf("%s: %+v", what, c)
		}
	}
}

// element matches the type of an option as the Supervisor does.
var element = regexp.MustCompile(`^(bool|email|url|port|str(\(\d*,\d*\))?|password(\(\d*,\d*\))?|int(\(-?\d*,-?\d*\))?|float(\([-\d.]*,[-\d.]*\))?|match\((.*)\)|list\((.+)\))(\?)?$`)

// eachOption visits the options of the schema, which has two levels, the maximum of the Supervisor.
func eachOption(t *testing.T, c config, visit func(section, key, kind string, def any, set bool)) {
	t.Helper()
	for section, keys := range c.Schema {
		values, _ := c.Options[section].(map[string]any)
		if values == nil {
			t.Errorf("%s has no default, so that the user must set it", section)
		}
		for key, kind := range keys.(map[string]any) {
			def, set := values[key]
			visit(section, key, kind.(string), def, set)
		}
		for key := range values {
			if _, ok := keys.(map[string]any)[key]; !ok {
				t.Errorf("%s.%s is no option", section, key)
			}
		}
	}
}

func TestOptionsMatchTheirSchema(t *testing.T) {
	c := readConfig(t)
	eachOption(t, c, func(section, key, kind string, def any, set bool) {
		parts := element.FindStringSubmatch(kind)
		if parts == nil {
			t.Fatalf("%s.%s: %q is no type", section, key, kind)
		}
		optional := parts[len(parts)-1] == "?"
		if optional == set {
			t.Errorf("%s.%s: optional %v, default %v", section, key, optional, def)
		}
		ok := true
		switch {
		case !set:
		case kind == "bool":
			_, ok = def.(bool)
		case strings.HasPrefix(kind, "match("):
			ok = regexp.MustCompile(parts[6]).MatchString(def.(string))
		case strings.HasPrefix(kind, "list("):
			ok = slices.Contains(strings.Split(parts[7], "|"), def.(string))
		}
		if !ok {
			t.Errorf("%s.%s: the default %v is no %s", section, key, def, kind)
		}
		if section+key == "amazondomain" && !slices.Equal(strings.Split(parts[7], "|"), configs.Marketplaces) {
			t.Errorf("the marketplaces are %s", parts[7])
		}
	})
}

// TestEveryOptionIsAKey loads the defaults and every option that has none.
func TestEveryOptionIsAKey(t *testing.T) {
	c := readConfig(t)
	values := map[string]string{"mqtt.broker": "tcp://192.0.2.1:1883", "mqtt.username": "me", "mqtt.password": "secret", "mqtt.base_topic": "home"}
	load := func() {
		t.Helper()
		content, err := json.Marshal(c.Options)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "options.json")
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := configs.LoadApp(file, []string{"SUPERVISOR_TOKEN=token"}, nil); err != nil {
			t.Errorf("%s: %v", content, err)
		}
	}
	load()
	eachOption(t, c, func(section, key, kind string, _ any, set bool) {
		if !set {
			c.Options[section].(map[string]any)[key] = values[section+"."+key]
		}
	})
	load()
}

type translation struct {
	Name        string                 `yaml:"name"`
	Description string                 `yaml:"description"`
	Fields      map[string]translation `yaml:"fields"`
}

func TestTranslations(t *testing.T) {
	c := readConfig(t)
	for _, language := range []string{"en", "de"} {
		var texts struct {
			Configuration map[string]translation `yaml:"configuration"`
		}
		strict(t, repository(t)["hueair2mqtt/translations/"+language+".yaml"], &texts)
		if got, want := slices.Sorted(maps.Keys(texts.Configuration)), slices.Sorted(maps.Keys(c.Schema)); !slices.Equal(got, want) {
			t.Errorf("%s: sections %v, want %v", language, got, want)
		}
		for section, keys := range c.Schema {
			translated := texts.Configuration[section]
			if got, want := slices.Sorted(maps.Keys(translated.Fields)), slices.Sorted(maps.Keys(keys.(map[string]any))); !slices.Equal(got, want) {
				t.Errorf("%s: %s has %v, want %v", language, section, got, want)
			}
			for name, text := range translated.Fields {
				if text.Name == "" || text.Description == "" || translated.Name == "" || translated.Description == "" {
					t.Errorf("%s: %s.%s has no text", language, section, name)
				}
			}
		}
	}
}

func TestRepositoryFiles(t *testing.T) {
	files := repository(t)
	var want []string
	for _, name := range []string{
		"CHANGELOG.md", "DOCS.md", "Dockerfile", "apparmor.txt", "config.yaml", "icon.png", "logo.png", "translations/de.yaml", "translations/en.yaml",
	} {
		want = append(want, "hueair2mqtt/"+name)
	}
	if got := slices.Sorted(maps.Keys(files)); !slices.Equal(got, append(want, "repository.yaml")) {
		t.Errorf("%v", got)
	}
	var about struct {
		Name       string `yaml:"name"`
		URL        string `yaml:"url"`
		Maintainer string `yaml:"maintainer"`
	}
	strict(t, files["repository.yaml"], &about)
	if about.Name == "" || about.URL != "https://github.com/example/hueair2mqtt" {
		t.Errorf("%+v", about)
	}
	for name, content := range files {
		if bytes.Contains(content, []byte("@VERSION@")) || bytes.Contains(bytes.ToUpper(content), []byte("@OWNER@")) {
			t.Errorf("%s has something to fill in", name)
		}
	}
	// The base image has a version, and the Supervisor passes it as an argument.
	if !bytes.Contains(files["hueair2mqtt/Dockerfile"], []byte("\nFROM ghcr.io/example/hueair2mqtt:${BUILD_VERSION}\n")) {
		t.Errorf("%s", files["hueair2mqtt/Dockerfile"])
	}
	for name, size := range map[string]string{"icon.png": "128x128", "logo.png": "250x100"} {
		picture, err := png.DecodeConfig(bytes.NewReader(files["hueair2mqtt/"+name]))
		if got := fmt.Sprintf("%dx%d", picture.Width, picture.Height); err != nil || got != size {
			t.Errorf("%s is %s: %v", name, got, err)
		}
	}
}

func TestAppArmorProfile(t *testing.T) {
	profile := repository(t)["hueair2mqtt/apparmor.txt"]
	// The Supervisor gives the profile the name of the installed app and expects exactly one.
	lines := regexp.MustCompile(`(?m)^profile ([^ ]+).*$`).FindAllSubmatch(profile, -1)
	if len(lines) != 1 || string(lines[0][1]) != readConfig(t).Slug {
		t.Fatalf("profiles: %q", lines)
	}
	renamed := bytes.Replace(profile, lines[0][1], []byte("a0b1c2d3_hueair2mqtt"), 1)
	file := filepath.Join(t.TempDir(), "profile")
	if err := os.WriteFile(file, renamed, 0o600); err != nil {
		t.Fatal(err)
	}
	parser, err := exec.LookPath("apparmor_parser")
	if err != nil {
		parser = "/usr/sbin/apparmor_parser" // Debian keeps it from a user's PATH
	}
	out, err := exec.Command(parser, "--skip-kernel-load", "--skip-cache", "--warn=all", file).CombinedOutput()
	if err != nil {
		t.Errorf("apparmor_parser: %v\n%s", err, out)
	}
	names, err := exec.Command(parser, "--names", file).Output()
	if err != nil || strings.TrimSpace(string(names)) != "a0b1c2d3_hueair2mqtt" {
		t.Errorf("profiles %q: %v", names, err)
	}
	if regexp.MustCompile(`(?m)^\s*capability`).Match(profile) {
		t.Error("the profile grants a capability")
	}
}

// TestRating applies the Supervisor's formula: 5, plus 1 for the profile and 2 for Ingress; at most
// 8.
func TestRating(t *testing.T) {
	files, rating := repository(t), 5
	if len(files["hueair2mqtt/apparmor.txt"]) > 0 {
		rating++
	}
	if readConfig(t).Ingress {
		rating += 2
	}
	// readConfig rejects the keys that lower the rating.
	if want := fmt.Sprintf("(%d of 8)", rating); !strings.Contains(string(files["hueair2mqtt/DOCS.md"]), want) {
		t.Errorf("the documentation does not say %s", want)
	}
}

func TestSameBytesElsewhere(t *testing.T) {
	one, err := os.ReadFile(filepath.Join(dist, repositoryArchive))
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(filepath.Join(elsewhere, repositoryArchive))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one, other) {
		t.Error("it differs when built elsewhere")
	}
}

//go:build release

package image_test

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"hueair2mqtt/test/container"
	"hueair2mqtt/test/harness"
)

// home returns the environment of a container that reads a Hue bridge and publishes to
// Mosquitto.
func home(t *testing.T) map[string]string {
	t.Helper()
	h := harness.NewHome(t, harness.Options{}).Furnish()
	return map[string]string{
		"HUEAIR2MQTT_MQTT__BROKER":     h.Broker.URL(),
		"HUEAIR2MQTT_METRICS__LISTEN":  harness.ReserveAddress(t),
		"HUEAIR2MQTT_HISTORY__ENABLED": "true",
		"HUEAIR2MQTT_HUE__ENABLED":     "true",
		"HUEAIR2MQTT_HUE__INTERVAL":    "1s",
		"HUEAIR2MQTT_HUE__TIMEOUT":     "1s",
		"HUEAIR2MQTT_HUE__BRIDGES":     fmt.Sprintf("[{host: %q, id: %q, username: %s}]", h.HueHTTP.URL, harness.HueID, harness.HueKey),
	}
}

// volume makes a volume with an owner.
func volume(t *testing.T, owner int) string {
	t.Helper()
	directory := t.TempDir()
	if err := os.Chown(directory, owner, owner); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(directory, 0o700); err != nil {
		t.Fatal(err)
	}
	// Other users may not enter the directory above.
	if err := os.Chmod(filepath.Dir(directory), 0o755); err != nil {
		t.Fatal(err)
	}
	return directory
}

func TestDemoInTheImage(t *testing.T) {
	c := images(t)["amd64"].Start(t, container.Options{
		Args: []string{"demo", "--for", "3s"}, Volumes: map[string]string{"/data": volume(t, 65532)},
	})
	if code := c.Wait(); code != 0 || !strings.Contains(c.Output(), "temperature") {
		t.Errorf("exit code %d:\n%s", code, c.Output())
	}
}

func TestRunInTheImage(t *testing.T) {
	data := volume(t, 65532)
	env := home(t)
	c := images(t)["amd64"].Start(t, container.Options{Env: env, Volumes: map[string]string{"/data": data}})
	c.Prints("connected to the broker")
	c.Eventually("it is healthy", func() bool {
		printed, code := c.Exec("/usr/bin/hueair2mqtt", "health")
		return code == 0 && printed == "ok\n"
	})
	if strings.Contains(c.Output(), "the state directory can't be written") {
		t.Error("it complains about its volume")
	}
	began := time.Now()
	c.Signal("TERM")
	if code := c.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	// Docker kills after 10 s.
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it stopped after %s", took)
	}
	if !strings.Contains(c.Output(), "hueair2mqtt has stopped") {
		t.Error("it did not stop by itself")
	}
	if entries, err := os.ReadDir(data); err != nil || len(entries) == 0 {
		t.Errorf("there is nothing in the volume: %v", err)
	}
}

// tree describes every file below a directory.
func tree(t *testing.T, root string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		fmt.Fprintln(&all, path, info.Mode(), info.Size(), info.ModTime())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func TestNothingIsWrittenOutsideData(t *testing.T) {
	image := images(t)["amd64"]
	root := image.Unpack(t)
	// Root may write anywhere, so this proves that the program does not.
	image.Config.Config.User = "0:0"
	// crun makes these mount points.
	for _, directory := range []string{"proc", "dev"} {
		if err := os.Mkdir(filepath.Join(root, directory), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	before := tree(t, root)
	c := image.Start(t, container.Options{Root: root, WritableRoot: true, Env: home(t), Volumes: map[string]string{"/data": volume(t, 0)}})
	c.Prints("connected to the broker")
	c.Eventually("it is healthy", func() bool {
		_, code := c.Exec("/usr/bin/hueair2mqtt", "health")
		return code == 0
	})
	c.Signal("TERM")
	c.Wait()
	if after := tree(t, root); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

// A directory of the host belongs to root at first.
func TestUnwritableVolume(t *testing.T) {
	data := volume(t, 0)
	if err := os.Chmod(data, 0o755); err != nil {
		t.Fatal(err)
	}
	c := images(t)["amd64"].Start(t, container.Options{Env: home(t), Volumes: map[string]string{"/data": data}})
	c.Prints("connected to the broker")
	var found []string
	for line := range strings.Lines(c.Output()) {
		if strings.Contains(line, "the state directory can't be written") {
			found = append(found, line)
		}
	}
	if len(found) != 1 || !strings.Contains(found[0], "/data can't be written: permission denied") || !strings.Contains(found[0], "chown 65532 /data") {
		t.Errorf("it says: %q", found)
	}
	printed, code := c.Exec("/usr/bin/hueair2mqtt", "check")
	if code != 1 || !strings.Contains(printed, "chown 65532 /data") {
		t.Errorf("check: exit code %d\n%s", code, printed)
	}
}

func TestUnreadableVolume(t *testing.T) {
	c := images(t)["amd64"].Start(t, container.Options{Env: home(t), Volumes: map[string]string{"/data": volume(t, 0)}})
	code := c.Wait()
	const want = "state_dir: /data can't be written: permission denied: allow the user that runs hueair2mqtt to write there (chown 65532 /data), or set state_dir elsewhere\n"
	if code != 2 || c.Output() != want {
		t.Errorf("exit code %d:\n%s", code, c.Output())
	}
}

func TestUnconfiguredImageReportsMissingKeys(t *testing.T) {
	c := images(t)["amd64"].Start(t, container.Options{
		Env: map[string]string{"HUEAIR2MQTT_HUE__ENABLED": "true"}, Volumes: map[string]string{"/data": volume(t, 65532)},
	})
	if code := c.Wait(); code != 2 || !strings.Contains(c.Output(), "hueair2mqtt hue pair") {
		t.Errorf("exit code %d:\n%s", code, c.Output())
	}
}

// service is the part of compose.yaml that the tests check.
type service struct {
	Environment map[string]string `yaml:"environment"`
	ReadOnly    bool              `yaml:"read_only"`
	CapDrop     []string          `yaml:"cap_drop"`
	Volumes     []string          `yaml:"volumes"`
	Healthcheck struct {
		Test []string `yaml:"test"`
	} `yaml:"healthcheck"`
}

func TestComposeFile(t *testing.T) {
	content, err := os.ReadFile("compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]service `yaml:"services"`
	}
	if err := yaml.Unmarshal(content, &file); err != nil {
		t.Fatal(err)
	}
	image, s := images(t)["amd64"], file.Services["hueair2mqtt"]
	if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Equal(s.Volumes, []string{"state:/data"}) ||
		!slices.Equal(s.Healthcheck.Test, image.Config.Config.Healthcheck.Test) {
		t.Errorf("%+v", s)
	}
	password := filepath.Join(t.TempDir(), "web-password")
	harness.WriteFile(t, password, "a long password\n", 0o644)
	env := s.Environment
	env["HUEAIR2MQTT_MQTT__BROKER"] = home(t)["HUEAIR2MQTT_MQTT__BROKER"]
	page := harness.ReserveAddress(t)
	env["HUEAIR2MQTT_WEB__LISTEN"] = strings.Replace(page, "127.0.0.1", "0.0.0.0", 1)
	env["HUEAIR2MQTT_METRICS__LISTEN"] = harness.ReserveAddress(t) // others on this machine may have the image's
	c := image.Start(t, container.Options{Env: env, Volumes: map[string]string{"/data": volume(t, 65532), "/run/secrets/web-password": password}})
	c.Prints("connected to the broker")
	c.Prints("the page in the browser is ready")
	response, err := http.Get("http://" + page + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	shown, err := io.ReadAll(response.Body)
	if err != nil || response.Request.URL.Path != "/sign-in" {
		t.Errorf("%v: %s\n%s", err, response.Request.URL, shown)
	}
}

//go:build release

package image_test

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/test/container"
)

// dist is the directory with a release, or with what test/container/test.sh has built.
var dist = os.Getenv("HUEAIR2MQTT_TEST_RELEASE")

// elsewhere is the same release, built in another directory.
var elsewhere = os.Getenv("HUEAIR2MQTT_TEST_ELSEWHERE")

const (
	archive    = "hueair2mqtt-1.0.0-oci.tar"
	appArchive = "hueair2mqtt-1.0.0-homeassistant-oci.tar"
)

// images returns the images of the archive by architecture.
func images(t *testing.T) map[string]*container.Image {
	t.Helper()
	all, reference := container.Open(t, filepath.Join(dist, archive))
	if reference != "1.0.0" {
		t.Errorf("the archive's reference is %q", reference)
	}
	return all
}

func TestImageConfiguration(t *testing.T) {
	all := images(t)
	if len(all) != 2 {
		t.Fatalf("%d platforms", len(all))
	}
	for _, arch := range []string{"amd64", "arm64"} {
		image := all[arch]
		if image == nil {
			t.Fatalf("there is no image for %s", arch)
		}
		c := image.Config.Config
		if image.OS != "linux" || image.Architecture != arch || image.Descriptor.Platform.OS != "linux" {
			t.Errorf("%s: %+v", arch, image.Descriptor)
		}
		if c.User != "65532:65532" || c.WorkingDir != "/data" || c.StopSignal != "SIGTERM" || !slices.Equal(c.Cmd, []string{"run"}) {
			t.Errorf("%s: %+v", arch, c)
		}
		if _, ok := c.Volumes["/data"]; !ok {
			t.Errorf("%s: /data is no volume", arch)
		}
		if h := c.Healthcheck; !slices.Equal(h.Test, []string{"CMD", "/usr/bin/hueair2mqtt", "health"}) || h.Retries == 0 || h.Timeout != 5*time.Second {
			t.Errorf("%s: %+v", arch, h)
		}
		for key, want := range map[string]string{
			"title": "hueair2mqtt", "licenses": "Apache-2.0", "version": "1.0.0", "description": "*", "revision": "*", "created": "*",
		} {
			if got := c.Labels["org.opencontainers.image."+key]; got != want && (want != "*" || got == "") {
				t.Errorf("%s: the label %s is %q", arch, key, got)
			}
		}
	}
}

// machines has the value of e_machine in an ELF header by architecture.
var machines = map[string]byte{"amd64": 62, "arm64": 183}

func TestImageFiles(t *testing.T) {
	for arch, image := range images(t) {
		var names []string
		files := make(map[string][]byte)
		for _, layer := range image.Layers {
			container.Each(t, layer, func(h *tar.Header, content []byte) {
				names = append(names, h.Name)
				files[h.Name] = content
				owner, mode := 0, fs.FileMode(0o644)
				switch {
				case h.Name == "data/":
					owner, mode = 65532, 0o700
				case h.Typeflag == tar.TypeDir, h.Name == "usr/bin/hueair2mqtt":
					mode = 0o755
				}
				if h.Uid != owner || h.Gid != owner || fs.FileMode(h.Mode) != mode || h.Typeflag != tar.TypeDir && h.Typeflag != tar.TypeReg {
					t.Errorf("%s: %s is of %d:%d with mode %o", arch, h.Name, h.Uid, h.Gid, h.Mode)
				}
				if !h.ModTime.Equal(image.Created) {
					t.Errorf("%s: %s has the time %s", arch, h.Name, h.ModTime)
				}
			})
		}
		want := []string{
			"data/", "etc/", "etc/group", "etc/hueair2mqtt/", "etc/hueair2mqtt/hueair2mqtt.yaml", "etc/passwd", "etc/ssl/", "etc/ssl/certs/",
			"etc/ssl/certs/ca-certificates.crt", "usr/", "usr/bin/", "usr/bin/hueair2mqtt", "usr/share/", "usr/share/doc/",
			"usr/share/doc/hueair2mqtt/", "usr/share/doc/hueair2mqtt/copyright", "usr/share/doc/hueair2mqtt/third-party-notices.gz",
		}
		slices.Sort(names)
		if got := slices.Compact(names); !slices.Equal(got, want) {
			t.Errorf("%s has the files\n%s", arch, strings.Join(got, "\n"))
		}
		program := files["usr/bin/hueair2mqtt"]
		if !bytes.HasPrefix(program, []byte("\x7fELF")) || program[18] != machines[arch] {
			t.Errorf("%s: the program is for another machine", arch)
		}
		if bytes.Contains(program, []byte("/lib64/ld-linux")) || bytes.Contains(program, []byte("/lib/ld-linux")) {
			t.Errorf("%s: the program is not static", arch)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(files["etc/ssl/certs/ca-certificates.crt"]) || bytes.Count(files["etc/ssl/certs/ca-certificates.crt"], []byte("BEGIN CERTIFICATE")) < 100 {
			t.Errorf("%s: there are hardly any certificates", arch)
		}
	}
}

func TestAppImageForTheSupervisor(t *testing.T) {
	apps, _ := container.Open(t, filepath.Join(dist, appArchive))
	for arch, want := range map[string]string{"amd64": "amd64", "arm64": "aarch64"} {
		app, image := apps[arch], images(t)[arch]
		if app == nil {
			t.Fatalf("there is no app for %s", arch)
		}
		if !slices.Equal(app.RootFS.DiffIDs, image.RootFS.DiffIDs) {
			t.Errorf("%s: the app has other layers", arch)
		}
		c := app.Config.Config
		if c.User != "0:0" || c.Labels["io.hass.type"] != "app" || c.Labels["io.hass.version"] != "1.0.0" || c.Labels["io.hass.arch"] != want ||
			c.Labels["org.opencontainers.image.version"] != "1.0.0" {
			t.Errorf("%s: user %s, labels %v", arch, c.User, c.Labels)
		}
	}
}

func TestSameBytesElsewhere(t *testing.T) {
	for _, name := range []string{archive, appArchive} {
		one, err := os.ReadFile(filepath.Join(dist, name))
		if err != nil {
			t.Fatal(err)
		}
		other, err := os.ReadFile(filepath.Join(elsewhere, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one, other) {
			t.Errorf("%s differs when built elsewhere", name)
		}
	}
}

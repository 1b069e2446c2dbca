// Command oci writes the container image of hueair2mqtt, and that of the Home
// Assistant app, as OCI archives. The same inputs give the same bytes.
//
// It needs neither a daemon, root nor user namespaces, and a health check stays in
// the image, which buildah leaves out of images in the OCI format.
package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// user is the one that distroless images run as, too; hosts do not assign it.
const user = "65532:65532"

// build is what all images of one version share.
type build struct {
	version, revision, source string
	created                   time.Time
}

func main() {
	var b build
	var epoch int64
	var image, app, dockerfile string
	flag.StringVar(&b.version, "version", "", "version of the program")
	flag.StringVar(&b.revision, "revision", "", "commit")
	flag.StringVar(&b.source, "source", "", "address of the sources; may be empty")
	flag.Int64Var(&epoch, "epoch", 0, "time of everything, in seconds since 1970")
	flag.StringVar(&image, "image", "", "archive of the container image to write")
	flag.StringVar(&app, "app", "", "archive of the Home Assistant app to write")
	flag.StringVar(&dockerfile, "dockerfile", "", "Dockerfile of the Home Assistant app")
	flag.Parse()
	b.created = time.Unix(epoch, 0).UTC()
	if err := b.write(image, app, dockerfile, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "oci:", err)
		os.Exit(1)
	}
}

// write writes both archives. Each root is ARCHITECTURE=DIRECTORY, with the files that
// the image has for it.
func (b build) write(imageFile, appFile, dockerfile string, roots []string) error {
	images, apps := b.index(), b.index()
	for _, root := range roots {
		arch, directory, ok := strings.Cut(root, "=")
		if !ok {
			return fmt.Errorf("%q is not ARCHITECTURE=DIRECTORY", root)
		}
		platform := v1.Platform{OS: "linux", Architecture: arch}
		if arch == "arm64" {
			platform.Variant = "v8"
		}
		image, err := b.image(platform, directory)
		if err != nil {
			return fmt.Errorf("make the image for %s: %w", arch, err)
		}
		app, err := b.app(image, platform, dockerfile)
		if err != nil {
			return fmt.Errorf("make the app for %s: %w", arch, err)
		}
		images, apps = add(images, image, platform), add(apps, app, platform)
	}
	for file, index := range map[string]v1.ImageIndex{imageFile: images, appFile: apps} {
		if err := b.archive(file, index); err != nil {
			return fmt.Errorf("write %s: %w", file, err)
		}
	}
	return nil
}

func (b build) index() v1.ImageIndex {
	return mutate.Annotations(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), b.annotations()).(v1.ImageIndex)
}

func add(index v1.ImageIndex, image v1.Image, platform v1.Platform) v1.ImageIndex {
	return mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{
		MediaType: types.OCIManifestSchema1, Platform: &platform,
	}})
}

// annotations are the keys that the OCI image specification predefines.
func (b build) annotations() map[string]string {
	all := map[string]string{
		"org.opencontainers.image.title":       "hueair2mqtt",
		"org.opencontainers.image.description": "Philips Hue sensors and Amazon air quality monitors over MQTT, for Home Assistant",
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.version":     b.version,
		"org.opencontainers.image.revision":    b.revision,
		"org.opencontainers.image.created":     b.created.Format(time.RFC3339),
	}
	if b.source != "" {
		all["org.opencontainers.image.source"] = b.source
		all["org.opencontainers.image.url"] = b.source
	}
	return all
}

// image makes the image of one platform: certificates and the state directory below
// the files of the program, so that a new version changes the second layer alone.
func (b build) image(platform v1.Platform, directory string) (v1.Image, error) {
	base, err := b.baseLayer()
	if err != nil {
		return nil, err
	}
	program, err := b.directoryLayer(directory)
	if err != nil {
		return nil, err
	}
	config := &v1.ConfigFile{
		OS: platform.OS, Architecture: platform.Architecture, Variant: platform.Variant,
		Created: v1.Time{Time: b.created},
		RootFS:  v1.RootFS{Type: "layers"},
		Config: v1.Config{
			User: user,
			Env: []string{
				"PATH=/usr/bin",
				"SSL_CERT_FILE=" + certificates,
				// The volume, whatever a configuration that was written for another place says.
				"HUEAIR2MQTT_STATE_DIR=" + stateDir,
				// Only the demo needs it, and there is no other place to write.
				"TMPDIR=" + stateDir,
			},
			Entrypoint: []string{"/usr/bin/hueair2mqtt"},
			Cmd:        []string{"run"},
			WorkingDir: stateDir,
			Volumes:    map[string]struct{}{stateDir: {}},
			Labels:     b.annotations(),
			StopSignal: "SIGTERM",
			// Not part of the OCI specification; Docker honours it in such an image as well.
			Healthcheck: &v1.HealthConfig{
				Test:     []string{"CMD", "/usr/bin/hueair2mqtt", "health"},
				Interval: 30 * time.Second, Timeout: 5 * time.Second, StartPeriod: 30 * time.Second, Retries: 3,
			},
		},
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if image, err = mutate.ConfigFile(image, config); err != nil {
		return nil, err
	}
	step := func(layer v1.Layer, by string) mutate.Addendum {
		return mutate.Addendum{Layer: layer, MediaType: types.OCILayer, History: v1.History{Created: v1.Time{Time: b.created}, CreatedBy: by}}
	}
	image, err = mutate.Append(image,
		step(base, "CA certificates and the state directory"), step(program, "hueair2mqtt "+b.version),
	)
	if err != nil {
		return nil, err
	}
	return mutate.Annotations(image, b.annotations()).(v1.Image), nil
}

// app makes the image of the Home Assistant app: the container image with what the
// app's Dockerfile says.
func (b build) app(image v1.Image, platform v1.Platform, dockerfile string) (v1.Image, error) {
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config := file.DeepCopy().Config
	config.Labels = maps.Clone(config.Labels)
	arch := map[string]string{"amd64": "amd64", "arm64": "aarch64"}[platform.Architecture]
	args := map[string]string{"BUILD_VERSION": b.version, "BUILD_ARCH": arch}
	if err := applyDockerfile(&config, dockerfile, args); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(dockerfile), err)
	}
	return mutate.Config(image, config)
}

// applyDockerfile does what the few instructions say that the app needs. Any other
// one is an error, since it would be lost here.
func applyDockerfile(config *v1.Config, name string, args map[string]string) error {
	content, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	text := strings.ReplaceAll(string(content), "\\\n", " ")
	for line := range strings.Lines(text) {
		words := strings.Fields(os.Expand(line, func(arg string) string { return args[arg] }))
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		switch instruction, rest := words[0], words[1:]; {
		case slices.Contains([]string{"ARG", "FROM"}, instruction):
		case instruction == "USER" && len(rest) == 1:
			config.User = rest[0]
		case instruction == "ENV" && len(rest) == 1:
			config.Env = append(config.Env, rest[0])
		case instruction == "LABEL":
			for _, label := range rest {
				key, value, ok := strings.Cut(label, "=")
				if !ok {
					return fmt.Errorf("LABEL %s has no value", label)
				}
				config.Labels[key] = strings.Trim(value, `"`)
			}
		default:
			return fmt.Errorf("%s is not supported here", instruction)
		}
	}
	return nil
}

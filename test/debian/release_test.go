//go:build release

package debian_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hueair2mqtt/test/harness"
)

// The builds of test-release.sh: a release, the same one built in another directory, the packages
// built with Go of Debian 13, and the fingerprint of the signing key.
var (
	releaseDist   = os.Getenv("HUEAIR2MQTT_TEST_RELEASE")
	elsewhereDist = os.Getenv("HUEAIR2MQTT_TEST_ELSEWHERE")
	debian13Dist  = os.Getenv("HUEAIR2MQTT_TEST_DEBIAN13")
	signingKey    = os.Getenv("HUEAIR2MQTT_TEST_KEY")
)

const releaseVersion = "1.0.0"

// goArch maps Debian's architectures to Go's.
var goArch = map[string]string{"amd64": "amd64", "arm64": "arm64", "armhf": "arm"}

// releaseFiles returns the files of a release by their path below its directory.
func releaseFiles(t *testing.T, dist string) map[string][]byte {
	t.Helper()
	if dist == "" {
		t.Fatal("there is no release: run make test-release")
	}
	files := make(map[string][]byte)
	err := filepath.WalkDir(dist, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dist, path)
		if err != nil {
			return err
		}
		files[name], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestReleaseIsComplete(t *testing.T) {
	want := []string{
		"SHA256SUMS", "SHA256SUMS.asc", "release-notes.md",
		"hueair2mqtt-archive-keyring.asc", "hueair2mqtt-archive-keyring_1.0.0_all.deb",
		"hueair2mqtt-1.0.0-oci.tar", "hueair2mqtt-1.0.0-homeassistant-oci.tar",
		"hueair2mqtt-1.0.0-homeassistant.tar.gz",
	}
	for arch := range goArch {
		want = append(want, "hueair2mqtt_1.0.0_"+arch+".deb",
			"hueair2mqtt_1.0.0_linux_"+arch+".tar.gz", "hueair2mqtt_1.0.0_linux_"+arch+".cdx.json")
	}
	var got []string
	for name := range releaseFiles(t, releaseDist) {
		if !strings.HasPrefix(name, "apt/") {
			got = append(got, name)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestReleaseIsReproducible(t *testing.T) {
	here, there := releaseFiles(t, releaseDist), releaseFiles(t, elsewhereDist)
	if got, want := slices.Sorted(maps.Keys(there)), slices.Sorted(maps.Keys(here)); !slices.Equal(got, want) {
		t.Fatalf("the second build has the files %v, the first %v", got, want)
	}
	for name, content := range here {
		switch name {
		case "SHA256SUMS.asc":
			continue // a signature holds the time at which it was made
		case "apt/dists/stable/InRelease":
			signed, _, _ := bytes.Cut(there[name], []byte("-----BEGIN PGP SIGNATURE"))
			if !bytes.HasPrefix(content, signed) {
				t.Errorf("%s differs before its signature", name)
			}
		default:
			if !bytes.Equal(content, there[name]) {
				t.Errorf("%s differs: compare the two builds with diffoscope", name)
			}
		}
	}
}

// Debian 13 has Go 1.24, which fetches the toolchain that go.mod names.
func TestDebian13BuildsTheSamePackages(t *testing.T) {
	release := releaseFiles(t, releaseDist)
	packages := releaseFiles(t, debian13Dist)
	if len(packages) != len(goArch) {
		t.Errorf("it built %v", slices.Sorted(maps.Keys(packages)))
	}
	for name, content := range packages {
		if !bytes.Equal(content, release[name]) {
			t.Errorf("%s differs from the release's", name)
		}
	}
}

func TestChecksumsAreSigned(t *testing.T) {
	files := releaseFiles(t, releaseDist)
	listed := make(map[string]string)
	for line := range strings.Lines(string(files["SHA256SUMS"])) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		listed[name] = sum
	}
	for name, content := range files {
		if strings.HasPrefix(name, "apt/") || strings.HasPrefix(name, "SHA256SUMS") {
			continue // the repository has signed checksums of its own
		}
		if sum := fmt.Sprintf("%x", sha256.Sum256(content)); listed[name] != sum {
			t.Errorf("the checksum of %s is %s, SHA256SUMS has %q", name, sum, listed[name])
		}
		delete(listed, name)
	}
	if len(listed) != 0 {
		t.Errorf("SHA256SUMS lists %v, which is not there", listed)
	}

	keyring := filepath.Join(t.TempDir(), "keyring.gpg")
	if out, err := exec.Command("gpg", "--batch", "--dearmor", "--output", keyring, filepath.Join(releaseDist, "hueair2mqtt-archive-keyring.asc")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	verify := func(sums string) string {
		out, err := exec.Command("gpg", "--batch", "--no-default-keyring", "--keyring", keyring, "--status-fd", "1",
			"--verify", filepath.Join(releaseDist, "SHA256SUMS.asc"), sums).Output()
		if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
			t.Fatal(err)
		}
		return string(out)
	}
	if got := verify(filepath.Join(releaseDist, "SHA256SUMS")); !strings.Contains(got, "VALIDSIG "+signingKey) {
		t.Errorf("the signature is not valid:\n%s", got)
	}
	forged := filepath.Join(t.TempDir(), "SHA256SUMS")
	if err := os.WriteFile(forged, append(files["SHA256SUMS"], '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := verify(forged); !strings.Contains(got, "BADSIG") {
		t.Errorf("the signature of changed checksums is not bad:\n%s", got)
	}
}

func TestTarballs(t *testing.T) {
	toolchain, err := exec.Command("../../packaging/toolchain.sh").Output()
	if err != nil {
		t.Fatal(err)
	}
	for arch, goarch := range goArch {
		t.Run(arch, func(t *testing.T) {
			folder := "hueair2mqtt_1.0.0_linux_" + arch
			dir := t.TempDir()
			names := untar(t, filepath.Join(releaseDist, folder+".tar.gz"), dir)
			for _, want := range []string{
				"hueair2mqtt", "hueair2mqtt.yaml", "hueair2mqtt.service", "LICENSE", "README.md", "third-party-notices.gz",
				"man/man1/hueair2mqtt.1.gz", "man/man5/hueair2mqtt.yaml.5.gz", "completions/hueair2mqtt.bash",
			} {
				if !slices.Contains(names, folder+"/"+want) {
					t.Errorf("%s is missing in %v", want, names)
				}
			}
			binary := filepath.Join(dir, folder, "hueair2mqtt")
			wantStatic(t, binary)
			info, err := buildinfo.ReadFile(binary)
			if err != nil {
				t.Fatal(err)
			}
			if info.GoVersion != strings.TrimSpace(string(toolchain)) {
				t.Errorf("it is built by %s, go.mod names %s", info.GoVersion, toolchain)
			}
			settings := make(map[string]string)
			for _, setting := range info.Settings {
				settings[setting.Key] = setting.Value
			}
			if settings["GOARCH"] != goarch {
				t.Errorf("it is for %s, want %s", settings["GOARCH"], goarch)
			}
			wantSBOM(t, filepath.Join(releaseDist, folder+".cdx.json"), info)

			extracted := t.TempDir()
			deb := filepath.Join(releaseDist, "hueair2mqtt_1.0.0_"+arch+".deb")
			if out, err := exec.Command("dpkg-deb", "--extract", deb, extracted).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if out, err := exec.Command("cmp", binary, filepath.Join(extracted, "usr/bin/hueair2mqtt")).CombinedOutput(); err != nil {
				t.Errorf("the package has another binary: %s", out)
			}
			if arch != "amd64" {
				return
			}
			if out, err := exec.Command(binary, "version").Output(); err != nil || !strings.HasPrefix(string(out), "hueair2mqtt 1.0.0 ") {
				t.Errorf("its version is %q (%v)", out, err)
			}
		})
	}
}

// untar unpacks the regular files of a tarball and returns their names.
func untar(t *testing.T, file, dir string) (names []string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Uid != 0 || header.Gid != 0 || header.Mode&0o022 != 0 {
			t.Errorf("%s is %d:%d %o", header.Name, header.Uid, header.Gid, header.Mode)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		names = append(names, header.Name)
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, header.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, fs.FileMode(header.Mode)); err != nil {
			t.Fatal(err)
		}
	}
}

// wantStatic checks that a binary needs no loader and no library.
func wantStatic(t *testing.T, file string) {
	t.Helper()
	binary, err := elf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	for _, program := range binary.Progs {
		if program.Type == elf.PT_INTERP {
			t.Error("it has an interpreter")
		}
	}
	if libraries, err := binary.ImportedLibraries(); err != nil || len(libraries) != 0 {
		t.Errorf("it needs %v (%v)", libraries, err)
	}
}

// wantSBOM checks that an SBOM lists the modules of the binary and nothing else.
func wantSBOM(t *testing.T, file string, info *buildinfo.BuildInfo) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var sbom struct {
		Format   string `json:"bomFormat"`
		Metadata struct {
			Component struct{ Name, Version string }
		}
		Components []struct{ Name, Version string }
	}
	if err := json.Unmarshal(content, &sbom); err != nil {
		t.Fatal(err)
	}
	if sbom.Format != "CycloneDX" || sbom.Metadata.Component.Name != "hueair2mqtt" || sbom.Metadata.Component.Version != "v"+releaseVersion {
		t.Errorf("it is %s of %+v", sbom.Format, sbom.Metadata.Component)
	}
	want := []string{"std " + info.GoVersion}
	for _, module := range info.Deps {
		want = append(want, module.Path+" "+module.Version)
	}
	var got []string
	for _, component := range sbom.Components {
		got = append(got, component.Name+" "+component.Version)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("it lists\n%s\nthe binary has\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestReleaseNotes(t *testing.T) {
	const changelog = `# Changelog

## Unreleased

- Not yet.

## [1.1.0] - 2026-03-01

### Added

- A second thing.

## 1.0.0 (2026-02-01)

- The first thing.

## [1.0.0-rc1]

- A try.

## 0.9

[1.1.0]: https://github.com/example/hueair2mqtt/releases/tag/v1.1.0
`
	file := filepath.Join(t.TempDir(), "CHANGELOG.md")
	harness.WriteFile(t, file, changelog, 0o600)
	for _, test := range []struct{ version, want, failure string }{
		{version: "1.1.0", want: "### Added\n\n- A second thing.\n"},
		{version: "1.0.0", want: "- The first thing.\n"},
		{version: "1.0.0-rc1", want: "- A try.\n"},
		{version: "1.0", failure: "has no section for 1.0: add \"## 1.0\""},
		{version: "1.2.0", failure: "has no section for 1.2.0: add \"## 1.2.0\""},
		{version: "0.9", failure: "has no section for 0.9"},
	} {
		t.Run(test.version, func(t *testing.T) {
			var failure bytes.Buffer
			cmd := exec.Command("../../packaging/release-notes.sh", test.version, file)
			cmd.Stderr = &failure
			got, err := cmd.Output()
			if string(got) != test.want || (err != nil) != (test.failure != "") {
				t.Errorf("got %q (%v), want %q", got, err, test.want)
			}
			if !strings.Contains(failure.String(), test.failure) || strings.Count(failure.String(), "\n") > 1 {
				t.Errorf("the error is %q, want one line with %q", &failure, test.failure)
			}
		})
	}
}

func TestReleaseRefuses(t *testing.T) {
	tree := filepath.Join(t.TempDir(), "tree")
	git := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	// This Go may not download the toolchain.
	otherGo := filepath.Join(t.TempDir(), "go")
	harness.WriteFile(t, otherGo, "#!/bin/sh\necho go1.24.0\n", 0o755)
	git("clone", "--quiet", filepath.Dir(releaseDist), tree)
	git("-C", tree, "tag", "v7.0.0")
	git("-C", tree, "-c", "user.name=test", "-c", "user.email=test@hueair2mqtt.example", "-c", "commit.gpgsign=false",
		"commit", "--quiet", "--allow-empty", "--message", "After the release")
	git("-C", tree, "tag", "v8.0.0")

	for _, test := range []struct {
		what, want string
		settings   []string
		dirty      bool
	}{
		{what: "no version", settings: []string{"VERSION="}, want: "run make release VERSION=1.0.0"},
		{what: "not a version", settings: []string{"VERSION=v1.0.0-rc1"}, want: `"v1.0.0-rc1" is not a version`},
		{what: "no owner", settings: []string{"OWNER="}, want: "OWNER is not set"},
		{what: "no key", settings: []string{"SIGNING_KEY="}, want: "SIGNING_KEY is not set"},
		{what: "an unknown key", settings: []string{"SIGNING_KEY=0123456789ABCDEF0123456789ABCDEF01234567"}, want: "gpg has no secret key 0123456789ABCDEF0123456789ABCDEF01234567: import it"},
		{what: "one of two keys is unknown", settings: []string{"SIGNING_KEY=" + signingKey + " 01234567"}, want: "gpg has no secret key 01234567"},
		{what: "no tag", settings: []string{"VERSION=9.0.0"}, want: "there is no tag v9.0.0: run git tag v9.0.0"},
		{what: "a tag of another commit", settings: []string{"VERSION=7.0.0"}, want: "v7.0.0 is not the commit that is checked out: run git checkout v7.0.0"},
		{what: "changes in no commit", dirty: true, want: "the tree has changes that are in no commit"},
		{what: "another toolchain", settings: []string{"GO=" + otherGo, "GOTOOLCHAIN=local"}, want: "Go is go1.24.0, go.mod names go1."},
		{what: "no section in the changelog", want: `has no section for 8.0.0: add "## 8.0.0"`},
	} {
		t.Run(test.what, func(t *testing.T) {
			file := filepath.Join(tree, "README.md")
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if test.dirty {
				if err := os.WriteFile(file, append(content, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
				defer os.WriteFile(file, content, 0o644)
			}
			cmd := exec.Command(filepath.Join(tree, "packaging", "release.sh"))
			cmd.Env = append(os.Environ(), "VERSION=8.0.0", "OWNER=example", "SIGNING_KEY="+signingKey)
			cmd.Env = append(cmd.Env, test.settings...)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), test.want) || strings.Count(string(out), "\n") != 1 {
				t.Errorf("it printed %q (%v), want one line with %q", out, err, test.want)
			}
			if _, err := os.Stat(filepath.Join(tree, "dist")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("it made dist (%v)", err)
			}
		})
	}
}

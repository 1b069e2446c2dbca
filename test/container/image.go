// Package container reads the OCI archives of this project and runs them with crun as a strict
// container engine does: no capabilities, a read-only root and no new privileges. It needs root and
// Linux.
package container

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Descriptor names a blob of an archive.
type Descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
	Platform  struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
		Variant      string `json:"variant"`
	} `json:"platform"`
	Annotations map[string]string `json:"annotations"`
}

// Config is the part of an image configuration that the tests check.
type Config struct {
	OS           string    `json:"os"`
	Architecture string    `json:"architecture"`
	Created      time.Time `json:"created"`
	Config       struct {
		User        string              `json:"User"`
		Env         []string            `json:"Env"`
		Entrypoint  []string            `json:"Entrypoint"`
		Cmd         []string            `json:"Cmd"`
		WorkingDir  string              `json:"WorkingDir"`
		Volumes     map[string]struct{} `json:"Volumes"`
		Labels      map[string]string   `json:"Labels"`
		StopSignal  string              `json:"StopSignal"`
		Healthcheck struct {
			Test                           []string
			Interval, Timeout, StartPeriod time.Duration
			Retries                        int
		} `json:"Healthcheck"`
	} `json:"config"`
	RootFS struct {
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
}

// Image is one platform's image of an archive.
type Image struct {
	Config
	Descriptor Descriptor
	Layers     [][]byte // uncompressed tar archives
}

// Open reads an OCI archive and checks every digest in it. It returns the images by
// architecture and the reference name of the archive.
func Open(t testing.TB, archive string) (images map[string]*Image, reference string) {
	t.Helper()
	blobs := readTar(t, archive)
	var layout struct {
		ImageLayoutVersion string `json:"imageLayoutVersion"`
	}
	decode(t, blobs["oci-layout"], &layout)
	if layout.ImageLayoutVersion != "1.0.0" {
		t.Fatalf("%s has the layout version %q", archive, layout.ImageLayoutVersion)
	}
	blob := func(d Descriptor) []byte {
		t.Helper()
		algorithm, sum, _ := strings.Cut(d.Digest, ":")
		content := blobs["blobs/"+algorithm+"/"+sum]
		if got := sha256.Sum256(content); hex.EncodeToString(got[:]) != sum || int64(len(content)) != d.Size {
			t.Fatalf("%s: the blob %s is missing or damaged", archive, d.Digest)
		}
		return content
	}
	var index struct {
		Manifests []Descriptor `json:"manifests"`
	}
	decode(t, blobs["index.json"], &index)
	if len(index.Manifests) != 1 {
		t.Fatalf("%s has %d entries; tools that read one take none or any", archive, len(index.Manifests))
	}
	reference = index.Manifests[0].Annotations["org.opencontainers.image.ref.name"]
	decode(t, blob(index.Manifests[0]), &index)
	images = make(map[string]*Image)
	for _, d := range index.Manifests {
		var manifest struct {
			Config Descriptor   `json:"config"`
			Layers []Descriptor `json:"layers"`
		}
		decode(t, blob(d), &manifest)
		image := &Image{Descriptor: d}
		decode(t, blob(manifest.Config), &image.Config)
		for n, layer := range manifest.Layers {
			z, err := gzip.NewReader(bytes.NewReader(blob(layer)))
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(z)
			if err != nil {
				t.Fatal(err)
			}
			if sum := sha256.Sum256(content); image.RootFS.DiffIDs[n] != "sha256:"+hex.EncodeToString(sum[:]) {
				t.Fatalf("%s: layer %d is not the one of the configuration", archive, n)
			}
			image.Layers = append(image.Layers, content)
		}
		images[d.Platform.Architecture] = image
	}
	return images, reference
}

func decode(t testing.TB, content []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(content, v); err != nil {
		t.Fatalf("%v: %.200s", err, content)
	}
}

func readTar(t testing.TB, name string) map[string][]byte {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]byte)
	Each(t, content, func(h *tar.Header, content []byte) { files[h.Name] = content })
	return files
}

// Each calls do for every entry of a tar archive.
func Each(t testing.TB, archive []byte, do func(h *tar.Header, content []byte)) {
	t.Helper()
	r := tar.NewReader(bytes.NewReader(archive))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		do(h, content)
	}
}

// Unpack makes a root file system of the image's layers, with the owners of the files.
func (i *Image) Unpack(t testing.TB) (root string) {
	t.Helper()
	root = filepath.Join(t.TempDir(), "rootfs")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, layer := range i.Layers {
		Each(t, layer, func(h *tar.Header, content []byte) {
			name := filepath.Join(root, filepath.FromSlash(h.Name))
			err := os.MkdirAll(name, 0o755)
			if h.Typeflag == tar.TypeReg {
				err = errors.Join(os.Remove(name), os.WriteFile(name, content, 0o600))
			}
			if err := errors.Join(err, os.Chmod(name, h.FileInfo().Mode().Perm()), os.Chown(name, h.Uid, h.Gid)); err != nil {
				t.Fatal(err)
			}
		})
	}
	return root
}

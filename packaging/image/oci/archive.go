package main

import (
	"archive/tar"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// archive writes an image index as an OCI archive: the tar of an OCI image layout with
// one entry, whose reference name is the version.
func (b build) archive(file string, index v1.ImageIndex) error {
	directory, err := os.MkdirTemp("", "oci-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	path, err := layout.Write(directory, empty.Index)
	if err != nil {
		return err
	}
	if err := path.AppendIndex(index, layout.WithAnnotations(map[string]string{
		"org.opencontainers.image.ref.name": tag(b.version),
	})); err != nil {
		return err
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	a := archiver{tar.NewWriter(out), b}
	if err := filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == directory {
			return err
		}
		name, err := filepath.Rel(directory, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return a.directory(name, 0o755, 0)
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		blob, err := os.Open(path)
		if err != nil {
			return err
		}
		defer blob.Close()
		return a.file(name, 0o644, info.Size(), blob)
	}); err != nil {
		return err
	}
	if err := a.Close(); err != nil {
		return err
	}
	return out.Close()
}

// tag returns a version as registries take it for a tag.
func tag(version string) string { return strings.NewReplacer("~", "-", "+", "-").Replace(version) }

package main

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

const (
	stateDir     = "/data"
	certificates = "/etc/ssl/certs/ca-certificates.crt"
)

// archiver writes tar archives in which everything has the same time.
type archiver struct {
	*tar.Writer
	b build
}

func (a archiver) directory(name string, mode fs.FileMode, owner int) error {
	return a.WriteHeader(&tar.Header{
		Typeflag: tar.TypeDir, Name: strings.Trim(name, "/") + "/", Mode: int64(mode), Uid: owner, Gid: owner,
		ModTime: a.b.created, Format: tar.FormatUSTAR,
	})
}

func (a archiver) file(name string, mode fs.FileMode, size int64, content io.Reader) error {
	if err := a.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: strings.TrimPrefix(name, "/"), Mode: int64(mode), Size: size, ModTime: a.b.created, Format: tar.FormatUSTAR,
	}); err != nil {
		return err
	}
	_, err := io.Copy(a, content)
	return err
}

// layer makes a layer of what fill writes.
func (b build) layer(fill func(archiver) error) (v1.Layer, error) {
	var content bytes.Buffer
	a := archiver{tar.NewWriter(&content), b}
	if err := fill(a); err != nil {
		return nil, err
	}
	if err := a.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content.Bytes())), nil
	}, tarball.WithMediaType(types.OCILayer))
}

// baseLayer holds what a program needs that brings everything else itself. The user
// has the state directory, so that a new volume has that owner, too.
func (b build) baseLayer() (v1.Layer, error) {
	roots := mozillaRoots()
	return b.layer(func(a archiver) error {
		for _, name := range []string{"etc", "etc/ssl", "etc/ssl/certs"} {
			if err := a.directory(name, 0o755, 0); err != nil {
				return err
			}
		}
		if err := a.directory(stateDir, 0o700, 65532); err != nil {
			return err
		}
		for _, f := range []struct{ name, content string }{
			{"/etc/passwd", "root:x:0:0:root:/:/nonexistent\nhueair2mqtt:x:65532:65532:hueair2mqtt:/data:/nonexistent\n"},
			{"/etc/group", "root:x:0:\nhueair2mqtt:x:65532:\n"},
			{certificates, roots},
		} {
			if err := a.file(f.name, 0o644, int64(len(f.content)), strings.NewReader(f.content)); err != nil {
				return err
			}
		}
		return nil
	})
}

// mozillaRoots returns the certificate authorities that Mozilla trusts, of the version
// of the bundle that go.mod names. Those whose certificates count only up to some date
// are left out, since PEM can't say so and the certificates before it have expired.
func mozillaRoots() string {
	var all strings.Builder
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			pem.Encode(&all, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate})
		}
	}
	return all.String()
}

// directoryLayer holds the files below a directory, with root as their owner.
func (b build) directoryLayer(directory string) (v1.Layer, error) {
	return b.layer(func(a archiver) error {
		// WalkDir is sorted.
		return filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || path == directory {
				return err
			}
			name, err := filepath.Rel(directory, path)
			if err != nil {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			switch {
			case entry.IsDir():
				return a.directory(name, 0o755, 0)
			case info.Mode().IsRegular():
				file, err := os.Open(path)
				if err != nil {
					return err
				}
				defer file.Close()
				return a.file(name, info.Mode().Perm(), info.Size(), file)
			}
			return fmt.Errorf("%s is neither a file nor a directory", path)
		})
	})
}

package configs_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"hueair2mqtt/configs"
)

func TestOnlyRegularFilesAreRead(t *testing.T) {
	dir := t.TempDir()
	pipe, socket, file, link, toPipe := filepath.Join(dir, "pipe"), filepath.Join(dir, "s"), filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "to-pipe")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.WriteFile(file, []byte("text"), 0o600), os.Symlink(file, link), os.Symlink(pipe, toPipe)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, toPipe, socket, "/dev/zero", "/dev/null"} {
		var named *fs.PathError
		if _, err := configs.ReadFile(path, 100); !errors.Is(err, configs.ErrNotRegular) || !errors.As(err, &named) || named.Path != path {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := configs.ReadFile(dir, 100); !errors.Is(err, syscall.EISDIR) {
		t.Error(err)
	}
	for _, path := range []string{file, link} {
		if text, err := configs.ReadFile(path, 4); err != nil || string(text) != "text" {
			t.Errorf("%s: %q, %v", path, text, err)
		}
	}
	if _, err := configs.ReadFile(file, 3); !errors.Is(err, configs.ErrTooLarge) || !strings.Contains(err.Error(), "3 bytes") {
		t.Error(err)
	}
	if _, err := configs.ReadFile(filepath.Join(dir, "none"), 3); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

package configs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// ErrNotRegular means that a path leads to a pipe, a socket or a device.
var ErrNotRegular = errors.New("not a regular file")

// ErrTooLarge means that a file is larger than its limit.
var ErrTooLarge = errors.New("the file is too big")

// OpenFile opens a regular file that the configuration names, and follows
// symbolic links. It never blocks: opening a pipe would wait for its writer.
// Its error is a *fs.PathError; that of a directory wraps syscall.EISDIR.
func OpenFile(path string) (*os.File, error) {
	info, err := os.Stat(path) // opening some devices has side effects
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, notRegular(path, info)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil && !info.Mode().IsRegular() {
		err = notRegular(path, info)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func notRegular(path string, info fs.FileInfo) error {
	if info.IsDir() {
		return &fs.PathError{Op: "open", Path: path, Err: syscall.EISDIR}
	}
	return &fs.PathError{Op: "open", Path: path, Err: ErrNotRegular}
}

// ReadFile reads a regular file of at most limit bytes; see OpenFile.
func ReadFile(path string, limit int64) (content []byte, err error) {
	f, err := OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	content, err = io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(content)) > limit {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)}
	}
	return content, err
}

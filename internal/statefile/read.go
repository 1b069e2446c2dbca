package statefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Read reads a file of at most limit bytes. It follows no symbolic link and does
// not wait for a pipe. It refuses a file that another user could have written:
// the owner must be this user, root or the owner of the directory, and no one
// else may have write permission. Anyone who can replace credentials decides which
// account and which server the program uses.
func Read(file string, limit int64) (content []byte, err error) {
	return readTrusted(file, filepath.Dir(file), limit)
}

func readTrusted(file, dir string, limit int64) (content []byte, err error) {
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) {
		return nil, &fs.PathError{Op: "open", Path: file, Err: errors.New("it is a symbolic link, which is not followed: put the file itself there")}
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := trusted(info, dir); err != nil {
		return nil, &fs.PathError{Op: "open", Path: file, Err: err}
	}
	content, err = io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = &fs.PathError{Op: "read", Path: file, Err: errors.New("larger than " + size(limit))}
	}
	return content, err
}

func size(bytes int64) string {
	if bytes >= 1<<20 {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%d KiB", bytes>>10)
}

// maxLinks bounds the symbolic links that ReadCredentials follows, as in the
// kernel.
const maxLinks = 40

// ReadCredentials reads a file of at most limit bytes that the configuration
// names. Unlike Read it follows symbolic links. The file and each link must
// belong to this user, root or the owner of stateDir, and no one else may have
// write permission for the file.
func ReadCredentials(path, stateDir string, limit int64) ([]byte, error) {
	for range maxLinks {
		info, err := os.Lstat(path)
		if err != nil {
			return nil, err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			return readTrusted(path, stateDir, limit)
		}
		if err := trustedOwner(info, stateDir); err != nil {
			return nil, &fs.PathError{Op: "open", Path: path, Err: fmt.Errorf("it is a symbolic link, and %w", err)}
		}
		target, err := os.Readlink(path)
		if err != nil {
			return nil, err
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	return nil, &fs.PathError{Op: "open", Path: path, Err: syscall.ELOOP}
}

// trusted returns an error if somebody other than this user, root and the owner
// of dir could have written the file.
func trusted(info fs.FileInfo, dir string) error {
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("other users may write to it (mode %04o): if its content is yours, run chmod go-w on it", info.Mode().Perm())
	}
	return trustedOwner(info, dir)
}

func trustedOwner(info fs.FileInfo, dir string) error {
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || owner.Uid == 0 || int(owner.Uid) == os.Geteuid() {
		return nil
	}
	if of, err := os.Stat(dir); err == nil {
		if dirOwner, ok := of.Sys().(*syscall.Stat_t); ok && dirOwner.Uid == owner.Uid {
			return nil
		}
	}
	return fmt.Errorf("it belongs to another user (%d): if its content is yours, run chown on it", owner.Uid)
}

// ReadableByOthers reports whether users other than the owner may read a file
// with secrets. A missing file is readable by no one.
func ReadableByOthers(file string) (bool, error) {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0, nil
}

// WithoutPath returns the cause of a file's error, for a message that already names
// the file.
func WithoutPath(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}

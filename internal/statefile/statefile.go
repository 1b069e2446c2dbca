// Package statefile reads and writes the small files in the state directory:
// credentials, pairings and alerts. A file is written whole or not at all, and a
// file that another user could have written is not read.
package statefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Write replaces a file atomically: a reader sees either the old content or the
// new, and so does the next run after a power failure.
//
// If root writes into another user's directory, the file belongs to that user.
// People pair and sign in with sudo, and the service must be able to read the
// result.
func Write(file string, content []byte, mode fs.FileMode) (err error) {
	dir := filepath.Dir(file)
	f, err := createLocked(file)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close() // may be closed already
			err = errors.Join(err, os.RemoveAll(f.Name()))
		}
	}()
	if _, err := f.Write(content); err != nil {
		return err
	}
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if err := MatchOwner(f, dir); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	// Rename before Close: Close releases the lock, and an unlocked temporary file
	// is a leftover to RemoveLeftovers.
	if err := os.Rename(f.Name(), file); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return syncDir(dir)
}

// Remove removes a file durably. It returns nil if the file does not exist.
func Remove(file string) error {
	err := os.Remove(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return syncDir(filepath.Dir(file))
}

// tempPrefix returns the prefix of the temporary files that are renamed to file.
func tempPrefix(file string) string { return "." + filepath.Base(file) + "." }

// maxLockTries bounds the tries of createLocked; a second one is rare.
const maxLockTries = 100

// createLocked creates a temporary file next to file. Its lock protects it from
// RemoveLeftovers until it is closed.
func createLocked(file string) (*os.File, error) {
	for range maxLockTries {
		f, err := os.CreateTemp(filepath.Dir(file), tempPrefix(file)+"*")
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			if _, err := os.Lstat(f.Name()); err == nil {
				return f, nil
			}
		}
		// RemoveLeftovers of another process took the lock first.
		if err := errors.Join(f.Close(), os.RemoveAll(f.Name())); err != nil {
			return nil, err
		}
	}
	return nil, &fs.PathError{Op: "lock", Path: file, Err: syscall.EWOULDBLOCK}
}

// RemoveLeftovers removes the temporary files of processes that were killed
// during Write. They may hold secrets. Files that another process is writing are
// kept.
func RemoveLeftovers(file string) error {
	dir := filepath.Dir(file)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), tempPrefix(file)) && entry.Type().IsRegular() {
			err = errors.Join(err, removeUnlocked(filepath.Join(dir, entry.Name())))
		}
	}
	return err
}

func removeUnlocked(file string) (err error) {
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.RemoveAll(file)
}

// MatchOwner gives f to the owner of dir if this process is root's and the
// directory is not. Otherwise it does nothing.
func MatchOwner(f *os.File, dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || owner.Uid == 0 {
		return nil
	}
	return f.Chown(int(owner.Uid), int(owner.Gid))
}

// syncDir makes a rename or removal in dir survive a power failure.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

package collectors

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// ReplaceFile writes a file of the state directory so that a reader, and a
// machine that loses its power, finds either the old content or the new, whole.
//
// What root writes into the directory of another user belongs to that user:
// people sign in and pair with sudo, and the service has to read it.
func ReplaceFile(file string, content []byte, mode fs.FileMode) (err error) {
	dir := filepath.Dir(file)
	f, err := createLocked(file)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoring(f.Close(), fs.ErrClosed), ignoring(os.Remove(f.Name()), fs.ErrNotExist))
		}
	}()
	if _, err := f.Write(content); err != nil {
		return err
	}
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if err := GiveToOwnerOf(dir, f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	// Closing it lets go of the lock. Under its own name nobody takes it for a leftover.
	if err := os.Rename(f.Name(), file); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return syncDir(dir)
}

// leftoverPrefix begins the names of the files that become file.
func leftoverPrefix(file string) string { return "." + filepath.Base(file) + "." }

// lockTries bounds how often createLocked tries; a second try is rare.
const lockTries = 100

// createLocked makes the file that is to become another one, and holds the lock by
// which RemoveLeftovers knows that it is being written.
func createLocked(file string) (*os.File, error) {
	for range lockTries {
		f, err := os.CreateTemp(filepath.Dir(file), leftoverPrefix(file)+"*")
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			if _, err := os.Lstat(f.Name()); err == nil {
				return f, nil
			}
		}
		// Somebody was just looking whether it is a leftover, and took it for one.
		if err := errors.Join(f.Close(), ignoring(os.Remove(f.Name()), fs.ErrNotExist)); err != nil {
			return nil, err
		}
	}
	return nil, &fs.PathError{Op: "lock", Path: file, Err: syscall.EWOULDBLOCK}
}

// RemoveLeftovers removes what processes left that were killed while they replaced
// a file of the state directory: nobody reads it, and it may hold secrets. What
// another process is writing now is left alone.
func RemoveLeftovers(file string) error {
	dir := filepath.Dir(file)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var failed []error
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), leftoverPrefix(file)) && entry.Type().IsRegular() {
			failed = append(failed, removeUnlocked(filepath.Join(dir, entry.Name())))
		}
	}
	return errors.Join(append(failed, err)...)
}

func removeUnlocked(file string) (err error) {
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return ignoring(err, fs.ErrNotExist)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil
	}
	if err != nil {
		return err
	}
	return ignoring(os.Remove(file), fs.ErrNotExist)
}

// ReadFile reads a file of the state directory that is no larger than most bytes.
// It follows no symbolic link, waits for no pipe, and trusts no file that somebody
// else could have written: one that belongs neither to this user nor to root nor to
// the directory's owner, or that others may write to. Whoever puts credentials
// there decides whom the program talks to.
func ReadFile(file string, most int64) (content []byte, err error) {
	return readTrusted(file, filepath.Dir(file), most)
}

func readTrusted(file, dir string, most int64) (content []byte, err error) {
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
	if err := trust(info, dir); err != nil {
		return nil, &fs.PathError{Op: "open", Path: file, Err: err}
	}
	content, err = io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(content)) > most {
		err = &fs.PathError{Op: "read", Path: file, Err: fmt.Errorf("larger than %s", binarySize(most))}
	}
	return content, err
}

func binarySize(bytes int64) string {
	if bytes >= 1<<20 {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%d KiB", bytes>>10)
}

// maxLinks bounds how many symbolic links ReadCredentials follows, as the kernel does.
const maxLinks = 40

// ReadCredentials reads a file with credentials that the configuration names and
// that is no larger than most bytes. It follows symbolic links, as ReadFile does
// not. Neither the file nor a link to it may belong to anybody but this user, root
// and the owner of the state directory, and nobody else may write to the file.
func ReadCredentials(path, stateDir string, most int64) ([]byte, error) {
	for range maxLinks {
		info, err := os.Lstat(path)
		if err != nil {
			return nil, err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			return readTrusted(path, stateDir, most)
		}
		if err := trustOwner(info, stateDir); err != nil {
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

// trust says why a file is not to be trusted. dir is the directory whose owner is
// trusted beside root and this user.
func trust(info fs.FileInfo, dir string) error {
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("others may write to it (mode %04o): if its content is yours, run chmod go-w on it", info.Mode().Perm())
	}
	return trustOwner(info, dir)
}

func trustOwner(info fs.FileInfo, dir string) error {
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

// ReadableByOthers says whether a file with secrets can be read by more than its
// owner. That is no reason to do without it, but somebody should be told: "chmod
// 600" it, and get new secrets if others use the machine. A file that is not there
// can be read by nobody.
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

// GiveToOwnerOf makes a file belong to the owner of a directory, if this is root's
// process and may do that; see ReplaceFile.
func GiveToOwnerOf(dir string, f *os.File) error {
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

// RemoveFile removes a file of the state directory for good; that it is gone
// already is fine.
func RemoveFile(file string) error {
	err := os.Remove(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return syncDir(filepath.Dir(file))
}

// ignoring drops an error that says that there was nothing to do.
func ignoring(err, harmless error) error {
	if errors.Is(err, harmless) {
		return nil
	}
	return err
}

// syncDir makes a rename or a removal survive a loss of power.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

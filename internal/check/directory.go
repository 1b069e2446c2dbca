package check

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"hueair2mqtt/internal/statefile"
)

// minSpace is the free space, in bytes, below which a disk gets a warning. The program's
// files have some kilobytes, but others write to the same disk.
const minSpace = 10 << 20

// StateDir reports whether the program can store its files in a directory, by writing one.
// The program creates a missing directory, so its parent must be writable then.
func StateDir(dir string) Finding {
	const component = "state directory"
	place, missing, err := existing(dir)
	if err != nil {
		f := Failed(component, "make it a directory, or set state_dir to another one", "%s: %v", dir, err)
		f.Unusable = true
		return f
	}
	if err := tryWriting(place); err != nil {
		f := Failed(component, writeRemedy(err, place, "state_dir"), "%s can't be written: %v", place, err)
		f.Unusable = missing // without it run doesn't start; if it exists, only what is stored there is lost
		return f
	}
	text := dir
	if missing {
		text += " does not exist yet; the program creates it"
	}
	return withSpace(component, place, text)
}

// logFile reports whether a log file can be written and rotated.
func logFile(file string) Finding {
	const component = "log"
	dir := filepath.Dir(file)
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Failed(component, fmt.Sprintf("run: install -d -o %s %s", userName(uint32(os.Geteuid())), dir),
			"log.file: there is no directory %s", dir)
	case err != nil:
		return Failed(component, "name a file in a directory that the service may write to", "log.file: %v", err)
	case !info.IsDir():
		return Failed(component, "name a file in a directory", "log.file: %s is not a directory", dir)
	}
	info, err = os.Lstat(file)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		info, err = os.Stat(file)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return Failed(component, "name a file that the service may write", "log.file: %v", err)
	case !info.Mode().IsRegular():
		return Failed(component, "name an ordinary file", "log.file: %s is %s, not a file", file, kind(info.Mode()))
	default:
		f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			return Failed(component, writeRemedy(err, file, "log.file"), "log.file: %s can't be written: %v", file, statefile.WithoutPath(err))
		}
	}
	if err := tryWriting(dir); err != nil {
		return Failed(component, writeRemedy(err, dir, "log.file"), "log.file: %s can't be written, which the rotation needs: %v", dir, err)
	}
	return withSpace(component, dir, file)
}

// existing returns the directory or, if it is missing, the nearest one above it that exists.
func existing(dir string) (place string, missing bool, err error) {
	for place = dir; ; missing = true {
		info, err := os.Stat(place)
		parent := filepath.Dir(place)
		switch {
		case err == nil && !info.IsDir():
			return "", false, fmt.Errorf("%s is %s, not a directory", place, kind(info.Mode()))
		case err == nil:
			return place, missing, nil
		case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrNotExist) && parent != place:
			place = parent
		default:
			return "", false, err
		}
	}
}

// trialFile is the name of the file that tryWriting writes. It is always the same, so that
// the next trial removes the file of a killed one.
const trialFile = ".hueair2mqtt-check"

// tryWriting writes a small file to the disk and removes it.
func tryWriting(dir string) (err error) {
	f, err := createTrial(filepath.Join(dir, trialFile))
	if err != nil {
		return statefile.WithoutPath(err)
	}
	defer func() {
		if removed := os.Remove(f.Name()); !errors.Is(removed, fs.ErrNotExist) { // another trial may have removed it
			err = errors.Join(err, removed)
		}
	}()
	const block = 4096
	if _, err := f.Write(make([]byte, block)); err != nil {
		return errors.Join(statefile.WithoutPath(err), f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(statefile.WithoutPath(err), f.Close())
	}
	return f.Close()
}

// createTrial creates the file after removing it, so that nothing is written to a file that
// another user has put there.
func createTrial(file string) (f *os.File, err error) {
	for range 10 { // another process may try the same directory
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		f, err = os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return f, err
}

// writeRemedy returns the remedy for a place that can't be written.
func writeRemedy(err error, place, key string) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "free space on the disk of " + place
	case errors.Is(err, syscall.EROFS):
		return fmt.Sprintf("mount the disk of %s writable, or set %s elsewhere", place, key)
	}
	return fmt.Sprintf("allow the user that runs hueair2mqtt to write there (chown %d %s), or set %s elsewhere", os.Geteuid(), place, key)
}

// withSpace passes unless the disk is nearly full.
func withSpace(component, dir, text string) Finding {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		return Passed(component, "%s; its free space is unknown: %v", text, err)
	}
	free := disk.Bavail * uint64(disk.Bsize)
	if free < minSpace {
		return Warned(component, "free space on the disk of "+dir, "%s: only %s free", text, size(free))
	}
	return Passed(component, "%s, %s free", text, size(free))
}

func size(bytes uint64) string {
	switch {
	case bytes >= 10<<30:
		return fmt.Sprintf("%d GiB", bytes>>30)
	case bytes >= 10<<20:
		return fmt.Sprintf("%d MiB", bytes>>20)
	default:
		return fmt.Sprintf("%d KiB", bytes>>10)
	}
}

func kind(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return "a file"
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	default:
		return "a device"
	}
}

func userName(id uint32) string {
	if u, err := user.LookupId(strconv.Itoa(int(id))); err == nil {
		return u.Username
	}
	return strconv.Itoa(int(id))
}

func groupName(id uint32) string {
	if g, err := user.LookupGroupId(strconv.Itoa(int(id))); err == nil {
		return g.Name
	}
	return strconv.Itoa(int(id))
}

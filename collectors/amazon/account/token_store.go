package account

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/internal/statefile"
)

const (
	// StateFile is the name, in the state directory, of the file that keeps a sign-in.
	StateFile = "amazon.json"

	// stateFileMode lets only the program's user read it: it is as good as the account's
	// password until the device is deregistered.
	stateFileMode = 0o600

	// maxStateFile is the size in bytes above which a file is neither ours nor an export
	// of cookies: a browser with thousands of them stays below it.
	maxStateFile = 1 << 20
)

var (
	// ErrNotSignedIn is the error of a sign-out without a sign-in.
	ErrNotSignedIn = errors.New("not signed in: there is no " + StateFile)

	errSignedOut = errors.New("amazon logout removed the sign-in")
)

// tokenStore is amazon.json in the state directory. "amazon login" and "amazon logout"
// write it while "run" renews what it holds, so every change takes the lock of the
// directory.
type tokenStore struct {
	file string // "" where there is no state directory
}

// read returns the file's content. Without a file the error is fs.ErrNotExist.
func (t tokenStore) read() ([]byte, error) {
	if t.file == "" {
		return nil, fs.ErrNotExist
	}
	return statefile.Read(t.file, maxStateFile)
}

// load returns the credentials in the file, or nil if it holds none that can be read.
func (t tokenStore) load() (c *credentials, content []byte, err error) {
	if content, err = t.read(); err != nil {
		return nil, nil, err
	}
	c, _ = decodeCredentials(content)
	return c, content, nil
}

// begin writes the credentials of a new sign-in and returns those that it replaces, if
// any can be read.
func (t tokenStore) begin(ctx context.Context, next *credentials) (before *credentials, err error) {
	content, err := next.encode()
	if err != nil {
		return nil, err
	}
	unlock, err := lockDir(ctx, filepath.Dir(t.file))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	before, _, _ = t.load() // whatever is wrong with it, it goes
	if err := statefile.Write(t.file, content, stateFileMode); err != nil {
		return nil, err
	}
	return before, statefile.RemoveLeftovers(t.file)
}

// replace writes next in place of before and returns what the file holds then. If
// somebody signed in since before was read, that sign-in stays; if somebody signed
// out, the error is errSignedOut.
func (t tokenStore) replace(ctx context.Context, before, next *credentials) (stored *credentials, content []byte, err error) {
	if content, err = next.encode(); err != nil {
		return nil, nil, err
	}
	unlock, err := lockDir(ctx, filepath.Dir(t.file))
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	present, presentContent, err := t.load()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, errSignedOut
	case present != nil && present.RefreshToken != before.RefreshToken:
		return present, presentContent, nil
	}
	return next, content, statefile.Write(t.file, content, stateFileMode)
}

// remove removes the file and what was left of it, and returns what it held; nil is
// something unreadable. Without a file the error is ErrNotSignedIn.
func (t tokenStore) remove(ctx context.Context) (c *credentials, err error) {
	unlock, err := lockDir(ctx, filepath.Dir(t.file))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotSignedIn
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	c, _, err = t.load()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(ErrNotSignedIn, statefile.RemoveLeftovers(t.file))
	}
	return c, errors.Join(statefile.Remove(t.file), statefile.RemoveLeftovers(t.file))
}

const (
	// lockPatience is how long to wait for the lock of another process. This program
	// holds it only while it replaces a file.
	lockPatience = 5 * time.Second

	// lockPause is the time between two tries.
	lockPause = 50 * time.Millisecond
)

// lockDir locks a directory against other processes of this program until unlock. The
// lock is on the directory itself, so nothing is left behind.
//
// Any user who can open the directory can hold its lock, so lockDir waits no longer
// than lockPatience, and no longer than ctx.
func lockDir(ctx context.Context, dir string) (unlock func() error, err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	tick := time.NewTicker(lockPause)
	defer tick.Stop()
	for {
		err = syscall.Flock(int(d.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return d.Close, nil // closing ends the lock
		case !errors.Is(err, syscall.EINTR) && !errors.Is(err, syscall.EWOULDBLOCK):
			return nil, errors.Join(fmt.Errorf("locking %s: %w", dir, err), d.Close())
		}
		select {
		case <-tick.C:
		case <-limited.Done():
			if ctx.Err() != nil {
				return nil, errors.Join(fmt.Errorf("locking %s: %w", dir, ctx.Err()), d.Close())
			}
			return nil, errors.Join(&collectors.RemedyError{
				Err:    fmt.Errorf("another process has held the lock of %s for %s", dir, lockPatience),
				Remedy: "end it (lsof " + dir + " names it), and keep other users out of the directory: chmod o-rwx " + dir,
			}, d.Close())
		}
	}
}

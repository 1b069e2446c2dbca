package amazon_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"hueair2mqtt/collectors"
)

// holdLock does what any user can do who may open the directory.
func holdLock(t *testing.T, dir string) (release func()) {
	t.Helper()
	d, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Somebody holds the lock of the state directory for ever: polls go on, it is
// reported, and what was renewed is written once the lock is free.
func TestHeldLockDoesNotStopPolls(t *testing.T) {
	inSignInHome(t, func(h *signInHome) {
		h.signIn("amazon.co.uk")
		h.cleanPoll()
		before := h.read()
		release := holdLock(t, h.state)
		h.account.KillCookies()
		for range 3 {
			began := time.Now()
			wantFault(t, h.poll(), "kept in memory only", "another process has held the lock of "+h.state)
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("a poll took %s", took)
			}
			time.Sleep(interval)
		}
		s := h.begin("amazon.co.uk")
		if err := h.finish(s, h.browse(s)); err == nil || !strings.Contains(err.Error(), "chmod o-rwx "+h.state) {
			t.Errorf("sign-in: %v", err)
		}
		s.Close()
		if err := h.signOut(); err == nil || !strings.Contains(err.Error(), "held the lock") {
			t.Errorf("sign-out: %v", err)
		}
		if h.read() != before {
			t.Error("amazon.json was changed without the lock")
		}
		release()
		h.cleanPoll()
		if h.read() == before {
			t.Error("the renewed cookies were not written")
		}
	})
}

// The end of the program does not wait for the lock.
func TestWaitForTheLockEndsWithTheContext(t *testing.T) {
	inSignInHome(t, func(h *signInHome) {
		h.signIn("amazon.co.uk")
		h.cleanPoll()
		defer holdLock(t, h.state)()
		h.account.KillCookies()
		ctx, cancel := context.WithCancel(h.t.Context())
		defer cancel()
		h.duringRenewal(func() { time.AfterFunc(time.Second, cancel) })
		began := time.Now()
		_, _ = h.collector.Collect(ctx, h.retry)
		if took := time.Since(began); took > 1100*time.Millisecond || !errors.Is(ctx.Err(), context.Canceled) {
			t.Errorf("it took %s", took)
		}
	})
}

// A file of cookies that others can write, or that is theirs, is not used.
func TestCookiesOfOthersAreNotUsed(t *testing.T) {
	for name, change := range map[string]func(file string) error{
		"writable by all":   func(file string) error { return os.Chmod(file, 0o666) },
		"writable by group": func(file string) error { return os.Chmod(file, 0o660) },
		"another user's":    func(file string) error { return os.Chown(file, 1234, -1) },
		"another user's link": func(file string) error {
			return errors.Join(os.Rename(file, file+".own"), os.Symlink(file+".own", file), os.Lchown(file, 1234, -1))
		},
		"another user's, behind a link": func(file string) error {
			return errors.Join(os.Rename(file, file+".own"), os.Symlink(file+".own", file), os.Chown(file+".own", 1234, -1))
		},
		"writable by all, behind links": func(file string) error {
			return errors.Join(os.Rename(file, file+".own"), os.Symlink("cookies.json.own", file+".2"), os.Symlink(file+".2", file), os.Chmod(file+".own", 0o666))
		},
		"a link to itself": func(file string) error { return errors.Join(os.Remove(file), os.Symlink(file, file)) },
		"a pipe":           func(file string) error { return errors.Join(os.Remove(file), syscall.Mkfifo(file, 0o600)) },
		"a device":         func(file string) error { return errors.Join(os.Remove(file), os.Symlink("/dev/zero", file)) },
	} {
		t.Run(name, func(t *testing.T) {
			if os.Geteuid() != 0 && strings.Contains(name, "another user's") {
				t.Log("not root, who alone can give files away")
				return
			}
			inHome(t, func(h *testHome) {
				if err := change(h.cookies); err != nil {
					t.Fatal(err)
				}
				_, err := h.collect()
				wantClass(t, err, collectors.Authentication)
				if n := h.account.Requests(""); n != 0 {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
	inHome(t, func(h *testHome) { // a link of one's own is followed
		if err := errors.Join(os.Rename(h.cookies, h.cookies+".own"), os.Symlink("cookies.json.own", h.cookies)); err != nil {
			t.Fatal(err)
		}
		if _, err := h.collect(); err != nil {
			t.Error(err)
		}
	})
}

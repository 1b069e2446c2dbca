package account_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/test/harness/alexa"
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
	alexa.RunSignIn(t, func(h *alexa.SignInHome) {
		h.SignIn("amazon.co.uk")
		h.CleanPoll()
		before := h.Read()
		release := holdLock(t, h.State)
		h.Account.KillCookies()
		for range 3 {
			began := time.Now()
			alexa.WantFault(t, h.Poll(), "kept in memory only", "another process has held the lock of "+h.State)
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("a poll took %s", took)
			}
			time.Sleep(alexa.Interval)
		}
		s := h.Begin("amazon.co.uk")
		if err := h.Finish(s, h.Browse(s)); err == nil || !strings.Contains(err.Error(), "chmod o-rwx "+h.State) {
			t.Errorf("sign-in: %v", err)
		}
		s.Close()
		if err := h.SignOut(); err == nil || !strings.Contains(err.Error(), "held the lock") {
			t.Errorf("sign-out: %v", err)
		}
		if h.Read() != before {
			t.Error("amazon.json was changed without the lock")
		}
		release()
		h.CleanPoll()
		if h.Read() == before {
			t.Error("the renewed cookies were not written")
		}
	})
}

// The end of the program does not wait for the lock.
func TestWaitForTheLockEndsWithTheContext(t *testing.T) {
	alexa.RunSignIn(t, func(h *alexa.SignInHome) {
		h.SignIn("amazon.co.uk")
		h.CleanPoll()
		defer holdLock(t, h.State)()
		h.Account.KillCookies()
		ctx, cancel := context.WithCancel(h.T.Context())
		defer cancel()
		h.DuringRenewal(func() { time.AfterFunc(time.Second, cancel) })
		began := time.Now()
		_, _ = h.Collector.Collect(ctx, h.Retry)
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
			alexa.Run(t, func(h *alexa.Home) {
				if err := change(h.Cookies); err != nil {
					t.Fatal(err)
				}
				_, err := h.Collect()
				alexa.WantClass(t, err, collectors.Authentication)
				if n := h.Account.Requests(""); n != 0 {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
	alexa.Run(t, func(h *alexa.Home) { // a link of one's own is followed
		if err := errors.Join(os.Rename(h.Cookies, h.Cookies+".own"), os.Symlink("cookies.json.own", h.Cookies)); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Collect(); err != nil {
			t.Error(err)
		}
	})
}

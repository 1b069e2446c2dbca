package amazon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"hueair2mqtt/collectors"
	"hueair2mqtt/internal/statefile"
)

// ErrNotSignedIn says that there is no sign-in to end.
var ErrNotSignedIn = errors.New("nobody is signed in: there is no " + StateFile)

// DeregisterError says that the sign-in was removed from this machine, but that
// the account still lists the device.
type DeregisterError struct{ Err error }

func (e *DeregisterError) Error() string {
	return fmt.Sprintf("the sign-in is removed from this machine, but Amazon could not be told: %v; "+
		"the account still lists the device %q: remove it at Amazon, under \"Your devices\"", e.Err, appName)
}
func (e *DeregisterError) Unwrap() error { return e.Err }

// SignOut takes this device out of the account and removes amazon.json from the
// state directory, whatever Amazon says; a running bridge notices at its next
// poll. Its error is ErrNotSignedIn, a *DeregisterError if Amazon could not be
// told, or why the file is still there.
func SignOut(ctx context.Context, retry *collectors.Retrier, o Options) error {
	c, err := New(o)
	if err != nil {
		return err
	}
	defer c.Close()
	signIn, err := c.session.end(ctx)
	if err != nil {
		return err
	}
	if signIn == nil {
		return &DeregisterError{errors.New("the file did not hold a sign-in")}
	}
	err = c.session.host.leave(ctx, retry, signIn)
	if err != nil && collectors.ClassOf(err) != collectors.Authentication { // else it is out already
		return &DeregisterError{err}
	}
	return nil
}

// end removes the file and what was left of it, and returns what it held; nil is
// something unreadable.
func (s *session) end(ctx context.Context) (signIn *credentials, err error) {
	unlock, err := lockDir(ctx, filepath.Dir(s.file))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotSignedIn
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	content, err := statefile.Read(s.file, maxStateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(ErrNotSignedIn, statefile.RemoveLeftovers(s.file))
	}
	if err == nil {
		if there, decodeErr := decodeCredentials(content); decodeErr == nil {
			signIn = there
			s.hide(signIn.secrets()...)
		}
	}
	return signIn, errors.Join(statefile.Remove(s.file), statefile.RemoveLeftovers(s.file))
}

// leave takes the device of a sign-in out of its account.
func (h *tokenHost) leave(ctx context.Context, retry *collectors.Retrier, signIn *credentials) error {
	token, err := h.accessToken(ctx, retry, signIn.RefreshToken, signIn.Domain)
	if err != nil {
		return err
	}
	return h.deregister(ctx, retry, token)
}

package account

import (
	"context"
	"errors"
	"fmt"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/account/tokenhost"
)

// DeregisterError reports that the sign-in was removed from this machine, but that the
// account still lists the device.
type DeregisterError struct{ Err error }

func (e *DeregisterError) Error() string {
	return fmt.Sprintf("the sign-in is removed from this machine, but the account still lists the device %q: "+
		"remove it at Amazon, under \"Your devices\" (%v)", tokenhost.AppName, e.Err)
}
func (e *DeregisterError) Unwrap() error { return e.Err }

// SignOut removes amazon.json from the state directory and takes this device out of the
// account. A running bridge notices at its next poll. The error is ErrNotSignedIn, a
// *DeregisterError if the device is still in the account, or why the file still exists.
func SignOut(ctx context.Context, retry *collectors.Retrier, o Options) error {
	a, err := New(o)
	if err != nil {
		return err
	}
	defer a.Close()
	signIn, err := a.session.store.remove(ctx)
	if err != nil {
		return err
	}
	if signIn == nil {
		return &DeregisterError{errors.New(StateFile + " held no sign-in")}
	}
	if err := a.leave(ctx, retry, signIn); err != nil {
		return &DeregisterError{err}
	}
	return nil
}

// leave takes the device of a sign-in out of its account. That it is out already is fine.
func (a *Account) leave(ctx context.Context, retry *collectors.Retrier, signIn *credentials) error {
	a.session.redactor.Hide(signIn.secrets()...)
	host := &a.session.host
	token, err := host.AccessToken(ctx, retry, signIn.RefreshToken, signIn.Domain)
	if err == nil {
		err = host.Deregister(ctx, retry, token)
	}
	if collectors.ClassOf(err) == collectors.Authentication {
		return nil
	}
	return err
}

package amazon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"hueair2mqtt/collectors"
)

const (
	// StateFile is the name, in the state directory, of what signing in got.
	StateFile = "amazon.json"

	// credentialsMode lets nobody but the program's user read it: it is as good as
	// the account's password until the device is deregistered.
	credentialsMode = 0o600

	// credentialsVersion is the form of the file. A later one that older programs
	// can't read has a greater number.
	credentialsVersion = 1

	// maxStateFile is the size, in bytes, above which a file is none of ours and no
	// export of cookies: a browser with thousands of them stays below it.
	maxStateFile = 1 << 20
)

// credentials are what signing in got, as the file holds them. The access token
// and the device's key, which Amazon gives too, are not kept: nothing needs them.
type credentials struct {
	Version int `json:"version"`

	// Domain is the marketplace that Cookies are for.
	Domain string `json:"domain"`
	// AtHome says that Domain is known to be the account's home.
	AtHome bool `json:"at_home"`
	// Region is that of the account as the registration told it: "NA", "EU", "FE".
	Region string `json:"region,omitempty"`

	DeviceSerial string    `json:"device_serial"`
	RefreshToken secret    `json:"refresh_token"`
	Cookies      []cookie  `json:"cookies"`
	RenewedAt    time.Time `json:"renewed_at"`
}

// cookie is one of Amazon's. Expires is zero where Amazon did not tell.
type cookie struct {
	Name    string    `json:"name"`
	Value   secret    `json:"value"`
	Expires time.Time `json:"expires,omitzero"`
}

// maxRenewalMargin is how long before the end of cookies they are renewed at
// most; see renewAt.
const maxRenewalMargin = 24 * time.Hour

// expiry is when the first of the cookies ends; zero if none says.
func (c *credentials) expiry() time.Time {
	var first time.Time
	for _, cookie := range c.Cookies {
		if !cookie.Expires.IsZero() && (first.IsZero() || cookie.Expires.Before(first)) {
			first = cookie.Expires
		}
	}
	return first
}

// renewAt is when the cookies are to be renewed: when a quarter of their life is
// left, or a day if that is shorter, so that many polls can try before they end.
// It is zero for cookies that don't say when they end.
func (c *credentials) renewAt() time.Time {
	end := c.expiry()
	if end.IsZero() {
		return end
	}
	margin := end.Sub(c.RenewedAt) / 4
	return end.Add(-min(max(margin, 0), maxRenewalMargin))
}

// values are the cookies as a request carries them.
func (c *credentials) values() map[string]string {
	values := make(map[string]string, len(c.Cookies))
	for _, cookie := range c.Cookies {
		values[cookie.Name] = string(cookie.Value)
	}
	return values
}

// secrets are all values that nobody may see.
func (c *credentials) secrets() []secret {
	all := []secret{c.RefreshToken}
	for _, cookie := range c.Cookies {
		all = append(all, cookie.Value)
	}
	return all
}

// encode gives the file's content.
func (c *credentials) encode() ([]byte, error) {
	content, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("making %s: %w", StateFile, err)
	}
	return append(content, '\n'), nil
}

// decodeCredentials reads the file's content. Its errors hold nothing of it.
func decodeCredentials(content []byte) (*credentials, error) {
	var c credentials
	if json.Unmarshal(content, &c) != nil { // its error may quote what is in the file
		return nil, errors.New("it is not what hueair2mqtt wrote")
	}
	switch {
	case c.Version > credentialsVersion:
		return nil, errors.New("a newer hueair2mqtt wrote it")
	case c.RefreshToken == "" || !domainPattern.MatchString(c.Domain):
		return nil, errors.New("it is not what hueair2mqtt wrote")
	}
	for _, cookie := range c.Cookies {
		if err := checkCookie(cookie.Name, string(cookie.Value)); err != nil {
			return nil, err
		}
	}
	return &c, nil
}

func withoutPath(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// lockPatience is how long the lock of another process is waited for. This program
// holds it for the time that a file takes to be replaced.
const lockPatience = 5 * time.Second

// lockPause is the time between two tries to lock.
const lockPause = 50 * time.Millisecond

// lockDir keeps other processes of this program from replacing a file of the
// directory until unlock: "amazon login" must not be overwritten by a renewal
// that "run" had begun with the credentials of before. The lock is on the
// directory itself, so nothing is left behind.
//
// Any user who can open the directory can hold its lock. It waits for lockPatience
// at most, and no longer than ctx.
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

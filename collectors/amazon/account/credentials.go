package account

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"hueair2mqtt/collectors/amazon/account/tokenhost"
	"hueair2mqtt/collectors/amazon/wire"
)

// credentialsVersion is the version of the file's format. A format that older programs
// can't read has a greater one.
const credentialsVersion = 1

// credentials are what a sign-in yields, as amazon.json holds them. The access token
// and the device's key, which Amazon sends too, are not kept: nothing needs them.
type credentials struct {
	Version int `json:"version"`

	// Domain is the marketplace that Cookies are for.
	Domain string `json:"domain"`
	// AtHome reports whether Domain is known to be the account's home.
	AtHome bool `json:"at_home"`
	// Hint is the marketplace that the user named when signing in. Older files have none.
	Hint string `json:"hint,omitempty"`
	// Holder is the name of the account's holder, if Amazon sent it.
	Holder string `json:"holder,omitempty"`
	// Region is that of the account by its registration: "NA", "EU", "FE".
	Region string `json:"region,omitempty"`

	DeviceSerial string             `json:"device_serial"`
	RefreshToken wire.Secret        `json:"refresh_token"`
	Cookies      []tokenhost.Cookie `json:"cookies"`
	RenewedAt    time.Time          `json:"renewed_at"`
}

// maxRenewalMargin is the longest time before the cookies expire that they are
// renewed; see renewAt.
const maxRenewalMargin = 24 * time.Hour

// expiry returns when the first cookie expires, or zero if unknown.
func (c *credentials) expiry() time.Time {
	var first time.Time
	for _, cookie := range c.Cookies {
		if !cookie.Expires.IsZero() && (first.IsZero() || cookie.Expires.Before(first)) {
			first = cookie.Expires
		}
	}
	return first
}

// renewAt returns when to renew the cookies: when a quarter of their life is left, or a
// day if that is shorter, so that many polls can try before they expire. It is zero if
// their expiry is unknown.
func (c *credentials) renewAt() time.Time {
	end := c.expiry()
	if end.IsZero() {
		return end
	}
	margin := end.Sub(c.RenewedAt) / 4
	return end.Add(-min(max(margin, 0), maxRenewalMargin))
}

// jar returns the cookies as requests carry them.
func (c *credentials) jar() jar {
	j := make(jar, len(c.Cookies))
	for _, cookie := range c.Cookies {
		j[cookie.Name] = string(cookie.Value)
	}
	return j
}

// secrets returns all secret values.
func (c *credentials) secrets() []wire.Secret {
	all := []wire.Secret{c.RefreshToken}
	for _, cookie := range c.Cookies {
		all = append(all, cookie.Value)
	}
	return all
}

// encode returns the file's content.
func (c *credentials) encode() ([]byte, error) {
	content, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding the credentials: %w", err)
	}
	return append(content, '\n'), nil
}

// decodeCredentials reads the file's content. Its errors do not quote it.
func decodeCredentials(content []byte) (*credentials, error) {
	var c credentials
	if json.Unmarshal(content, &c) != nil {
		return nil, errors.New("it is not what hueair2mqtt wrote")
	}
	switch {
	case c.Version > credentialsVersion:
		return nil, errors.New("a newer hueair2mqtt wrote it")
	case c.RefreshToken == "" || !domainPattern.MatchString(c.Domain) || (c.Hint != "" && !domainPattern.MatchString(c.Hint)):
		return nil, errors.New("it is not what hueair2mqtt wrote")
	}
	for _, cookie := range c.Cookies {
		if err := tokenhost.CheckCookie(cookie.Name, string(cookie.Value)); err != nil {
			return nil, err
		}
	}
	return &c, nil
}

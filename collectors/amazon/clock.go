package amazon

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"time"
)

// ServerTime asks the Alexa host what time it is. No cookie is sent, and the
// certificate is not checked: with a clock that is wrong it would be refused, and
// nothing is decided by the answer but what the user is told about the clock.
func ServerTime(ctx context.Context, o Options) (server string, at time.Time, err error) {
	c, err := New(o)
	if err != nil {
		return "", time.Time{}, err
	}
	defer c.Close()
	if transport, ok := c.http.Transport.(*http.Transport); ok {
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, c.endpoint+"/", nil)
	if err != nil {
		return c.endpoint, time.Time{}, errors.New("the address of Amazon is unusable")
	}
	req.Header.Set("User-Agent", userAgent)
	resp, err := c.http.Do(req)
	if err != nil {
		return c.endpoint, time.Time{}, c.fromNetwork(err)
	}
	defer resp.Body.Close()
	at, err = http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return c.endpoint, time.Time{}, errors.New("the answer has no date")
	}
	return c.endpoint, at, nil
}

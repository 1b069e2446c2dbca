package amazon

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"time"
)

// ServerTime asks the Alexa host for its time. It sends no cookie and does not check
// the certificate: with a wrong clock the check would fail, and the answer decides
// nothing but what the user reads about the clock.
func ServerTime(ctx context.Context, o Options) (server string, at time.Time, err error) {
	c, err := New(o)
	if err != nil {
		return "", time.Time{}, err
	}
	defer c.Close()
	transport := newTransport(o.DialContext)
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, c.endpoint+"/", nil)
	if err != nil {
		return c.endpoint, time.Time{}, errors.New("the address of Amazon is unusable")
	}
	req.Header.Set("User-Agent", userAgent)
	resp, err := transport.RoundTrip(req)
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

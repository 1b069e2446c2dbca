package account

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"time"

	"hueair2mqtt/collectors/amazon/wire"
)

// ServerTime returns the time of the Alexa host. It sends no cookie and does not check the
// certificate: with a wrong clock the check would fail, and the result is only shown to
// the user.
func ServerTime(ctx context.Context, o Options) (server string, at time.Time, err error) {
	a, err := New(o)
	if err != nil {
		return "", time.Time{}, err
	}
	defer a.Close()
	transport := wire.NewTransport(o.Transport)
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, a.endpoint+"/", nil)
	if err != nil {
		return a.endpoint, time.Time{}, errors.New("the address of Amazon can't be used")
	}
	req.Header.Set("User-Agent", wire.UserAgent)
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return a.endpoint, time.Time{}, a.http.NetworkError(err)
	}
	defer resp.Body.Close()
	at, err = http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return a.endpoint, time.Time{}, errors.New("the response has no date")
	}
	return a.endpoint, at, nil
}

// Package tokenhost is Amazon's token host, api.amazon.com: it registers this program as a
// device of an account, and renews the device's cookies and access token with the refresh
// token of the registration.
package tokenhost

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/wire"
)

// AppName is the name of this program in the account's list of devices.
const AppName = "hueair2mqtt"

// DefaultBase is the base URL of the token host of all marketplaces.
const DefaultBase = "https://api.amazon.com"

const (
	registerPath   = "/auth/register"
	tokenPath      = "/auth/token"
	deregisterPath = "/auth/deregister"

	// exchangePath renews cookies at the retail host of a marketplace.
	exchangePath = "/ap/exchangetoken/cookies"
)

// Host is the token host. The Remedy of its authentication errors is left to the caller.
type Host struct {
	HTTP   *wire.Exchanger
	Base   string               // base URL
	Hide   func(...wire.Secret) // is called with what Amazon sends
	Redact func(string) string

	// retail is true for the retail host of a marketplace, which serves browsers too and
	// may refuse a program with 403 whatever its token is.
	retail bool
}

// Cookies gets new cookies of a marketplace for a refresh token. If the token host sends
// none but does not reject the token, it asks the retail host, as alexapy and
// alexa-cookie2 do.
func (h *Host) Cookies(ctx context.Context, retry *collectors.Retrier, refreshToken wire.Secret, domain string) ([]Cookie, error) {
	form := tokenForm(refreshToken, "auth_cookies", "www."+domain)
	cookies, err := h.cookies(ctx, retry, tokenPath, "renewing the cookies", form, domain)
	if err == nil || ctx.Err() != nil || collectors.ClassOf(err) != collectors.Permanent {
		return cookies, err
	}
	retail := *h
	retail.retail = true
	if h.Base == DefaultBase {
		retail.Base = "https://www." + domain
	}
	form.Set("domain", "."+domain)
	cookies, exchangeErr := retail.cookies(ctx, retry, exchangePath, "exchanging the token for cookies", form, domain)
	if exchangeErr != nil {
		// The class is that of the second way: the first one was not final.
		return nil, fmt.Errorf("%w; before that, %s", exchangeErr, err.Error())
	}
	return cookies, nil
}

func (h *Host) cookies(ctx context.Context, retry *collectors.Retrier, path, purpose string, form url.Values, domain string) (cookies []Cookie, err error) {
	err = h.post(ctx, retry, purpose, formRequest(path, form), func(body []byte, clockAhead time.Duration) (err error) {
		cookies, err = parseCookies(body, domain, clockAhead)
		return err
	})
	return cookies, err
}

// AccessToken gets an access token for a refresh token.
func (h *Host) AccessToken(ctx context.Context, retry *collectors.Retrier, refreshToken wire.Secret, domain string) (token wire.Secret, err error) {
	form := tokenForm(refreshToken, "access_token", "www."+domain)
	err = h.post(ctx, retry, "asking for an access token", formRequest(tokenPath, form), func(body []byte, _ time.Duration) error {
		token, err = h.token(body, "access_token")
		return err
	})
	return token, err
}

// token returns the token at a path of a response and hides it.
func (h *Host) token(body []byte, path ...string) (wire.Secret, error) {
	name := path[len(path)-1]
	token, err := wire.TextAt(body, path...)
	switch {
	case err != nil:
		return "", wire.Malformed("%s: %v", name, err)
	case token == "":
		return "", wire.Malformed("it holds no %s", name)
	}
	h.Hide(wire.Secret(token))
	return wire.Secret(token), nil
}

// Deregister takes the device of an access token out of the account.
func (h *Host) Deregister(ctx context.Context, retry *collectors.Retrier, accessToken wire.Secret) error {
	return h.post(ctx, retry, "deregistering this device", wire.Request{
		URL: deregisterPath, ContentType: wire.JSONType,
		Body:   []byte(`{"deregister_all_existing_accounts":false}`), // other devices are none of ours
		Header: http.Header{"Authorization": {"Bearer " + string(accessToken)}},
	}, func([]byte, time.Duration) error { return nil })
}

func tokenForm(refreshToken wire.Secret, requested, domain string) url.Values {
	return url.Values{
		"source_token_type":    {"refresh_token"},
		"source_token":         {string(refreshToken)},
		"requested_token_type": {requested},
		"domain":               {domain},
		"app_name":             {AppName},
		"app_version":          {wire.AppVersion},
		"package_name":         {wire.AppPackage},
		"platform":             {"iOS"},
		"di.os.name":           {"iOS"},
		"di.os.version":        {wire.OSVersion},
		"di.hw.version":        {wire.DeviceModel},
		"di.sdk.version":       {wire.SDKVersion},
		"current_version":      {wire.SDKVersion},
		"previous_version":     {wire.SDKVersion},
	}
}

func formRequest(path string, form url.Values) wire.Request {
	return wire.Request{URL: path, ContentType: "application/x-www-form-urlencoded", Body: []byte(form.Encode())}
}

// post sends a request, whose URL is a path, as often as retry allows and passes the body
// of a successful response to parse. clockAhead is how far this machine's clock is ahead
// of the host's, by which cookies expire; with a wrong clock they would all seem expired.
func (h *Host) post(ctx context.Context, retry *collectors.Retrier, purpose string, r wire.Request, parse func(body []byte, clockAhead time.Duration) error) error {
	r.Method, r.URL = http.MethodPost, h.Base+r.URL
	return retry.Do(ctx, fmt.Sprintf("%s %s (%s)", r.Method, r.URL, purpose), func(ctx context.Context) error {
		resp, body, err := h.HTTP.Send(ctx, r, func(*http.Response) error { return nil })
		switch {
		case err != nil:
			return err
		case resp.StatusCode != http.StatusOK, parseFailure(body).code != "", wire.IsThrottling(body):
			return refusal(resp, body, h.retail, h.Redact)
		}
		return parse(body, clockDifference(resp))
	})
}

// clockDifference compares this machine's clock with the date of a response. It ignores less
// than a minute: HTTP has whole seconds, and the response takes time.
func clockDifference(resp *http.Response) time.Duration {
	at, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0
	}
	if ahead := time.Since(at); ahead.Abs() >= time.Minute {
		return ahead.Truncate(time.Second)
	}
	return 0
}

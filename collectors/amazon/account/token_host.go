package account

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/wire"
)

// appName is the name of this program in the account's list of devices.
const appName = "hueair2mqtt"

const jsonType = "application/json; charset=utf-8"

// defaultAuthEndpoint is Amazon's token host, the same for all marketplaces.
const defaultAuthEndpoint = "https://api.amazon.com"

// The paths of the token host.
const (
	registerPath   = "/auth/register"
	tokenPath      = "/auth/token"
	deregisterPath = "/auth/deregister"

	// exchangePath renews cookies at the retail host of a marketplace.
	exchangePath = "/ap/exchangetoken/cookies"
)

// tokenHost is the host that registers devices and renews their cookies.
type tokenHost struct {
	http   *wire.Exchanger
	base   string
	hide   func(...wire.Secret)
	redact func(string) string

	// retail is true for the retail host of a marketplace, which serves browsers too and
	// may refuse a program with 403 whatever its token is.
	retail bool
}

// cookies gets new cookies of a marketplace for a refresh token. If the token host sends
// none but does not reject the token, it asks the retail host, as alexapy and
// alexa-cookie2 do.
func (h *tokenHost) cookies(ctx context.Context, retry *collectors.Retrier, refreshToken wire.Secret, domain string) ([]cookie, error) {
	form := tokenForm(refreshToken, "auth_cookies")
	form.Set("domain", "www."+domain)
	cookies, err := h.cookiesFrom(ctx, retry, tokenPath, "renewing the cookies", form, domain)
	if err == nil || ctx.Err() != nil || collectors.ClassOf(err) != collectors.Permanent {
		return cookies, err
	}
	form.Set("domain", "."+domain)
	cookies, exchangeErr := h.retailHost(domain).cookiesFrom(ctx, retry, exchangePath, "exchanging the token for cookies", form, domain)
	if exchangeErr != nil {
		// The class is that of the second way: the first one was not final.
		return nil, fmt.Errorf("%w; before that, %v", exchangeErr, err)
	}
	return cookies, nil
}

func (h *tokenHost) cookiesFrom(ctx context.Context, retry *collectors.Retrier, path, purpose string, form url.Values, domain string) (cookies []cookie, err error) {
	err = h.post(ctx, retry, purpose, tokenRequest(path, form), func(a tokenAnswer) (err error) {
		cookies, err = parseTokenCookies(a, domain)
		return err
	})
	return cookies, err
}

// retailHost is the retail host of a marketplace, or what replaces the token host.
func (h *tokenHost) retailHost(domain string) *tokenHost {
	retail := *h
	retail.retail = true
	if h.base == defaultAuthEndpoint {
		retail.base = "https://www." + domain
	}
	return &retail
}

// accessToken gets an access token for a refresh token.
func (h *tokenHost) accessToken(ctx context.Context, retry *collectors.Retrier, refreshToken wire.Secret, domain string) (wire.Secret, error) {
	form := tokenForm(refreshToken, "access_token")
	form.Set("domain", "www."+domain)
	var token wire.Secret
	err := h.post(ctx, retry, "asking for an access token", tokenRequest(tokenPath, form), func(a tokenAnswer) error {
		got, err := wire.TextAt(a.body, "access_token")
		switch {
		case err != nil:
			return wire.Malformed("access_token: %v", err)
		case got == "":
			return wire.Malformed("it holds no access_token")
		}
		token = wire.Secret(got)
		h.hide(token)
		return nil
	})
	return token, err
}

// deregister takes the device of an access token out of the account.
func (h *tokenHost) deregister(ctx context.Context, retry *collectors.Retrier, accessToken wire.Secret) error {
	return h.post(ctx, retry, "deregistering this device", wire.Request{
		URL: deregisterPath, ContentType: jsonType,
		Body:   []byte(`{"deregister_all_existing_accounts":false}`), // other devices are none of ours
		Header: http.Header{"Authorization": {"Bearer " + string(accessToken)}},
	}, func(tokenAnswer) error { return nil })
}

func tokenForm(refreshToken wire.Secret, requested string) url.Values {
	return url.Values{
		"source_token_type":    {"refresh_token"},
		"source_token":         {string(refreshToken)},
		"requested_token_type": {requested},
		"app_name":             {appName},
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

func tokenRequest(path string, form url.Values) wire.Request {
	return wire.Request{URL: path, ContentType: "application/x-www-form-urlencoded", Body: []byte(form.Encode())}
}

// tokenAnswer is a successful response of the token host.
type tokenAnswer struct {
	body []byte

	// ahead is how far this machine's clock is ahead of the host's, by which the cookies
	// expire. With a wrong clock they would all seem to be expired.
	ahead time.Duration
}

// clockAhead compares this machine's clock with the date of a response. It ignores less
// than a minute: HTTP has whole seconds, and the response takes time.
func clockAhead(resp *http.Response) time.Duration {
	at, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0
	}
	if ahead := time.Since(at); ahead.Abs() >= time.Minute {
		return ahead.Truncate(time.Second)
	}
	return 0
}

// post sends a request, whose URL is a path, as often as retry allows and passes a
// good response to parse. A refusal is an *collectors.AuthenticationError.
func (h *tokenHost) post(ctx context.Context, retry *collectors.Retrier, purpose string, r wire.Request, parse func(tokenAnswer) error) error {
	r.Method, r.URL = http.MethodPost, h.base+r.URL
	return retry.Do(ctx, fmt.Sprintf("%s %s (%s)", r.Method, r.URL, purpose), func(ctx context.Context) error {
		resp, body, err := h.http.Send(ctx, r, func(*http.Response) error { return nil })
		switch {
		case err != nil:
			return err
		case resp.StatusCode != http.StatusOK, parseTokenError(body).code != "", wire.IsThrottling(body):
			return h.refusal(resp, body)
		}
		return parse(tokenAnswer{body, clockAhead(resp)})
	})
}

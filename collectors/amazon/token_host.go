package amazon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"hueair2mqtt/collectors"
)

// What the Alexa app for iOS says of itself. Amazon's answers depend on the
// device type; the versions are those of a present app.
const (
	deviceType      = "A2IVLV5VM2W81"
	deviceModel     = "iPhone"
	appVersion      = "2.2.663733.0"
	appPackage      = "com.amazon.echo"
	osVersion       = "18.5"
	softwareVersion = "35602678"
	sdkVersion      = "6.12.4"

	// appName is what the account's list of devices shows.
	appName = "hueair2mqtt"
)

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

// tokenHost is the host that registers devices and renews what they got.
type tokenHost struct {
	exchanger
	base string
	hide func(...secret)

	// retail is true for the retail host of a marketplace, which takes browsers too
	// and may refuse a program with 403 whatever its token is.
	retail bool
}

// cookies gets new cookies of a marketplace for a refresh token. Where the token host
// gives none but does not reject the token, it asks the retail host, as alexapy and
// alexa-cookie2 do.
func (h *tokenHost) cookies(ctx context.Context, retry *collectors.Retrier, refreshToken secret, domain string) ([]cookie, error) {
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

func (h *tokenHost) cookiesFrom(ctx context.Context, retry *collectors.Retrier, path, what string, form url.Values, domain string) (cookies []cookie, err error) {
	err = h.post(ctx, retry, path, what, formBody(form), nil, func(a tokenAnswer) (err error) {
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
func (h *tokenHost) accessToken(ctx context.Context, retry *collectors.Retrier, refreshToken secret, domain string) (secret, error) {
	form := tokenForm(refreshToken, "access_token")
	form.Set("domain", "www."+domain)
	var token secret
	err := h.post(ctx, retry, tokenPath, "asking for an access token", formBody(form), nil, func(a tokenAnswer) error {
		var fields struct {
			AccessToken json.RawMessage `json:"access_token"`
		}
		if err := object(a.body, &fields); err != nil {
			return malformed("%v", err)
		}
		got, err := text(fields.AccessToken)
		switch {
		case err != nil:
			return malformed("access_token: %v", err)
		case got == "":
			return malformed("it holds no access_token")
		}
		token = secret(got)
		h.hide(token)
		return nil
	})
	return token, err
}

// deregister takes the device that an access token is of out of the account.
func (h *tokenHost) deregister(ctx context.Context, retry *collectors.Retrier, accessToken secret) error {
	// Other devices of the account are none of ours.
	body := payload{"application/json; charset=utf-8", []byte(`{"deregister_all_existing_accounts":false}`)}
	header := http.Header{"Authorization": {"Bearer " + string(accessToken)}}
	return h.post(ctx, retry, deregisterPath, "deregistering this device", body, header, func(tokenAnswer) error { return nil })
}

func tokenForm(refreshToken secret, requested string) url.Values {
	return url.Values{
		"source_token_type":    {"refresh_token"},
		"source_token":         {string(refreshToken)},
		"requested_token_type": {requested},
		"app_name":             {appName},
		"app_version":          {appVersion},
		"package_name":         {appPackage},
		"platform":             {"iOS"},
		"di.os.name":           {"iOS"},
		"di.os.version":        {osVersion},
		"di.hw.version":        {deviceModel},
		"di.sdk.version":       {sdkVersion},
		"current_version":      {sdkVersion},
		"previous_version":     {sdkVersion},
	}
}

// payload is the body of a request.
type payload struct {
	contentType string
	content     []byte
}

func formBody(form url.Values) payload {
	return payload{"application/x-www-form-urlencoded", []byte(form.Encode())}
}

// tokenAnswer is a good answer of the token host.
type tokenAnswer struct {
	body []byte

	// ahead is how far this machine's clock is ahead of the host's, whose clock the
	// cookies' ends are of. With a wrong clock they would all seem to be over.
	ahead time.Duration
}

// clockAhead compares this machine's clock with the date of an answer. A difference
// below a minute is that of the way and of HTTP's whole seconds, and is none.
func clockAhead(resp *http.Response) time.Duration {
	at, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0
	}
	ahead := time.Since(at)
	if ahead.Abs() < time.Minute {
		return 0
	}
	return ahead.Truncate(time.Second)
}

// post sends one request to the token host, as often as retry allows, and passes
// a good answer to parse. A refusal is an authentication error.
func (h *tokenHost) post(ctx context.Context, retry *collectors.Retrier, path, what string, body payload, header http.Header, parse func(tokenAnswer) error) error {
	endpoint := fmt.Sprintf("%s %s%s (%s)", http.MethodPost, h.base, path, what)
	return retry.Do(ctx, endpoint, func(ctx context.Context) error {
		if h.timeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, h.timeout)
			defer cancel()
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.base+path, bytes.NewReader(body.content))
		if err != nil {
			return fmt.Errorf("making the request: %w", err)
		}
		for name, values := range header {
			req.Header[name] = values
		}
		setAppHeaders(req, body.contentType)
		resp, content, err := h.exchange(req, nil)
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return h.refused(resp, content)
		}
		if failure := authError(content); failure.code != "" || isThrottlingMessage(content) {
			return h.refused(resp, content)
		}
		return parse(tokenAnswer{content, clockAhead(resp)})
	})
}

// authFailure is an error as the token host tells it.
type authFailure struct{ code, message string }

// authError takes the error out of an answer, in any of the forms of the token
// host: {"response": {"error": {"code", "message"}}}, {"error": {"code"}}, or
// OAuth's {"error": "invalid_grant", "error_description": "..."} (RFC 6749, 5.2).
func authError(body []byte) authFailure {
	var outer struct {
		Response, Error, Message json.RawMessage
		Description              json.RawMessage `json:"error_description"`
	}
	if object(body, &outer) != nil {
		return authFailure{}
	}
	var response struct{ Error, Challenge json.RawMessage }
	if !isNull(outer.Response) && object(outer.Response, &response) == nil && !isNull(response.Error) {
		outer.Error = response.Error
	}
	if isNull(outer.Error) && !isNull(response.Challenge) {
		// Amazon wants the user to prove something before it registers a device.
		reason, err := textAt(response.Challenge, "challenge_reason")
		if err != nil || reason == "" {
			reason = "challenge"
		}
		return authFailure{code: reason}
	}
	if isNull(outer.Error) {
		return authFailure{}
	}
	if shape(outer.Error) != "an object" {
		failure := authFailure{code: "error"}
		if code, err := text(outer.Error); err == nil && code != "" {
			failure.code = code
		}
		for _, field := range []json.RawMessage{outer.Description, outer.Message} {
			if message, err := text(field); err == nil && message != "" {
				failure.message = message
				break
			}
		}
		return failure
	}
	var inner struct{ Code, Message json.RawMessage }
	failure := authFailure{code: "error"}
	if object(outer.Error, &inner) != nil {
		return failure
	}
	if code, err := text(inner.Code); err == nil && code != "" {
		failure.code = code
	}
	failure.message, _ = text(inner.Message) // no text is no message
	return failure
}

// refusedCodes are those with which the token host ends a registration. Amazon
// writes them in several ways; case and separators don't count.
var refusedCodes = []string{
	"invalidgrant", "invalidtoken", "unauthorizedclient", "unauthenticated", "unauthorized", "accessdenied", "forbidden",
}

func (f authFailure) isRefusal() bool {
	code := strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(f.code))
	return slices.Contains(refusedCodes, code)
}

// describe tells the failure in a line, fit to be logged.
func (f authFailure) describe(redact func(string) string) string {
	return collectors.CleanText(redact(strings.TrimSpace(f.code + " " + f.message)))
}

// refused gives a class to an answer that is no success.
func (h *tokenHost) refused(resp *http.Response, body []byte) error {
	failure := authError(body)
	status := "HTTP " + strconv.Itoa(resp.StatusCode)
	told := failure.describe(h.redact)
	code := status
	if failure.code != "" && failure.code != "error" {
		code += " " + collectors.CleanText(h.redact(failure.code))
	}
	if told != "" {
		told = ": " + told
	}
	refusal := &collectors.AuthenticationError{
		Code: code, Remedy: remedyLogin, Err: fmt.Errorf("the token host refused (%s)%s", status, told),
	}
	if resp.StatusCode == http.StatusTooManyRequests || throttlingCode.MatchString(failure.code) || isThrottlingMessage(body) {
		var retryAfter time.Duration
		if transient, ok := errors.AsType[*collectors.TransientError](collectors.FromStatus(resp, time.Now())); ok {
			retryAfter = transient.RetryAfter
		}
		return throttled(resp.StatusCode, retryAfter, "the token host answered "+status+told)
	}
	noEntry := resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden
	switch {
	case noEntry && !h.retail:
		return refusal
	case (noEntry || resp.StatusCode == http.StatusBadRequest || resp.StatusCode == http.StatusOK) && failure.isRefusal():
		return refusal
	case noEntry:
		return &collectors.PermanentError{
			Kind: "http " + strconv.Itoa(resp.StatusCode), StatusCode: resp.StatusCode,
			Err: fmt.Errorf("the server answered %s%s", status, told),
		}
	case resp.StatusCode == http.StatusOK:
		return &collectors.PermanentError{
			Kind: "malformed", StatusCode: http.StatusOK, Err: fmt.Errorf("the server answered 200 with an error%s", told),
		}
	}
	err := collectors.FromStatus(resp, time.Now())
	if told != "" {
		if permanent, ok := errors.AsType[*collectors.PermanentError](err); ok {
			permanent.Err = fmt.Errorf("%w%s", permanent.Err, told)
		}
	}
	return err
}

// parseTokenCookies takes the cookies of a marketplace out of an answer, which
// has them by domain.
func parseTokenCookies(a tokenAnswer, domain string) ([]cookie, error) {
	at, err := dig(a.body, "response", "tokens", "cookies")
	if err != nil {
		return nil, malformed("%v", err)
	}
	byDomain := map[string]json.RawMessage{}
	if err := json.Unmarshal(at, &byDomain); err != nil || isNull(at) {
		return nil, malformed("response.tokens.cookies: %s where an object belongs", shape(at))
	}
	var cookies []cookie
	for _, host := range slices.Sorted(maps.Keys(byDomain)) {
		name := strings.TrimPrefix(strings.ToLower(host), ".")
		if name != domain && !strings.HasSuffix(name, "."+domain) {
			continue
		}
		some, err := parseCookieList(byDomain[host], a.ahead)
		if err != nil {
			return nil, malformed("cookies of %s: %v", collectors.CleanText(host), err)
		}
		cookies = append(cookies, some...)
	}
	if len(cookies) == 0 {
		return nil, malformed("it holds no cookie of %s", domain)
	}
	return cookies, nil
}

// parseCookieList reads cookies as the token host writes them, with their ends by this
// machine's clock. One that can't be sent is an error: a session with a part of its
// cookies is none.
func parseCookieList(raw json.RawMessage, ahead time.Duration) ([]cookie, error) {
	entries, err := list(raw)
	if err != nil {
		return nil, err
	}
	var cookies []cookie
	for i, entry := range entries {
		var fields struct{ Name, Value, Expires json.RawMessage }
		if err := object(entry, &fields); err != nil {
			return nil, fmt.Errorf("cookie %d: %w", i, err)
		}
		name, err := text(fields.Name)
		if err != nil {
			return nil, fmt.Errorf("cookie %d: Name: %w", i, err)
		}
		value, err := text(fields.Value)
		if err != nil {
			return nil, fmt.Errorf("cookie %d: Value: %w", i, err)
		}
		value = unquote(value)
		if err := checkCookie(name, value); err != nil {
			return nil, err
		}
		c := cookie{Name: name, Value: secret(value)}
		if expires, err := text(fields.Expires); err == nil {
			if c.Expires = parseExpires(expires); !c.Expires.IsZero() {
				c.Expires = c.Expires.Add(ahead)
			}
		}
		// An empty one, or one that is over already, is how a cookie is deleted.
		if value != "" && (c.Expires.IsZero() || c.Expires.After(time.Now())) {
			cookies = append(cookies, c)
		}
	}
	return cookies, nil
}

// expiresLayouts are how Amazon and RFC 6265 write when a cookie ends.
var expiresLayouts = []string{
	"2 Jan 2006 15:04:05 MST", time.RFC1123, time.RFC1123Z, "Mon, 02-Jan-2006 15:04:05 MST", "Mon, 2 Jan 2006 15:04:05 MST",
	time.RFC3339, time.RFC850, time.ANSIC,
}

// parseExpires reads a time; one that can't be read is none, as a cookie whose
// end is unknown is renewed when it is refused.
func parseExpires(s string) time.Time {
	s = strings.TrimSpace(s)
	for _, layout := range expiresLayouts {
		if at, err := time.Parse(layout, s); err == nil {
			return at.UTC()
		}
	}
	if seconds, err := strconv.ParseFloat(s, 64); err == nil && seconds > 1e9 && seconds < 1e11 {
		return time.Unix(int64(seconds), 0).UTC()
	}
	return time.Time{}
}

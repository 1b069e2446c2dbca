package amazontest

import (
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// appDeviceType is that of the Alexa app for iOS, the only one that this host knows.
const appDeviceType = "A2IVLV5VM2W81"

const (
	// signInDomain is the only marketplace whose sign-in page knows the app's
	// handle. The others answer it with 404 before they show a form
	// (aioamazondevices issues 935 and 1011).
	signInDomain = "amazon.com"

	// japan shows its accounts a captcha unless they ask in Japanese.
	japan = "amazon.co.jp"
)

// pageError is what the sign-in page shows instead of a form.
type pageError struct {
	status int
	text   string
}

func (e *pageError) Error() string { return fmt.Sprintf("HTTP %d: %s", e.status, e.text) }

func badRequest(format string, args ...any) error {
	return &pageError{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

var errNotFound error = &pageError{http.StatusNotFound, "the page was not found"}

// Consent does what the user does in the browser: it opens the address of the sign-in
// page, signs in, and returns the address on which the browser ends. Its error is what the
// page shows instead.
func (a *Account) Consent(address string) (landing string, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	domain, ok := strings.CutPrefix(u.Host, "www.")
	switch {
	case u.Scheme != "https" || !ok || !slices.Contains(Marketplaces, domain):
		return "", badRequest("this is not an address of Amazon's")
	case u.Path != SignInPath || domain != signInDomain:
		return "", errNotFound
	}
	return a.authorize(u.Query())
}

// serveSignIn is the sign-in page of amazon.com: GET shows it, POST is the user
// who agrees.
func (a *Account) serveSignIn(w http.ResponseWriter, r *http.Request) {
	if !isFor(r, "www."+signInDomain) {
		http.NotFound(w, r)
		return
	}
	if err := r.ParseForm(); err != nil {
		http.Error(w, "", http.StatusBadRequest)
		return
	}
	if r.Method == http.MethodGet {
		if err := checkAuthorization(r.Form); err != nil {
			showError(w, err)
			return
		}
		w.Header().Set("Content-Type", "text/html;charset=UTF-8")
		// The browser may have gone.
		_, _ = fmt.Fprintf(w, "<!doctype html><title>Amazon Sign-In</title><form name=\"signIn\" method=\"post\" action=\"%s\"><button>Sign in</button></form>",
			html.EscapeString(r.URL.RequestURI()))
		return
	}
	landing, err := a.authorize(r.Form)
	if err != nil {
		showError(w, err)
		return
	}
	http.Redirect(w, r, landing, http.StatusFound)
}

func showError(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	var page *pageError
	if errors.As(err, &page) {
		status = page.status
	}
	http.Error(w, err.Error(), status)
}

// authorize makes a code for an authorization request and returns the address
// that the browser is sent to.
func (a *Account) authorize(query url.Values) (landing string, err error) {
	if err := checkAuthorization(query); err != nil {
		return "", err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.home == japan && query.Get("language") != "ja_JP" {
		return "", &pageError{http.StatusOK, "a captcha"}
	}
	code := "AN" + secret()
	a.grants[code] = &grant{
		clientID:  strings.TrimPrefix(query.Get("openid.oa2.client_id"), "device:"),
		challenge: query.Get("openid.oa2.code_challenge"),
		expires:   time.Now().Add(a.codeLife),
	}
	a.handOut(code)
	answer := url.Values{
		"openid.assoc_handle":           {query.Get("openid.assoc_handle")},
		"openid.mode":                   {"id_res"},
		"openid.ns":                     {query.Get("openid.ns")},
		"openid.claimed_id":             {"https://www.amazon.com/ap/id/amzn1.account.TEST"},
		"openid.return_to":              {query.Get("openid.return_to")},
		"openid.oa2.authorization_code": {code},
		"openid.oa2.response_type":      {"code"},
		"openid.oa2.scope":              {"device_auth_access"},
	}
	return query.Get("openid.return_to") + "?" + answer.Encode(), nil
}

var (
	challengePattern = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)
	serialPattern    = regexp.MustCompile(`^[0-9A-F]{32}$`)
)

// checkAuthorization compares an authorization request with what Amazon's app
// sends.
func checkAuthorization(query url.Values) error {
	if query.Get("openid.return_to") != "https://www."+signInDomain+LandingPath {
		return errNotFound
	}
	language := query.Get("language")
	if !slices.Contains([]string{"en-US", "ja_JP"}, language) {
		return badRequest("language is neither en-US nor ja_JP")
	}
	const (
		openID     = "http://specs.openid.net/auth/2.0"
		identifier = openID + "/identifier_select"
		handle     = "amzn_dp_project_dee_ios"
	)
	wanted := map[string]string{
		"openid.oa2.code_challenge_method": "S256", "openid.oa2.response_type": "code", "openid.oa2.scope": "device_auth_access",
		"openid.assoc_handle": handle, "pageId": handle, "accountStatusPolicy": "P1",
		"openid.identity": identifier, "openid.claimed_id": identifier, "openid.mode": "checkid_setup", "openid.ns": openID,
		"openid.ns.oa2": "http://www.amazon.com/ap/ext/oauth/2", "openid.ns.pape": "http://specs.openid.net/extensions/pape/1.0",
		"openid.pape.max_auth_age": "0", "language": language,
	}
	for name, value := range wanted {
		if got := query[name]; len(got) != 1 || got[0] != value {
			return badRequest("%s is not %q", name, value)
		}
	}
	if !challengePattern.MatchString(query.Get("openid.oa2.code_challenge")) {
		return badRequest("openid.oa2.code_challenge is no SHA-256 in base64url without padding")
	}
	id, ok := strings.CutPrefix(query.Get("openid.oa2.client_id"), "device:")
	if _, err := serialOf(id); !ok || err != nil {
		return badRequest("openid.oa2.client_id names no device of the app's type")
	}
	for name := range query {
		if _, ok := wanted[name]; !ok && !slices.Contains([]string{"openid.return_to", "openid.oa2.code_challenge", "openid.oa2.client_id"}, name) {
			return badRequest("%s is not known", name)
		}
	}
	return nil
}

// serialOf returns the serial number in a client id.
func serialOf(clientID string) (string, error) {
	decoded, err := hex.DecodeString(clientID)
	if err != nil {
		return "", err
	}
	serial, kind, _ := strings.Cut(string(decoded), "#")
	if kind != appDeviceType || !serialPattern.MatchString(serial) {
		return "", errors.New("no device")
	}
	return serial, nil
}

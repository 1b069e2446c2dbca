package amazontest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/collectors/amazon/amazontest"
)

const (
	serial   = "0123456789ABCDEF0123456789ABCDEF"
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // of RFC 7636, appendix B
)

var clientID = hex.EncodeToString([]byte(serial + "#A2IVLV5VM2W81"))

// authorization is a right request for a code.
func authorization() url.Values {
	sum := sha256.Sum256([]byte(verifier))
	return url.Values{
		"openid.return_to":                 {"https://www.amazon.com/ap/maplanding"},
		"openid.oa2.code_challenge_method": {"S256"},
		"openid.oa2.code_challenge":        {base64.RawURLEncoding.EncodeToString(sum[:])},
		"openid.oa2.response_type":         {"code"},
		"openid.oa2.scope":                 {"device_auth_access"},
		"openid.oa2.client_id":             {"device:" + clientID},
		"openid.assoc_handle":              {"amzn_dp_project_dee_ios"},
		"pageId":                           {"amzn_dp_project_dee_ios"},
		"accountStatusPolicy":              {"P1"},
		"openid.identity":                  {"http://specs.openid.net/auth/2.0/identifier_select"},
		"openid.claimed_id":                {"http://specs.openid.net/auth/2.0/identifier_select"},
		"openid.mode":                      {"checkid_setup"},
		"openid.ns":                        {"http://specs.openid.net/auth/2.0"},
		"openid.ns.oa2":                    {"http://www.amazon.com/ap/ext/oauth/2"},
		"openid.ns.pape":                   {"http://specs.openid.net/extensions/pape/1.0"},
		"openid.pape.max_auth_age":         {"0"},
		"language":                         {"en-US"},
	}
}

// client talks to an account's server without following redirects.
type client struct {
	t      *testing.T
	server *httptest.Server
}

func newClient(t *testing.T, account *amazontest.Account) *client {
	server := httptest.NewServer(account)
	t.Cleanup(server.Close)
	return &client{t, server}
}

func (c *client) do(method, path, contentType, body string, header http.Header) (*http.Response, string) {
	c.t.Helper()
	req, err := http.NewRequest(method, c.server.URL+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	maps.Copy(req.Header, header)
	req.Header.Set("Content-Type", contentType)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp, string(answer)
}

// code signs in at the page and returns the code that the browser ends with.
func (c *client) code() string {
	c.t.Helper()
	resp, body := c.do(http.MethodPost, amazontest.SignInPath+"?"+authorization().Encode(), "application/x-www-form-urlencoded", "", nil)
	to, err := resp.Location()
	if err != nil || resp.StatusCode != http.StatusFound {
		c.t.Fatalf("%d %s: %v", resp.StatusCode, body, err)
	}
	return to.Query().Get("openid.oa2.authorization_code")
}

func registration(code string) map[string]any {
	return map[string]any{
		"requested_extensions": []any{"device_info", "customer_info"},
		"cookies":              map[string]any{"website_cookies": []any{}, "domain": ".amazon.com"},
		"registration_data": map[string]any{
			"domain": "Device", "app_version": "1", "device_type": "A2IVLV5VM2W81", "device_name": "x", "os_version": "1",
			"device_serial": serial, "device_model": "iPhone", "app_name": "x", "software_version": "1",
		},
		"auth_data": map[string]any{
			"use_global_authentication": "true", "client_id": clientID, "authorization_code": code, "code_verifier": verifier,
			"code_algorithm": "SHA-256", "client_domain": "DeviceLegacy",
		},
		"user_context_map":     map[string]any{"frc": base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", 300)))},
		"requested_token_type": []any{"bearer", "mac_dms", "website_cookies", "store_authentication_cookie"},
	}
}

func (c *client) register(fields map[string]any) (int, string) {
	c.t.Helper()
	body, err := json.Marshal(fields)
	if err != nil {
		c.t.Fatal(err)
	}
	resp, answer := c.do(http.MethodPost, amazontest.RegisterPath, "application/json", string(body), nil)
	return resp.StatusCode, answer
}

// refreshToken signs in and returns what that gets.
func (c *client) refreshToken() string {
	c.t.Helper()
	status, answer := c.register(registration(c.code()))
	var got struct {
		Response struct {
			Success struct {
				Tokens struct {
					Bearer struct {
						RefreshToken string `json:"refresh_token"`
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(answer), &got); err != nil || status != http.StatusOK {
		c.t.Fatalf("%d %s: %v", status, answer, err)
	}
	return got.Response.Success.Tokens.Bearer.RefreshToken
}

func tokenForm(refreshToken, wanted string) url.Values {
	return url.Values{
		"source_token_type": {"refresh_token"}, "source_token": {refreshToken}, "requested_token_type": {wanted},
		"domain": {"www.amazon.co.uk"}, "app_name": {"x"}, "app_version": {"1"}, "package_name": {"com.amazon.echo"},
		"platform": {"iOS"}, "di.os.name": {"iOS"}, "di.os.version": {"1"}, "di.hw.version": {"iPhone"}, "di.sdk.version": {"6.12.4"},
		"current_version": {"1"}, "previous_version": {"1"},
	}
}

func (c *client) token(form url.Values) (int, string) {
	c.t.Helper()
	resp, answer := c.do(http.MethodPost, amazontest.TokenPath, "application/x-www-form-urlencoded", form.Encode(), nil)
	return resp.StatusCode, answer
}

func TestEveryFieldOfTheAuthorizationCounts(t *testing.T) {
	c := newClient(t, amazontest.NewAccount())
	get := func(query url.Values) int {
		resp, _ := c.do(http.MethodGet, amazontest.SignInPath+"?"+query.Encode(), "", "", nil)
		return resp.StatusCode
	}
	if code := get(authorization()); code != http.StatusOK {
		t.Fatalf("a right request is answered with %d", code)
	}
	for name := range authorization() {
		status := http.StatusBadRequest
		if name == "openid.return_to" {
			status = http.StatusNotFound
		}
		missing, wrong := authorization(), authorization()
		missing.Del(name)
		wrong.Set(name, "x")
		if got := []int{get(missing), get(wrong)}; !slices.Equal(got, []int{status, status}) {
			t.Errorf("without %s, and with a wrong one: %v", name, got)
		}
	}
	surplus := authorization()
	surplus.Set("x", "y")
	if got := get(surplus); got != http.StatusBadRequest {
		t.Errorf("a surplus field: %d", got)
	}
}

// Since August 2025 the bare handle is known at amazon.com alone.
func TestOnlyAmazonComKnowsTheHandle(t *testing.T) {
	account := amazontest.NewAccount()
	for _, domain := range amazontest.Marketplaces {
		elsewhere := authorization()
		elsewhere.Set("openid.return_to", "https://www."+domain+"/ap/maplanding")
		for _, address := range []string{
			"https://www." + domain + "/ap/signin?" + authorization().Encode(),
			"https://www.amazon.com/ap/signin?" + elsewhere.Encode(),
		} {
			_, err := account.Consent(address)
			switch {
			case domain == "amazon.com" && err != nil:
				t.Errorf("%s: %v", address, err)
			case domain != "amazon.com" && (err == nil || !strings.Contains(err.Error(), "404")):
				t.Errorf("%s: %v, want a 404", address, err)
			}
		}
	}
	for _, address := range []string{"http://www.amazon.com/ap/signin?", "https://amazon.com/ap/signin?", "https://www.amazon.com/ap/x?"} {
		if _, err := account.Consent(address + authorization().Encode()); err == nil {
			t.Errorf("%s was accepted", address)
		}
	}
}

func TestJapanAsksForACaptchaInEnglish(t *testing.T) {
	account := amazontest.NewAccount()
	account.SetHome("amazon.co.jp", "FE")
	query := authorization()
	if _, err := account.Consent("https://www.amazon.com/ap/signin?" + query.Encode()); err == nil || !strings.Contains(err.Error(), "captcha") {
		t.Errorf("in English: %v", err)
	}
	query.Set("language", "ja_JP")
	if _, err := account.Consent("https://www.amazon.com/ap/signin?" + query.Encode()); err != nil {
		t.Errorf("in Japanese: %v", err)
	}
}

func TestEveryFieldOfTheRegistrationCounts(t *testing.T) {
	account := amazontest.NewAccount()
	c := newClient(t, account)
	if status, answer := c.register(registration(c.code())); status != http.StatusOK {
		t.Fatalf("a right request is answered with %d %s", status, answer)
	}
	for name, value := range registration("") {
		fields := registration(c.code())
		delete(fields, name)
		if status, _ := c.register(fields); status != http.StatusBadRequest {
			t.Errorf("without %s: %d", name, status)
		}
		fields, ok := value.(map[string]any)
		if !ok {
			continue
		}
		for field := range fields {
			fields := registration(c.code())
			delete(fields[name].(map[string]any), field)
			if status, _ := c.register(fields); status < 400 || status > 401 {
				t.Errorf("without %s.%s: %d", name, field, status)
			}
		}
	}
	for name, change := range map[string]func(map[string]any){
		"a surplus field":   func(w map[string]any) { w["x"] = "y" },
		"a surplus datum":   func(w map[string]any) { w["auth_data"].(map[string]any)["x"] = "y" },
		"wrong verifier":    func(w map[string]any) { w["auth_data"].(map[string]any)["code_verifier"] = verifier[1:] + "x" },
		"wrong serial":      func(w map[string]any) { w["registration_data"].(map[string]any)["device_serial"] = serial[1:] + "0" },
		"wrong domain":      func(w map[string]any) { w["cookies"].(map[string]any)["domain"] = ".amazon.co.uk" },
		"wrong frc":         func(w map[string]any) { w["user_context_map"].(map[string]any)["frc"] = "!" },
		"a token type less": func(w map[string]any) { w["requested_token_type"] = []any{"bearer"} },
	} {
		fields := registration(c.code())
		change(fields)
		if status, _ := c.register(fields); status != http.StatusBadRequest {
			t.Errorf("%s: %d", name, status)
		}
	}
	if n := len(account.Devices()); n != 1 {
		t.Errorf("%d devices, want that of the right request", n)
	}
}

func TestCodeExpiresAndWorksOnce(t *testing.T) {
	account := amazontest.NewAccount()
	c := newClient(t, account)
	code := c.code()
	wrong := registration(code)
	wrong["auth_data"].(map[string]any)["code_verifier"] = "x"
	refused := func(fields map[string]any, want int, text string) {
		t.Helper()
		if status, answer := c.register(fields); status != want || !strings.Contains(answer, text) {
			t.Errorf("answer %d %s, want %d and %q", status, answer, want, text)
		}
	}
	refused(wrong, 400, "One or more provided values are invalid.")
	refused(registration(code), 400, "Auth time of the token is expired.")
	refused(registration("ANother"), 401, "The input credential is invalid.")
	account.SetCodeLife(-time.Second)
	refused(registration(c.code()), 400, "Auth time of the token is expired.")
}

func TestEveryFieldOfTheTokenRequestCounts(t *testing.T) {
	account := amazontest.NewAccount()
	c := newClient(t, account)
	token := c.refreshToken()
	for _, wanted := range []string{"access_token", "auth_cookies"} {
		if status, answer := c.token(tokenForm(token, wanted)); status != http.StatusOK {
			t.Fatalf("%s: %d %s", wanted, status, answer)
		}
		for name := range tokenForm("", "") {
			missing := tokenForm(token, wanted)
			missing.Del(name)
			if status, _ := c.token(missing); status != http.StatusBadRequest {
				t.Errorf("%s without %s: %d", wanted, name, status)
			}
		}
		surplus := tokenForm(token, wanted)
		surplus.Set("x", "y")
		if status, _ := c.token(surplus); status != http.StatusBadRequest {
			t.Errorf("%s with a surplus field: %d", wanted, status)
		}
	}
	account.RevokeTokens()
	for wanted, code := range map[string]string{"access_token": "invalid_grant", "auth_cookies": "InvalidToken"} {
		if status, answer := c.token(tokenForm(token, wanted)); status != http.StatusBadRequest || !strings.Contains(answer, code) {
			t.Errorf("%s of a revoked token: %d %s", wanted, status, answer)
		}
	}
}

func TestExchangeOfATokenForCookies(t *testing.T) {
	account := amazontest.NewAccount()
	c := newClient(t, account)
	token := c.refreshToken()
	exchange := func(change func(url.Values)) (int, string) {
		form := tokenForm(token, "auth_cookies")
		form.Set("domain", ".amazon.co.uk")
		change(form)
		resp, answer := c.do(http.MethodPost, amazontest.ExchangePath, "application/x-www-form-urlencoded", form.Encode(), nil)
		return resp.StatusCode, answer
	}
	nothing := func(url.Values) {}
	if status, answer := exchange(nothing); status != http.StatusOK || !strings.Contains(answer, `"at-acbuk"`) {
		t.Errorf("a right request is answered with %d %s", status, answer)
	}
	for name, change := range map[string]func(url.Values){
		"another host's domain": func(f url.Values) { f.Set("domain", "www.amazon.co.uk") },
		"an access token":       func(f url.Values) { f.Set("requested_token_type", "access_token") },
		"a missing field":       func(f url.Values) { f.Del("app_name") },
	} {
		if status, _ := exchange(change); status != http.StatusBadRequest {
			t.Errorf("%s: %d", name, status)
		}
	}
	account.RevokeTokens()
	if status, answer := exchange(nothing); status != http.StatusBadRequest || !strings.Contains(answer, "InvalidToken") {
		t.Errorf("a revoked token: %d %s", status, answer)
	}
}

// The session ends with its at-* cookies, after a day.
func TestAtCookiesLiveForADay(t *testing.T) {
	c := newClient(t, amazontest.NewAccount())
	_, answer := c.token(tokenForm(c.refreshToken(), "auth_cookies"))
	var got struct {
		Response struct {
			Tokens struct {
				Cookies map[string][]struct{ Name, Expires, Secure string }
			}
		}
	}
	if err := json.Unmarshal([]byte(answer), &got); err != nil {
		t.Fatal(err)
	}
	for _, cookie := range got.Response.Tokens.Cookies[".amazon.co.uk"] {
		expires, err := time.Parse("2 Jan 2006 15:04:05 MST", cookie.Expires)
		left := time.Until(expires)
		if short := left > 23*time.Hour && left <= 24*time.Hour; err != nil || cookie.Secure != "true" || short != strings.HasPrefix(cookie.Name, "at-") {
			t.Errorf("%s: Secure %q, %s left (%v)", cookie.Name, cookie.Secure, left, err)
		}
	}
}

func TestDeregistration(t *testing.T) {
	account := amazontest.NewAccount()
	c := newClient(t, account)
	_, answer := c.token(tokenForm(c.refreshToken(), "access_token"))
	var got struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(answer), &got); err != nil {
		t.Fatal(err)
	}
	const body = `{"deregister_all_existing_accounts":false}`
	bearer := http.Header{"Authorization": {"Bearer " + got.AccessToken}}
	for name, test := range map[string]struct {
		body   string
		header http.Header
		status int
	}{
		"no token":    {body, nil, 401},
		"wrong token": {body, http.Header{"Authorization": {"Bearer x"}}, 401},
		"no body":     {"", bearer, 400},
		"all devices": {`{"deregister_all_existing_accounts":true}`, bearer, 400},
	} {
		if resp, _ := c.do(http.MethodPost, amazontest.DeregisterPath, "application/json", test.body, test.header); resp.StatusCode != test.status {
			t.Errorf("%s: %d, want %d", name, resp.StatusCode, test.status)
		}
	}
	if resp, _ := c.do(http.MethodPost, amazontest.DeregisterPath, "application/json", body, bearer); resp.StatusCode != http.StatusOK || len(account.Devices()) != 0 {
		t.Errorf("%d, and %d devices are left", resp.StatusCode, len(account.Devices()))
	}
}

// Cookies are good where they are for, as long as they live.
func TestCookiesOfASignIn(t *testing.T) {
	account := amazontest.NewAccount()
	c := newClient(t, account)
	token := c.refreshToken()
	cookies := func(domain string) string {
		form := tokenForm(token, "auth_cookies")
		form.Set("domain", "www."+domain)
		_, answer := c.token(form)
		var got struct {
			Response struct {
				Tokens struct {
					Cookies map[string][]struct{ Name, Value string }
				}
			}
		}
		if err := json.Unmarshal([]byte(answer), &got); err != nil {
			t.Fatal(err)
		}
		var pairs []string
		for _, cookie := range got.Response.Tokens.Cookies["."+domain] {
			pairs = append(pairs, cookie.Name+"="+strings.Trim(cookie.Value, `"`))
		}
		return strings.Join(pairs, "; ")
	}
	welcome := func(cookies string) int {
		resp, _ := c.do(http.MethodGet, amazontest.WelcomePath, "", "", http.Header{"User-Agent": {"AmazonAlexa/1"}, "Cookie": {cookies}})
		return resp.StatusCode
	}
	query := func(cookies string) int {
		resp, _ := c.do(http.MethodPost, amazontest.GraphQLPath, "application/json", question(list), http.Header{"User-Agent": {"AmazonAlexa/1"}, "Cookie": {cookies}})
		return resp.StatusCode
	}
	british, german := cookies("amazon.co.uk"), cookies("amazon.de")
	got := []int{welcome(british), query(british), welcome(german), query(german), welcome("")}
	account.SetHome("amazon.com.au", "FE")
	australian := cookies("amazon.com.au")
	if got := []int{welcome(cookies("amazon.com")), welcome(cookies("amazon.co.jp")), welcome(australian), query(australian)}; !slices.Equal(got, []int{401, 401, 200, 200}) {
		t.Errorf("an Australian account: answers %v", got)
	}
	account.SetHome("amazon.co.uk", "EU")
	account.KillCookies()
	got = append(got, welcome(british))
	account.SetCookieLife(-time.Second, true)
	got = append(got, welcome(cookies("amazon.co.uk")))
	if want := []int{200, 200, 200, 401, 401, 401, 401}; !slices.Equal(got, want) {
		t.Errorf("answers %v, want %v", got, want)
	}
}

func TestFlaky(t *testing.T) {
	failures := func(seed uint64) (failed int) {
		account := amazontest.NewAccount()
		account.Flaky(amazontest.WelcomePath, 0.2, seed)
		server := httptest.NewServer(account)
		defer server.Close()
		for range 500 {
			resp, err := http.DefaultTransport.RoundTrip(httptest.NewRequest(http.MethodGet, server.URL+amazontest.WelcomePath, nil))
			if err != nil {
				failed++
				continue
			}
			if resp.StatusCode != http.StatusUnauthorized {
				failed++
			}
			resp.Body.Close()
		}
		return failed
	}
	n := failures(7)
	if n < 60 || n > 140 {
		t.Errorf("%d of 500 failed, want about a fifth", n)
	}
	if again := failures(7); again != n {
		t.Errorf("the same seed fails %d and %d", n, again)
	}
}

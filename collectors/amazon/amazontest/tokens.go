package amazontest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// refuse answers as the token host does.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	writeJSON(w, map[string]any{"response": map[string]any{"error": map[string]any{"code": code, "message": message}}})
}

// refuseOAuth answers as OAuth does (RFC 6749, 5.2).
func refuseOAuth(w http.ResponseWriter, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	writeJSON(w, map[string]any{"error": code, "error_description": message})
}

// registration is what a request to register must hold, and nothing else.
type registration struct {
	RequestedExtensions []string `json:"requested_extensions"`
	Cookies             struct {
		WebsiteCookies []string `json:"website_cookies"`
		Domain         string   `json:"domain"`
	} `json:"cookies"`
	RegistrationData map[string]string `json:"registration_data"`
	AuthData         map[string]string `json:"auth_data"`
	UserContextMap   map[string]string `json:"user_context_map"`
	RequestedTokens  []string          `json:"requested_token_type"`
}

// check returns what is wrong with a registration, whatever its code is.
func (r *registration) check() string {
	sorted := func(s []string) []string { return slices.Sorted(slices.Values(s)) }
	switch {
	case !slices.Equal(sorted(r.RequestedExtensions), []string{"customer_info", "device_info"}):
		return "requested_extensions"
	case !slices.Equal(sorted(r.RequestedTokens), []string{"bearer", "mac_dms", "store_authentication_cookie", "website_cookies"}):
		return "requested_token_type"
	case r.Cookies.WebsiteCookies == nil || len(r.Cookies.WebsiteCookies) > 0:
		return "cookies.website_cookies"
	}
	if frc, err := base64.StdEncoding.DecodeString(r.UserContextMap["frc"]); err != nil || len(frc) < 16 || len(r.UserContextMap) != 1 {
		return "user_context_map.frc"
	}
	fields := func(name string, got, fixed map[string]string, free ...string) string {
		for key, value := range fixed {
			if got[key] != value {
				return name + "." + key
			}
		}
		for _, key := range free {
			if got[key] == "" {
				return name + "." + key
			}
		}
		if len(got) != len(fixed)+len(free) {
			return name + ": unknown fields"
		}
		return ""
	}
	if fault := fields("registration_data", r.RegistrationData,
		map[string]string{"domain": "Device", "device_type": appDeviceType, "device_model": "iPhone"},
		"app_version", "device_name", "os_version", "device_serial", "app_name", "software_version"); fault != "" {
		return fault
	}
	if fault := fields("auth_data", r.AuthData,
		map[string]string{"use_global_authentication": "true", "code_algorithm": "SHA-256", "client_domain": "DeviceLegacy"},
		"client_id", "authorization_code", "code_verifier"); fault != "" {
		return fault
	}
	if serial, err := serialOf(r.AuthData["client_id"]); err != nil || serial != r.RegistrationData["device_serial"] {
		return "auth_data.client_id"
	}
	return ""
}

// serveRegister registers a device for an authorization code.
func (a *Account) serveRegister(w http.ResponseWriter, r *http.Request) {
	if !isFor(r, tokenHost) {
		http.NotFound(w, r)
		return
	}
	body, err := readBody(r)
	if err != nil || !isType(r, "application/json") {
		refuse(w, http.StatusBadRequest, "InvalidValue", "the request can't be read")
		return
	}
	var request registration
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		refuse(w, http.StatusBadRequest, "InvalidValue", "the request can't be read")
		return
	}
	if fault := request.check(); fault != "" {
		refuse(w, http.StatusBadRequest, "MissingValue", fault+" is missing or wrong")
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.handOut(request.AuthData["code_verifier"])
	g := a.grants[request.AuthData["authorization_code"]]
	switch {
	case g == nil:
		w.Header().Set("WWW-Authenticate", `Basic realm="api.amazon.com/auth/register", error="CredentialError", error_description="The input credential is invalid."`)
		refuse(w, http.StatusUnauthorized, "CredentialError", "The input credential is invalid.")
		return
	case g.used, !g.expires.After(time.Now()):
		refuse(w, http.StatusBadRequest, "InvalidToken", "Auth time of the token is expired.")
		return
	}
	g.used = true // a code works once, whatever the result
	if g.clientID != request.AuthData["client_id"] || !g.matches(request.AuthData["code_verifier"]) || request.Cookies.Domain != "."+signInDomain {
		refuse(w, http.StatusBadRequest, "InvalidValue", "One or more provided values are invalid.")
		return
	}
	d := &device{serial: request.RegistrationData["device_serial"], refreshToken: "Atnr|" + secret() + secret(), accessTokens: map[string]time.Time{}}
	a.devices[d.refreshToken] = d
	j := a.newJar(d, signInDomain)
	adp, key := "{enc:"+secret()+"}", "-----BEGIN RSA PRIVATE KEY-----\n"+secret()+secret()+"\n-----END RSA PRIVATE KEY-----\n"
	access := a.newAccessToken(d)
	a.handOut(d.refreshToken, adp, key)
	a.date(w)
	writeJSON(w, map[string]any{"request_id": "test", "response": map[string]any{"success": map[string]any{
		"tokens": map[string]any{
			"bearer":                      map[string]any{"access_token": access, "refresh_token": d.refreshToken, "expires_in": "3600"},
			"website_cookies":             a.cookieList(j, "session-token"),
			"store_authentication_cookie": map[string]any{"cookie": j.cookies["session-token"]},
			"mac_dms":                     map[string]any{"adp_token": adp, "device_private_key": key},
		},
		"extensions": map[string]any{
			"device_info":   map[string]any{"device_name": request.RegistrationData["device_name"], "device_serial_number": d.serial, "device_type": appDeviceType},
			"customer_info": map[string]any{"user_id": "amzn1.account.TEST", "home_region": a.region, "name": Holder, "given_name": "Test"},
		},
	}}})
}

// serveToken sends new cookies or an access token for a refresh token.
func (a *Account) serveToken(w http.ResponseWriter, r *http.Request) {
	if !isFor(r, tokenHost) {
		http.NotFound(w, r)
		return
	}
	body, err := readBody(r)
	form, formErr := url.ParseQuery(string(body))
	if err != nil || formErr != nil || !isType(r, "application/x-www-form-urlencoded") {
		refuseOAuth(w, "invalid_request", "the request can't be read")
		return
	}
	if fault := checkTokenForm(form); fault != "" {
		refuseOAuth(w, "invalid_request", fault+" is missing or wrong")
		return
	}
	wanted := form.Get("requested_token_type")
	a.mu.Lock()
	defer a.mu.Unlock()
	d := a.devices[form.Get("source_token")]
	switch {
	case (d == nil || a.revoked) && wanted == "auth_cookies":
		refuse(w, http.StatusBadRequest, "InvalidToken", "the token is invalid or has been revoked")
	case d == nil || a.revoked:
		refuseOAuth(w, "invalid_grant", "the token is invalid or has been revoked")
	case wanted == "access_token":
		writeJSON(w, map[string]any{"access_token": a.newAccessToken(d), "token_type": "bearer", "expires_in": int(accessTokenLife.Seconds())})
	default:
		a.renew(w, d, strings.TrimPrefix(form.Get("domain"), "www."))
	}
}

// renew answers with new cookies of a marketplace. The caller holds the lock.
func (a *Account) renew(w http.ResponseWriter, d *device, domain string) {
	a.date(w)
	cookies := map[string]any{"." + domain: a.cookieList(a.newJar(d, domain), "")}
	writeJSON(w, map[string]any{"request_id": "test", "response": map[string]any{"tokens": map[string]any{"cookies": cookies}}})
}

// serveExchange renews cookies at the retail host. It takes the domain as cookies
// have it, with a dot before it.
func (a *Account) serveExchange(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(r)
	form, formErr := url.ParseQuery(string(body))
	if err != nil || formErr != nil || !isType(r, "application/x-www-form-urlencoded") {
		refuse(w, http.StatusBadRequest, "InvalidValue", "the request can't be read")
		return
	}
	domain, dotted := strings.CutPrefix(form.Get("domain"), ".")
	if !isFor(r, "www."+domain) {
		http.NotFound(w, r)
		return
	}
	form.Set("domain", "www."+domain)
	if fault := checkTokenForm(form); fault != "" || !dotted || form.Get("requested_token_type") != "auth_cookies" {
		refuse(w, http.StatusBadRequest, "InvalidValue", "a field is missing or wrong")
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	d := a.devices[form.Get("source_token")]
	if d == nil || a.revoked {
		refuse(w, http.StatusBadRequest, "InvalidToken", "the token is invalid or has been revoked")
		return
	}
	a.renew(w, d, domain)
}

func checkTokenForm(form url.Values) string {
	fixed := map[string]string{
		"source_token_type": "refresh_token", "package_name": "com.amazon.echo", "platform": "iOS",
		"di.os.name": "iOS", "di.hw.version": "iPhone", "di.sdk.version": "6.12.4",
	}
	free := []string{"source_token", "app_name", "app_version", "di.os.version", "current_version", "previous_version"}
	for name, value := range fixed {
		if form.Get(name) != value {
			return name
		}
	}
	for _, name := range free {
		if form.Get(name) == "" {
			return name
		}
	}
	domain, ok := strings.CutPrefix(form.Get("domain"), "www.")
	switch {
	case !ok || !slices.Contains(Marketplaces, domain):
		return "domain"
	case form.Get("requested_token_type") != "access_token" && form.Get("requested_token_type") != "auth_cookies":
		return "requested_token_type"
	case len(form) != len(fixed)+len(free)+2:
		return "the set of fields"
	}
	return ""
}

// serveDeregister removes the device of an access token from the account.
func (a *Account) serveDeregister(w http.ResponseWriter, r *http.Request) {
	if !isFor(r, tokenHost) {
		http.NotFound(w, r)
		return
	}
	body, err := readBody(r)
	var request map[string]any
	if err != nil || json.Unmarshal(body, &request) != nil || !isType(r, "application/json") || request["deregister_all_existing_accounts"] != false {
		refuse(w, http.StatusBadRequest, "InvalidValue", "deregister_all_existing_accounts is missing or wrong")
		return
	}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a.mu.Lock()
	defer a.mu.Unlock()
	for refresh, d := range a.devices {
		if end, known := d.accessTokens[token]; ok && known && end.After(time.Now()) && !a.revoked {
			delete(a.devices, refresh)
			writeJSON(w, map[string]any{"request_id": "test", "response": map[string]any{"success": map[string]any{}}})
			return
		}
	}
	refuse(w, http.StatusUnauthorized, "InvalidToken", "the access token is invalid")
}

// serveWelcome returns the account's home.
func (a *Account) serveWelcome(w http.ResponseWriter, _ *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	writeJSON(w, map[string]any{"alexaHostName": "alexa." + a.home, "customerId": "TEST"})
}

package tokenhost

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/wire"
)

// Registration is what registers a device.
type Registration struct {
	Serial   string // of the device
	ClientID string
	Code     wire.Secret // the authorization code of the user's consent
	Verifier wire.Secret // of PKCE
	Domain   string      // the marketplace of the cookies
}

// Registered is a device of the account.
type Registered struct {
	Serial       string
	RefreshToken wire.Secret
	Cookies      []Cookie // nil if Amazon sent none that can be read; they can be renewed
	Holder       string   // the name of the account's holder, or ""
	Region       string   // "NA", "EU", "FE", or ""
}

// Register makes this program one of the account's devices. A refused code is an
// authentication error or a permanent one.
func (h *Host) Register(ctx context.Context, retry *collectors.Retrier, r Registration) (device Registered, err error) {
	fingerprint := make([]byte, 313) // as long as the app's
	rand.Read(fingerprint)           // never fails
	type object map[string]any
	body, err := json.Marshal(object{
		"requested_extensions": []string{"device_info", "customer_info"},
		"cookies":              object{"website_cookies": []string{}, "domain": "." + r.Domain},
		"registration_data": object{
			"domain":      "Device",
			"app_version": wire.AppVersion,
			"device_type": wire.DeviceType,
			// Amazon puts in the user's name, and a number where there are several.
			"device_name":      "%FIRST_NAME%'s%DUPE_STRATEGY_1ST%" + AppName,
			"os_version":       wire.OSVersion,
			"device_serial":    r.Serial,
			"device_model":     wire.DeviceModel,
			"app_name":         AppName,
			"software_version": wire.SoftwareVersion,
		},
		"auth_data": object{
			"use_global_authentication": "true",
			"client_id":                 r.ClientID,
			"authorization_code":        string(r.Code),
			"code_verifier":             string(r.Verifier),
			"code_algorithm":            "SHA-256",
			"client_domain":             "DeviceLegacy",
		},
		"user_context_map":     object{"frc": base64.StdEncoding.EncodeToString(fingerprint)},
		"requested_token_type": []string{"bearer", "mac_dms", "website_cookies", "store_authentication_cookie"},
	})
	if err != nil {
		return device, fmt.Errorf("making the registration: %w", err)
	}
	request := wire.Request{URL: registerPath, ContentType: wire.JSONType, Body: body}
	err = h.post(ctx, retry, "registering this device", request, func(body []byte, clockAhead time.Duration) (err error) {
		device, err = h.parseRegistered(body, clockAhead)
		return err
	})
	if device.Serial == "" {
		device.Serial = r.Serial
	}
	return device, err
}

func (h *Host) parseRegistered(body []byte, clockAhead time.Duration) (r Registered, err error) {
	success, err := wire.Dig(body, "response", "success")
	if err != nil {
		return r, wire.Malformed("%v", err)
	}
	if r.RefreshToken, err = h.token(success, "tokens", "bearer", "refresh_token"); err != nil {
		return r, err
	}
	// The cookies can be renewed: no fault in them is worth a lost registration.
	if list, err := wire.Dig(success, "tokens", "website_cookies"); err == nil {
		if cookies, err := parseCookieList(list, clockAhead); err == nil {
			r.Cookies = cookies
		}
	}
	const name = "session-token"
	token, err := wire.TextAt(success, "tokens", "store_authentication_cookie", "cookie")
	token = Unquote(token)
	known := slices.ContainsFunc(r.Cookies, func(c Cookie) bool { return c.Name == name })
	if err == nil && token != "" && !known && CheckCookie(name, token) == nil {
		r.Cookies = append(r.Cookies, Cookie{Name: name, Value: wire.Secret(token)})
	}
	text := func(path ...string) string {
		s, _ := wire.TextAt(success, append([]string{"extensions"}, path...)...) // what is no text is missing
		return collectors.CleanText(s)
	}
	r.Serial = text("device_info", "device_serial_number")
	r.Region = text("customer_info", "home_region")
	r.Holder = text("customer_info", "name")
	return r, nil
}

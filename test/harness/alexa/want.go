package alexa

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon/amazontest"
)

// WantAuthentication checks a refusal of the cookies in a file.
func WantAuthentication(t *testing.T, err error, code, file string) {
	t.Helper()
	WantClass(t, err, collectors.Authentication)
	var authentication *collectors.AuthenticationError
	if !errors.As(err, &authentication) {
		t.Fatalf("error %v holds no AuthenticationError", err)
	}
	if authentication.Code != code {
		t.Errorf("code %q, want %q", authentication.Code, code)
	}
	for _, part := range []string{"Sign in to Amazon in a browser", "amazon.co.uk", file} {
		if !strings.Contains(authentication.Remedy, part) {
			t.Errorf("the remedy %q lacks %q", authentication.Remedy, part)
		}
	}
}

// JSON answers with a body of JSON.
func JSON(body string) http.HandlerFunc { return amazontest.Body("application/json", body) }

// RemedyOf returns the remedy of an authentication error.
func RemedyOf(err error) string {
	if refused, ok := errors.AsType[*collectors.AuthenticationError](err); ok {
		return refused.Remedy
	}
	return ""
}

// Between returns the text between two others.
func Between(t *testing.T, text, before, after string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, before)
	middle, _, ok2 := strings.Cut(rest, after)
	if !ok || !ok2 {
		t.Fatalf("no %s in the text", before)
	}
	return middle
}

// Throttlings are the forms in which Amazon throttles.
var Throttlings = map[string]amazontest.Throttling{
	"by code": amazontest.ThrottledByCode, "by status": amazontest.ThrottledByStatus, "by bad request": amazontest.ThrottledByBadRequest,
}

// WantThrottled checks that an error is throttling.
func WantThrottled(t *testing.T, err error) {
	t.Helper()
	WantClass(t, err, collectors.Transient)
	if kind := collectors.KindOf(err); kind != "throttled" || collectors.AsThrottled(err) == nil {
		t.Errorf("error %v of kind %q, want throttling", err, kind)
	}
}

// ByID returns the devices of a snapshot by id.
func ByID(snapshot collectors.Snapshot) map[string]collectors.Device {
	devices := make(map[string]collectors.Device, len(snapshot.Devices))
	for _, device := range snapshot.Devices {
		devices[device.ID] = device
	}
	return devices
}

// WantNumber checks a reading.
func WantNumber(t *testing.T, d collectors.Device, m collectors.Measurement, want float64) {
	t.Helper()
	value, measured := d.Readings[m]
	if !measured {
		t.Errorf("%s does not measure %s", d.ID, m)
	} else if got, ok := value.Number(); !ok || got != want {
		t.Errorf("%s of %s is %v, want %v", m, d.ID, value, want)
	}
}

// WantUnknown checks that a device has measurements without a value.
func WantUnknown(t *testing.T, d collectors.Device, measurements ...collectors.Measurement) {
	t.Helper()
	for _, m := range measurements {
		if value, measured := d.Readings[m]; !measured || !value.IsUnknown() {
			t.Errorf("%s of %s is %v (measured: %t), want it measured and unknown", m, d.ID, value, measured)
		}
	}
}

// WantOffline checks that a device is there, offline and without values.
func WantOffline(t *testing.T, d collectors.Device) {
	t.Helper()
	if d.ID == "" || d.Online {
		t.Errorf("device %q is online %t, want it there and offline", d.ID, d.Online)
	}
	for m := range d.Readings {
		WantUnknown(t, d, m)
	}
	if len(d.Readings) < 6 {
		t.Errorf("%s measures %d things, want at least six", d.ID, len(d.Readings))
	}
}

// WantClass checks the class of an error.
func WantClass(t *testing.T, err error, want collectors.Class) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one that is %s", want)
	}
	if got := collectors.ClassOf(err); got != want {
		t.Fatalf("error is %s, want %s: %v", got, want, err)
	}
}

// WantFault checks that a fault contains all parts.
func WantFault(t *testing.T, snapshot collectors.Snapshot, parts ...string) {
	t.Helper()
	for _, fault := range snapshot.Faults {
		all := true
		for _, part := range parts {
			all = all && strings.Contains(fault.Error(), part)
		}
		if all {
			return
		}
	}
	t.Errorf("no fault contains %q: %v", parts, snapshot.Faults)
}

// Refusal is an answer of the Alexa host to an expired session.
type Refusal struct {
	Name   string
	Answer http.HandlerFunc
}

// Refusals are all of them; only GraphQL has the last one.
var Refusals = []Refusal{
	{"401", amazontest.Status(401, nil, "")},
	{"403", amazontest.Status(403, nil, "")},
	{"redirect to sign-in", amazontest.SignInRedirect},
	{"sign-in page", amazontest.SignInPage},
	{"GraphQL refusal", JSON(`{"data":null,"errors":[{"message":"no","extensions":{"code":"UNAUTHENTICATED"}}]}`)},
}

// WantLogin checks that an error asks the user to sign in.
func WantLogin(t *testing.T, err error) {
	t.Helper()
	WantClass(t, err, collectors.Authentication)
	if remedy := RemedyOf(err); remedy != "Run: hueair2mqtt amazon login. No restart is needed." {
		t.Errorf("the remedy is %q", remedy)
	}
}

// Endpoint returns the readings of a monitor as GraphQL does.
func Endpoint(m amazontest.Monitor, features string) string {
	return fmt.Sprintf(`{"id":%q,"features":[%s]}`, m.EndpointID(), features)
}

// RangeFeature returns a range with a value as GraphQL does.
func RangeFeature(instance, value string) string {
	return fmt.Sprintf(`{"name":"range","instance":%q,"properties":[{"name":"rangeValue","rangeValue":{"value":%s}}]}`, instance, value)
}

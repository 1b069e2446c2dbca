package account_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"hueair2mqtt/collectors/amazon/account"
)

// A wrong clock makes certificates look bad, so the certificate must not matter.
func TestServerTimeIgnoresTheCertificate(t *testing.T) {
	want := time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodHead || r.Header.Get("Cookie") != "" {
			t.Errorf("%s with cookies %q", r.Method, r.Header.Get("Cookie"))
		}
		w.Header().Set("Date", want.Format(http.TimeFormat))
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	name, at, err := account.ServerTime(t.Context(), account.Options{Domain: "amazon.de", Endpoint: server.URL})
	if err != nil || name != server.URL || !at.Equal(want) {
		t.Errorf("ServerTime is %q, %s, %v", name, at, err)
	}
}

// Package alexa is an Amazon account in virtual time, for the tests of collectors/amazon
// and its account package: an amazontest server, the collector that reads it, and the
// checks that many of them need.
package alexa

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon"
	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/collectors/amazon/amazontest"
	"hueair2mqtt/test/harness"
)

// The times of a collector as the bridge runs it.
const (
	Interval = 5 * time.Minute  // between two polls
	Timeout  = 30 * time.Second // of a request
)

// The monitors of every Home.
var (
	Kitchen = amazontest.Monitor{
		Serial: "G0A1K2", EntityID: "0f9c2f1e-0000-4000-8000-00000000000a", ApplianceID: "AAA_SonarCloudService_kitchen", Name: "Kitchen",
		Temperature: 21.5, Humidity: 48, PM25: 12, PM10: 14, CO: 0.5, VOCIndex: 3, AirQuality: 88, Reachable: true,
	}
	Cellar = amazontest.Monitor{
		Serial: "G0B7C9", EntityID: "0f9c2f1e-0000-4000-8000-00000000000b", ApplianceID: "AAA_SonarCloudService_cellar", Name: "Cellar",
		Temperature: 50, Scale: "FAHRENHEIT", Humidity: 61.2, PM25: 2, CO: 0, VOCIndex: 1, AirQuality: 97, NoPM10: true, Reachable: true,
	}
)

// The ids of their devices.
const (
	KitchenID = "amazon_g0a1k2"
	CellarID  = "amazon_g0b7c9"
)

// Home is an account with two monitors and a collector that reads it with the cookies of
// a browser.
type Home struct {
	T         *testing.T
	Account   *amazontest.Account
	Collector *amazon.Collector
	Retry     *collectors.Retrier
	Log       *observer.ObservedLogs
	Cookies   string // path of the cookies file
	Transport *http.Transport
}

// Run runs a test in a bubble of virtual time. The server is a real one; its connections
// are pipes, as virtual time stops while a real socket is waited for.
func Run(t *testing.T, test func(h *Home)) {
	t.Helper()
	RunWith(t, nil, test)
}

// RunWith is Run with other options.
func RunWith(t *testing.T, change func(*account.Options), test func(h *Home)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cookies.json")
	synctest.Test(t, func(t *testing.T) {
		network := harness.NewNetwork()
		host := amazontest.NewAccount()
		host.SetMonitor(Kitchen)
		host.SetMonitor(Cellar)
		server := &http.Server{Handler: host, ErrorLog: log.New(io.Discard, "", 0)}
		served := make(chan error)
		go func() { served <- server.Serve(network) }()

		core, observed := observer.New(zapcore.DebugLevel)
		policy := collectors.DefaultRetryPolicy
		policy.Jitter = 0
		h := &Home{
			T: t, Account: host, Cookies: path, Log: observed, Retry: collectors.NewRetrier(policy, amazon.Source, zap.New(core)),
			Transport: &http.Transport{DialContext: network.DialContext, DialTLSContext: network.DialContext}, // without TLS
		}
		h.WriteCookies(host.Cookies())
		options := account.Options{
			Domain: "amazon.co.uk", CookiesFile: path, Endpoint: "http://alexa.test", Timeout: Timeout, Transport: h.Transport,
		}
		if change != nil {
			change(&options)
		}
		h.Collector = NewCollector(t, options)

		test(h)

		h.Collector.Close()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}

// NewCollector returns a collector for which the kitchen has an area.
func NewCollector(t *testing.T, o account.Options) *amazon.Collector {
	t.Helper()
	c, err := amazon.New(amazon.Options{Account: o, Areas: map[string]string{"g0a1K2": "Ground floor"}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// WriteCookies writes the cookies file as JSON.
func (h *Home) WriteCookies(cookies map[string]string) {
	h.T.Helper()
	content, err := json.Marshal(cookies)
	if err != nil {
		h.T.Fatal(err)
	}
	h.Write(string(content))
}

// Write writes the cookies file.
func (h *Home) Write(content string) {
	h.T.Helper()
	if err := os.WriteFile(h.Cookies, []byte(content), 0o600); err != nil {
		h.T.Fatal(err)
	}
}

// Collect polls within the interval, as the bridge does.
func (h *Home) Collect() (collectors.Snapshot, error) {
	ctx, cancel := context.WithTimeout(h.T.Context(), Interval)
	defer cancel()
	return h.Collector.Collect(ctx, h.Retry)
}

// Poll is a poll that must succeed.
func (h *Home) Poll() collectors.Snapshot {
	h.T.Helper()
	snapshot, err := h.Collect()
	if err != nil {
		h.T.Fatalf("the poll failed: %v", err)
	}
	return snapshot
}

// CleanPoll is a poll that must succeed without a fault. It returns the devices by id.
func (h *Home) CleanPoll() map[string]collectors.Device {
	h.T.Helper()
	snapshot := h.Poll()
	for _, fault := range snapshot.Faults {
		h.T.Errorf("unexpected fault: %v", fault)
	}
	return ByID(snapshot)
}

// Counting returns how many requests for a path do causes; "" counts all.
func (h *Home) Counting(path string, do func()) int {
	before := h.Account.Requests(path)
	do()
	return h.Account.Requests(path) - before
}

package amazon_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
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
)

const (
	interval = 5 * time.Minute
	timeout  = 30 * time.Second
)

var kitchen = amazontest.Monitor{
	Serial: "G0A1K2", EntityID: "0f9c2f1e-0000-4000-8000-00000000000a", ApplianceID: "AAA_SonarCloudService_kitchen", Name: "Kitchen",
	Temperature: 21.5, Humidity: 48, PM25: 12, PM10: 14, CO: 0.5, VOCIndex: 3, AirQuality: 88, Reachable: true,
}

var cellar = amazontest.Monitor{
	Serial: "G0B7C9", EntityID: "0f9c2f1e-0000-4000-8000-00000000000b", ApplianceID: "AAA_SonarCloudService_cellar", Name: "Cellar",
	Temperature: 50, Scale: "FAHRENHEIT", Humidity: 61.2, PM25: 2, CO: 0, VOCIndex: 1, AirQuality: 97, NoPM10: true, Reachable: true,
}

const (
	kitchenID = "amazon_g0a1k2"
	cellarID  = "amazon_g0b7c9"
)

// testHome is an account with two monitors and a collector that reads it, with
// virtual time between them.
type testHome struct {
	t         *testing.T
	account   *amazontest.Account
	collector *amazon.Collector
	retry     *collectors.Retrier
	log       *observer.ObservedLogs
	cookies   string // the path of the file
	transport *http.Transport
}

// inHome runs a test in a bubble of virtual time. The server is a real one; its
// connections are pipes, as the bubble's time would not pass while a real socket
// is waited for.
func inHome(t *testing.T, test func(h *testHome)) {
	t.Helper()
	inHomeWith(t, nil, test)
}

func inHomeWith(t *testing.T, change func(*account.Options), test func(h *testHome)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cookies.json")
	synctest.Test(t, func(t *testing.T) {
		listener := newPipeListener()
		host := amazontest.NewAccount()
		host.SetMonitor(kitchen)
		host.SetMonitor(cellar)
		server := &http.Server{Handler: host, ErrorLog: log.New(io.Discard, "", 0)}
		served := make(chan error)
		go func() { served <- server.Serve(listener) }()

		h := &testHome{t: t, account: host, cookies: path}
		h.writeCookies(host.Cookies())
		options := account.Options{
			Domain: "amazon.co.uk", CookiesFile: path, Endpoint: "http://alexa.test", Timeout: timeout,
			Transport: &http.Transport{DialContext: listener.Dial, DialTLSContext: listener.Dial}, // without TLS
		}
		h.transport = options.Transport
		if change != nil {
			change(&options)
		}
		collector := newCollector(t, options)
		core, observed := observer.New(zapcore.DebugLevel)
		policy := collectors.DefaultRetryPolicy
		policy.Jitter = 0
		h.collector, h.log = collector, observed
		h.retry = collectors.NewRetrier(policy, amazon.Source, zap.New(core))

		test(h)

		collector.Close()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}

func newCollector(t *testing.T, o account.Options) *amazon.Collector {
	t.Helper()
	c, err := amazon.New(amazon.Options{Account: o, Areas: map[string]string{"g0a1K2": "Ground floor"}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (h *testHome) writeCookies(cookies map[string]string) {
	h.t.Helper()
	content, err := json.Marshal(cookies)
	if err != nil {
		h.t.Fatal(err)
	}
	h.write(string(content))
}

func (h *testHome) write(content string) {
	h.t.Helper()
	if err := os.WriteFile(h.cookies, []byte(content), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// collect is one poll, bounded as a real one is.
func (h *testHome) collect() (collectors.Snapshot, error) {
	ctx, cancel := context.WithTimeout(h.t.Context(), interval)
	defer cancel()
	return h.collector.Collect(ctx, h.retry)
}

// poll is a poll that must succeed.
func (h *testHome) poll() collectors.Snapshot {
	h.t.Helper()
	snapshot, err := h.collect()
	if err != nil {
		h.t.Fatalf("the poll failed: %v", err)
	}
	return snapshot
}

// cleanPoll is a poll that must succeed without a fault.
func (h *testHome) cleanPoll() map[string]collectors.Device {
	h.t.Helper()
	snapshot := h.poll()
	for _, fault := range snapshot.Faults {
		h.t.Errorf("unexpected fault: %v", fault)
	}
	return byID(snapshot)
}

// counting returns how many requests came during what is done.
func (h *testHome) counting(path string, do func()) int {
	before := h.account.Requests(path)
	do()
	return h.account.Requests(path) - before
}

func byID(snapshot collectors.Snapshot) map[string]collectors.Device {
	devices := make(map[string]collectors.Device, len(snapshot.Devices))
	for _, device := range snapshot.Devices {
		devices[device.ID] = device
	}
	return devices
}

func wantNumber(t *testing.T, d collectors.Device, m collectors.Measurement, want float64) {
	t.Helper()
	value, measured := d.Readings[m]
	if !measured {
		t.Errorf("%s does not measure %s", d.ID, m)
	} else if got, ok := value.Number(); !ok || got != want {
		t.Errorf("%s of %s is %v, want %v", m, d.ID, value, want)
	}
}

func wantUnknown(t *testing.T, d collectors.Device, measurements ...collectors.Measurement) {
	t.Helper()
	for _, m := range measurements {
		if value, measured := d.Readings[m]; !measured || !value.IsUnknown() {
			t.Errorf("%s of %s is %v (measured: %t), want it measured and unknown", m, d.ID, value, measured)
		}
	}
}

func wantOffline(t *testing.T, d collectors.Device) {
	t.Helper()
	if d.ID == "" || d.Online {
		t.Errorf("device %q is online %t, want it there and offline", d.ID, d.Online)
	}
	for m := range d.Readings {
		wantUnknown(t, d, m)
	}
	if len(d.Readings) < 6 {
		t.Errorf("%s measures %d things, want at least six", d.ID, len(d.Readings))
	}
}

func wantClass(t *testing.T, err error, want collectors.Class) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one that is %s", want)
	}
	if got := collectors.ClassOf(err); got != want {
		t.Fatalf("error is %s, want %s: %v", got, want, err)
	}
}

func wantFault(t *testing.T, snapshot collectors.Snapshot, parts ...string) {
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
	t.Errorf("no fault tells of %q: %v", parts, snapshot.Faults)
}

// pipeListener is a network of its own, made of net.Pipe.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	close(l.closed)
	return nil
}

func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }

func (l *pipeListener) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

package hue_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/huetest"
	"hueair2mqtt/test/harness"
)

const (
	bridgeID = "001788FFFE010203"
	key      = "83b7780291a6ceffbe0bd049104df"
	hallMAC  = "00:17:88:01:02:03:04:05"
	hallID   = "hue_0017880102030405"
)

// hall is a motion sensor in good order.
var hall = huetest.MotionSensor{
	MAC: hallMAC, Name: "Hall", Temperature: 21.34, Motion: true, Lux: 28.6, Battery: 87, Reachable: true,
}

// testHome is a Hue bridge that is served in memory, and its collector.
type testHome struct {
	bridge    *huetest.Bridge
	collector *hue.Collector
	retrier   *collectors.Retrier
	log       *observer.ObservedLogs
	dial      func(ctx context.Context, network, address string) (net.Conn, error)
}

// newTestHome serves handler, or a new bridge if it is nil. change may alter the
// options. It may be called inside a bubble.
func newTestHome(t testing.TB, handler http.Handler, change func(*hue.Options)) *testHome {
	t.Helper()
	h := &testHome{bridge: huetest.NewBridge(bridgeID, key)}
	if handler == nil {
		handler = h.bridge
	}
	listener := harness.NewNetwork()
	server := &http.Server{Handler: handler}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	options := hue.Options{
		Host: "http://192.168.1.2", ID: bridgeID, Username: key, Setting: "hue.bridges[0]",
		Timeout: 10 * time.Second, DialContext: listener.DialContext,
	}
	if change != nil {
		change(&options)
	}
	h.collector = newCollector(t, options)
	h.retrier, h.log = newRetrier()
	h.dial = lazyNetwork{listener}.dial
	return h
}

func newCollector(t testing.TB, o hue.Options) *hue.Collector {
	t.Helper()
	c, err := hue.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// onceRetrier returns a retrier that tries once.
func onceRetrier() *collectors.Retrier {
	return collectors.NewRetrier(collectors.RetryPolicy{Attempts: 1}, hue.Source, zap.NewNop())
}

func collectOnce(t testing.TB, c *hue.Collector) (collectors.Snapshot, error) {
	t.Helper()
	return c.Collect(t.Context(), onceRetrier())
}

// newRetrier makes a retrier with the default policy less its jitter.
func newRetrier() (*collectors.Retrier, *observer.ObservedLogs) {
	core, logs := observer.New(zapcore.DebugLevel)
	policy := collectors.DefaultRetryPolicy
	policy.Jitter = 0
	return collectors.NewRetrier(policy, hue.Source, zap.New(core)), logs
}

func (h *testHome) collect(t testing.TB) (collectors.Snapshot, error) {
	t.Helper()
	snapshot, err := h.collector.Collect(t.Context(), h.retrier)
	h.checkSecret(t, snapshot, err)
	return snapshot, err
}

// mustCollect wants a snapshot without faults.
func (h *testHome) mustCollect(t testing.TB) collectors.Snapshot {
	t.Helper()
	snapshot, err := h.collect(t)
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range snapshot.Faults {
		t.Error("unexpected fault:", fault)
	}
	return snapshot
}

// checkSecret looks for the key wherever a user could see it, and for what a
// terminal would obey.
func (h *testHome) checkSecret(t testing.TB, snapshot collectors.Snapshot, err error) {
	t.Helper()
	seen := []string{h.collector.Endpoint()}
	for _, e := range append(snapshot.Faults, err) {
		for ; e != nil; e = errors.Unwrap(e) {
			seen = append(seen, e.Error())
		}
	}
	var authentication *collectors.AuthenticationError
	if errors.As(err, &authentication) {
		seen = append(seen, authentication.Code, authentication.Remedy)
	}
	for _, entry := range h.log.All() {
		line, err := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()).EncodeEntry(entry.Entry, entry.Context)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, line.String())
	}
	for _, text := range seen {
		if strings.Contains(text, key) {
			t.Errorf("the key is in %q", text)
		}
		if len(text) > 1500 || strings.ContainsRune(text, '\x1b') {
			t.Errorf("not fit to be shown: %q", text)
		}
	}
}

// mustRead is mustCollect with a full read, also where the stream lives.
func (h *testHome) mustRead(t testing.TB) collectors.Snapshot {
	t.Helper()
	h.collector.Refresh()
	return h.mustCollect(t)
}

// deviceIn finds a device by its id.
func deviceIn(t testing.TB, s collectors.Snapshot, id string) collectors.Device {
	t.Helper()
	for _, d := range s.Devices {
		if d.ID == id {
			return d
		}
	}
	t.Fatalf("no device %s in %v", id, s.Devices)
	return collectors.Device{}
}

// waits returns the logged delays, one for each retry.
func (h *testHome) waits() (delays []time.Duration) {
	for _, entry := range h.log.FilterMessage("retrying").All() {
		delays = append(delays, entry.ContextMap()["delay"].(time.Duration))
	}
	return delays
}

// serveTLS serves a handler over TLS until ctx ends.
func serveTLS(ctx context.Context, handler http.Handler, listener net.Listener, certificate tls.Certificate) error {
	server := &http.Server{
		Handler: handler, TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}},
		ErrorLog: log.New(io.Discard, "", 0), // of handshakes that are meant to fail
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// lazyNetwork is a network of lazy connections.
type lazyNetwork struct{ *harness.Network }

func newLazyNetwork() lazyNetwork { return lazyNetwork{harness.NewNetwork()} }

func (n lazyNetwork) Accept() (net.Conn, error) {
	c, err := n.Network.Accept()
	if err != nil {
		return nil, err
	}
	return newLazyConn(c), nil
}

func (n lazyNetwork) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := n.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return newLazyConn(c), nil
}

// lazyConn is a connection in memory whose writes do not wait for the reader, as
// a socket's don't. TLS closes with a write, which servers do with a lock
// held, which would stop the time of a bubble.
type lazyConn struct {
	net.Conn
	queue  chan []byte
	closed chan struct{}
	close  sync.Once
}

func newLazyConn(c net.Conn) *lazyConn {
	l := &lazyConn{Conn: c, queue: make(chan []byte, 64), closed: make(chan struct{})}
	go l.send()
	return l
}

// send writes the queue until the connection is closed, and then for a
// second at most.
func (l *lazyConn) send() {
	defer l.Conn.Close()
	for open := true; ; {
		select {
		case text := <-l.queue:
			if _, err := l.Conn.Write(text); err != nil {
				return
			}
			continue
		default:
		}
		if !open {
			return
		}
		select {
		case text := <-l.queue:
			if _, err := l.Conn.Write(text); err != nil {
				return
			}
		case <-l.closed:
			open = false
		}
	}
}

func (l *lazyConn) Write(p []byte) (int, error) {
	select {
	case l.queue <- slices.Clone(p):
		return len(p), nil
	case <-l.closed:
		return 0, net.ErrClosed
	}
}

func (l *lazyConn) SetDeadline(t time.Time) error    { return l.Conn.SetReadDeadline(t) }
func (l *lazyConn) SetWriteDeadline(time.Time) error { return nil }

func (l *lazyConn) Close() error {
	l.close.Do(func() {
		close(l.closed)
		_ = l.Conn.SetReadDeadline(time.Unix(1, 0))
		_ = l.Conn.SetWriteDeadline(time.Now().Add(time.Second))
	})
	return nil
}

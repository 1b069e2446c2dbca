package hue_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/tdrn-org/go-hue/mock"
	"golang.org/x/sys/unix"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/pairing"
	"hueair2mqtt/test/harness"
)

// A bridge by another author: its certificate is self-signed, and it reports no
// hardware addresses, lists all resources by name only, and has no events.
//
// It announces itself by mDNS on whatever network there is, so it gets one of its
// own: the test runs itself again where there is nothing but loopback.
func TestReadsMockOfGoHue(t *testing.T) {
	if !harness.Isolated(t, unix.CLONE_NEWNET) {
		return
	}
	if err := harness.RaiseLoopback(unix.IFF_MULTICAST); err != nil {
		t.Fatal(err)
	}
	logger := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler)) // it logs every request
	defer slog.SetDefault(logger)
	bridge := mock.Start()
	defer bridge.Shutdown()
	host := "127.0.0.1:" + bridge.Server().Port()

	dir := t.TempDir()
	n, err := pairing.Identify(t.Context(), pairing.Options{Host: host, StateDir: dir, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if n.ID != "0123456789abcdef" || n.Fingerprint == "" {
		t.Errorf("%+v", n)
	}
	if err := n.Pair(t.Context(), "host", noWait); err != nil {
		t.Fatal(err)
	}
	c := newCollector(t, hue.Options{ID: n.ID, StateDir: dir, Timeout: 10 * time.Second})
	s, err := collectOnce(t, c)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Devices) != 1 {
		t.Fatalf("%+v, faults %v", s.Devices, s.Faults)
	}
	d := s.Devices[0]
	want := map[collectors.Measurement]collectors.Value{
		collectors.Temperature: collectors.Number(18.9), collectors.Motion: collectors.Bool(false),
		collectors.Illuminance: collectors.Number(3.09), collectors.Battery: collectors.Number(77),
	}
	for m, v := range want {
		if d.Readings[m] != v {
			t.Errorf("%s = %s, want %s", m, d.Readings[m], v)
		}
	}
	if !d.Online || d.Model != "SML001" {
		t.Errorf("%+v", d)
	}
}

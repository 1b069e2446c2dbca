package hue_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/huetest"
)

// BenchmarkEvent is the time from a press of a button, as the bridge sends it over
// TLS on a socket, to its arrival at the caller of Next.
func BenchmarkEvent(b *testing.B) {
	bridge := huetest.NewBridge(bridgeID, key)
	furnish(bridge)
	authority := huetest.NewAuthority()
	server := huetest.StartTLS(bridge, huetest.WithAuthority(authority))
	defer server.Close()
	c := newCollector(b, hue.Options{Host: server.Host(), Username: key})
	signify := x509.NewCertPool()
	signify.AddCert(authority.Certificate())
	c.SetRoots(x509.NewCertPool(), signify)
	retrier := onceRetrier()
	if _, err := c.Collect(b.Context(), retrier); err != nil {
		b.Fatal(err)
	}
	if _, err := c.Next(b.Context()); !errors.Is(err, collectors.ErrResync) {
		b.Fatal(err)
	}
	if _, err := c.Collect(b.Context(), retrier); err != nil {
		b.Fatal(err)
	}
	var times []time.Duration
	last := time.Now()
	for b.Loop() {
		for time.Since(last) < 2*time.Millisecond { // the bridge's times have milliseconds
			time.Sleep(time.Millisecond)
		}
		last = time.Now()
		bridge.PressButton(dimmerMAC, 1, "initial_press")
		if u, err := c.Next(b.Context()); err != nil || len(u.Events) != 1 {
			b.Fatal(u, err)
		}
		times = append(times, time.Since(last))
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds()), "µs-median")
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "µs-99%")
	b.ReportMetric(0, "ns/op") // of the pause, mostly
}

func BenchmarkRead1000DevicesOverV2(b *testing.B) {
	bridge := huetest.NewBridge(bridgeID, key)
	for i := range 1000 {
		s := hall
		s.MAC = fmt.Sprintf("00:17:88:01:02:03:%02x:%02x", i/256, i%256)
		bridge.SetMotionSensor(s)
	}
	server := huetest.StartTLS(bridge)
	defer server.Close()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, server.URL+"/clip/v2/resource", nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("hue-application-key", key)
	resp, err := server.Client().Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	c := newCollector(b, hue.Options{Host: "192.168.1.2", Username: key, Setting: "hue.bridges[0]"})
	c.SetTransport2(body(string(answer)))
	retrier := onceRetrier()
	b.SetBytes(int64(len(answer)))
	b.ReportAllocs()
	for b.Loop() {
		snapshot, err := c.Collect(b.Context(), retrier)
		if err != nil || len(snapshot.Devices) != 1000 {
			b.Fatal(err, len(snapshot.Devices))
		}
	}
}

package hue_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/huetest"
	"hueair2mqtt/test/harness"
)

var _ collectors.Collector = (*hue.Collector)(nil)

func TestHostIsParsed(t *testing.T) {
	tests := []struct{ host, endpoint string }{
		{"192.168.1.2", "http://192.168.1.2"},
		{" 192.168.1.2\n", "http://192.168.1.2"},
		{"192.168.1.2:8080", "http://192.168.1.2:8080"},
		{"hue.local", "http://hue.local"},
		{"http://192.168.1.2", "http://192.168.1.2"},
		{"http://192.168.1.2/", "http://192.168.1.2"},
		{"HTTPS://192.168.1.2:8443", "https://192.168.1.2:8443"},
		{"fd00::5", "http://[fd00::5]"},
		{"fe80::1%eth0", "http://[fe80::1%25eth0]"},
		{"[fd00::5]:80", "http://[fd00::5]:80"},
		{"", ""},
		{"   ", ""},
		{"ftp://192.168.1.2", ""},
		{"http://", ""},
		{":80", ""},
		{"192.168.1.2:", ""},
		{"192.168.1.2:0", ""},
		{"192.168.1.2:70000", ""},
		{"192.168.1.2:http", ""},
		{"http://me:" + key + "@192.168.1.2", ""},
		{"http://192.168.1.2/api/" + key, ""},
		{"http://192.168.1.2?" + key, ""},
		{"http://" + key + " 192.168.1.2", ""},
	}
	for _, test := range tests {
		t.Run(test.host, func(t *testing.T) {
			c, err := hue.New(hue.Options{Host: test.host, Setting: "hue.bridges[3]"})
			if test.endpoint != "" {
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				if c.Endpoint() != test.endpoint || c.Source() != "hue" {
					t.Errorf("endpoint %q of %q, want %q of hue", c.Endpoint(), c.Source(), test.endpoint)
				}
				return
			}
			if err == nil {
				t.Fatalf("no error, but %s", c.Endpoint())
			}
			if text := err.Error(); !strings.HasPrefix(text, "hue.bridges[3].host is not an address") || strings.Contains(text, key) {
				t.Errorf("error %q", text)
			}
		})
	}
}

// Over a real connection, and beside other users of http.DefaultClient.
func TestOtherUsersOfDefaultClientAreUnaffected(t *testing.T) {
	bridge := huetest.NewBridge(bridgeID, key)
	bridge.SetSoftware("1709131301") // too old for https
	bridge.SetMotionSensor(hall)
	server := harness.Serve(t, bridge)
	c := newCollector(t, hue.Options{Host: strings.TrimPrefix(server.URL, "http://"), Username: key, Setting: "hue.bridges[0]", Timeout: 10 * time.Second})
	if c.Endpoint() != server.URL {
		t.Errorf("endpoint %q, want %q", c.Endpoint(), server.URL)
	}
	retrier, logs := newRetrier()
	h := &testHome{bridge: bridge, collector: c, retrier: retrier, log: logs}
	deviceIn(t, h.mustCollect(t), hallID)

	other := httptest.NewServer(http.HandlerFunc(huetest.Status(http.StatusTeapot, nil, "")))
	defer other.Close()
	resp, err := http.Get(other.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	if resp.StatusCode != http.StatusTeapot {
		t.Errorf("status %d, want it untouched", resp.StatusCode)
	}

	server.Close()
	retrier = onceRetrier()
	if _, err := c.Collect(t.Context(), retrier); collectors.KindOf(err) != "refused" {
		t.Errorf("err = %v, want a refused connection", err)
	}
}

func TestInvalidKeyIsNotSent(t *testing.T) {
	for _, bad := range []string{"", ".", "..", "a/../b", "a b", "a%2fb", "a\nb", "a?b"} {
		t.Run(bad, func(t *testing.T) {
			h := newTestHome(t, nil, func(o *hue.Options) { o.Username = bad })
			_, err := h.collector.Collect(t.Context(), h.retrier)
			code := "unusable key"
			if bad == "" {
				code = "no key"
			}
			checkAuthentication(t, err, code)
			if n := h.bridge.Requests(); n != 0 {
				t.Errorf("%d requests, want none", n)
			}
			if len(bad) > 2 && strings.Contains(err.Error(), bad) {
				t.Errorf("the key is in %q", err)
			}
		})
	}
}

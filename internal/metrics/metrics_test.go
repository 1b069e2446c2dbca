package metrics_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/collectors"
	"hueair2mqtt/internal/history"
	"hueair2mqtt/internal/httpguard"
	"hueair2mqtt/internal/metrics"
	"hueair2mqtt/test/harness"
)

// served is a server of metrics on loopback.
type served struct {
	t   *testing.T
	url string
	end func()
}

func serve(t *testing.T, m *metrics.Metrics) *served {
	t.Helper()
	return serveAs(t, m, nil)
}

// serveAs serves with these names.
func serveAs(t *testing.T, m *metrics.Metrics, hosts httpguard.Hosts) *served {
	t.Helper()
	l, err := metrics.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.Serve(ctx, l, hosts, zap.NewNop())
	}()
	s := &served{t, "http://" + l.Addr().String(), sync.OnceFunc(func() { cancel(); <-done })}
	t.Cleanup(s.end)
	return s
}

func (s *served) ask(method, path string) (status int, header http.Header, body string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(content)
}

// lived returns the metrics of a bridge after every kind of event.
func lived() *metrics.Metrics {
	const source, endpoint = "hue", "http://192.0.2.1"
	m := metrics.New("1.2.3")
	m.Polls(source, endpoint)
	m.Polls("amazon", "https://alexa.example")
	at := time.UnixMilli(1_772_366_400_500)
	m.Polled(source, endpoint, at, 70*time.Millisecond, 0, nil)
	m.Polled(source, endpoint, at.Add(time.Minute), 3*time.Second, 2, &collectors.TransientError{Kind: "timeout", Err: errors.New("x")})
	m.Polled(source, endpoint, at.Add(2*time.Minute), time.Second, 0, &collectors.AuthenticationError{Code: "HTTP 403", Err: errors.New("x")})
	m.Read(source, map[collectors.Measurement]collectors.Value{
		collectors.Temperature: collectors.Number(21), collectors.Motion: collectors.Bool(false), collectors.Battery: collectors.Unknown,
	})
	m.Connected()
	m.Disconnected()
	m.Connected()
	m.Published(3)
	m.Keeps(func() history.Stats {
		return history.Stats{Waiting: 1, Bytes: 2, Kept: 3, Replayed: 4, Expired: 5, Overflowed: 6, Damaged: 7, Unwritten: 8}
	})
	return m
}

func TestMetricValues(t *testing.T) {
	status, header, body := serve(t, lived()).ask("GET", "/metrics")
	if status != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), "text/plain") {
		t.Errorf("%d %s", status, header.Get("Content-Type"))
	}
	const of = `{collector="hue",endpoint="http://192.0.2.1"`
	for _, want := range []string{
		`hueair2mqtt_polls_total` + of + `} 3`,
		`hueair2mqtt_polls_total{collector="amazon",endpoint="https://alexa.example"} 0`,
		`hueair2mqtt_poll_failures_total{class="transient",collector="hue",endpoint="http://192.0.2.1"} 1`,
		`hueair2mqtt_poll_failures_total{class="authentication",collector="hue",endpoint="http://192.0.2.1"} 1`,
		`hueair2mqtt_poll_failures_total{class="permanent",collector="hue",endpoint="http://192.0.2.1"} 0`,
		`hueair2mqtt_retries_total` + of + `} 2`,
		`hueair2mqtt_last_success_timestamp_seconds` + of + `} 1.7723664005e+09`,
		`hueair2mqtt_last_success_timestamp_seconds{collector="amazon",endpoint="https://alexa.example"} 0`,
		`hueair2mqtt_poll_duration_seconds_bucket` + of + `,le="0.1"} 1`,
		`hueair2mqtt_poll_duration_seconds_bucket` + of + `,le="5"} 3`,
		`hueair2mqtt_poll_duration_seconds_count` + of + `} 3`,
		`hueair2mqtt_readings_total{collector="hue",measurement="temperature"} 1`,
		`hueair2mqtt_readings_total{collector="hue",measurement="motion"} 1`,
		`hueair2mqtt_mqtt_messages_published_total 3`,
		`hueair2mqtt_mqtt_connected 1`,
		`hueair2mqtt_mqtt_connections_total 2`,
		`hueair2mqtt_history_waiting_records 1`,
		`hueair2mqtt_history_size_bytes 2`,
		`hueair2mqtt_history_kept_records_total 3`,
		`hueair2mqtt_history_replayed_records_total 4`,
		`hueair2mqtt_history_dropped_records_total{reason="age"} 5`,
		`hueair2mqtt_history_dropped_records_total{reason="size"} 6`,
		`hueair2mqtt_history_dropped_records_total{reason="damage"} 7`,
		`hueair2mqtt_history_dropped_records_total{reason="unwritable"} 8`,
		`,version="1.2.3"} 1`,
	} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("missing: %s", want)
		}
	}
	if strings.Contains(body, "battery") {
		t.Error("an unknown value was counted as read")
	}
	if t.Failed() {
		t.Log(body)
	}
}

// TestPromtool checks names, types and help texts with Prometheus's linter.
func TestPromtool(t *testing.T) {
	_, _, body := serve(t, lived()).ask("GET", "/metrics")
	path, err := exec.LookPath("promtool")
	if err != nil {
		path = filepath.Join("..", "..", "bin", "promtool") // where `make promtool` puts it
	}
	cmd := exec.Command(path, "check", "metrics")
	cmd.Stdin = strings.NewReader(body)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("promtool: %v; `make promtool` installs it\n%s", err, &out)
	}
	if out.Len() > 0 {
		t.Errorf("promtool says:\n%s", &out)
	}
}

func TestOnlyReadingIsAllowed(t *testing.T) {
	s := serve(t, metrics.New("1"))
	for _, test := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/metrics", 200}, {"HEAD", "/metrics", 200}, {"GET", "/", 200}, {"HEAD", "/", 200},
		{"POST", "/metrics", 405}, {"PUT", "/", 405}, {"DELETE", "/metrics", 405}, {"OPTIONS", "/metrics", 405},
		{"GET", "/metrics/x", 404}, {"GET", "/debug/pprof/", 404}, {"GET", "/favicon.ico", 404},
	} {
		if status, _, body := s.ask(test.method, test.path); status != test.want {
			t.Errorf("%s %s: %d %s, want %d", test.method, test.path, status, body, test.want)
		}
	}
	if _, _, body := s.ask("GET", "/"); !strings.Contains(body, "/metrics") {
		t.Errorf("/ says %q", body)
	}
}

func TestServeStopsWithContext(t *testing.T) {
	s := serve(t, metrics.New("1"))
	s.ask("GET", "/") // leaves an idle connection
	s.end()
	if conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://")); err == nil {
		conn.Close()
		t.Error("somebody still listens")
	}
}

func TestListenOnUsedAddress(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if _, err := metrics.Listen(t.Context(), taken.Addr().String()); err == nil || !strings.Contains(err.Error(), "metrics.listen: ") || !strings.Contains(err.Error(), "unused port") {
		t.Errorf("%v", err)
	}
}

// inBubble serves metrics in virtual time on a network in memory.
func inBubble(t *testing.T, test func(t *testing.T, dial func() net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		network := harness.NewNetwork()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			metrics.New("1").Serve(ctx, network, nil, zap.NewNop())
		}()
		test(t, func() net.Conn {
			conn := network.Dial("127.0.0.1")
			synctest.Wait()
			return conn
		})
		cancel()
		<-done
	})
}

// A client that asks too slowly, or never reads the response, is cut off.
func TestSlowScraperIsDisconnected(t *testing.T) {
	for name, does := range map[string]func(net.Conn){
		"never asks": func(net.Conn) {},
		"never ends its request": func(c net.Conn) {
			for range 3 {
				io.WriteString(c, "G")
				time.Sleep(time.Second)
			}
		},
		"never reads": func(c net.Conn) { io.WriteString(c, "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, dial func() net.Conn) {
				ours := dial()
				does(ours)
				time.Sleep(20 * time.Second)
				if _, err := ours.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
					t.Errorf("the connection is still there: %v", err)
				}
			})
		})
	}
}

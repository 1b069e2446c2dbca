package metrics_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"hueair2mqtt/internal/httpguard"
	"hueair2mqtt/internal/metrics"
)

// A web page whose name leads to this machine can't read the metrics.
func TestMetricsHosts(t *testing.T) {
	s := serveAs(t, metrics.New("1"), httpguard.Hosts{"nas.example.org"})
	for host, want := range map[string]int{
		"127.0.0.1:9469": 200, "[::1]:9469": 200, "localhost": 200, "nas.example.org:9469": 200, "NAS.example.org": 200,
		"evil.example": 421, "evil.example:9469": 421, "127.0.0.1.evil.example": 421, "x.nas.example.org": 421, "localhost.evil.example": 421,
	} {
		for _, path := range []string{"/metrics", "/", "/nothing"} {
			request, err := http.NewRequestWithContext(t.Context(), "GET", s.url+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Host = host
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			response.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			if want := want; response.StatusCode != want && (path != "/nothing" || want == 421) {
				t.Errorf("%s as %s: %s", path, host, response.Status)
			}
			if want == 421 && (strings.Contains(string(body), "hueair2mqtt_") || !strings.Contains(string(body), "metrics.hosts")) {
				t.Errorf("%s as %s: %s", path, host, body)
			}
		}
	}
	// The name in the request line goes before the header.
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for request, want := range map[string]int{
		"GET http://evil.example/metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n": 421,
		"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n":                 421,
	} {
		io.WriteString(conn, request)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || response.StatusCode != want {
			t.Errorf("%q: %v, %v", request, response, err)
		}
	}
	conn, err = net.Dial("tcp", conn.RemoteAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET /metrics HTTP/1.0\r\n\r\n")
	if response, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || response.StatusCode != 421 {
		t.Errorf("without a name: %v, %v", response, err)
	}
}

// Connections that do nothing keep no scraper out, and last 10 seconds at most.
func TestIdleClientsDontBlockScraper(t *testing.T) {
	for name, sent := range map[string]string{
		"nothing sent": "", "half a header": "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n", "an answered request": "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, dial func() net.Conn) {
				var held []net.Conn
				for range 40 {
					conn := dial()
					go io.WriteString(conn, sent)
					if sent != "" && strings.HasSuffix(sent, "\r\n\r\n") {
						if response, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || response.StatusCode != 200 {
							t.Fatalf("%v, %v", response, err)
						}
					}
					held = append(held, conn)
				}
				scraper := dial()
				go io.WriteString(scraper, "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
				response, err := http.ReadResponse(bufio.NewReader(scraper), nil)
				if err != nil || response.StatusCode != 200 {
					t.Fatalf("%v, %v", response, err)
				}
				if body, err := io.ReadAll(response.Body); err != nil || !strings.Contains(string(body), "hueair2mqtt_build_info") {
					t.Errorf("%v: %s", err, body)
				}
				began := time.Now()
				for _, conn := range append(held, scraper) {
					io.Copy(io.Discard, conn)
				}
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("they were waited for %v", took)
				}
			})
		})
	}
}

//go:build release

package homeassistant_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// Addresses of the apps in Home Assistant.
const (
	coreAddress       = "172.30.32.1:8123" // Home Assistant itself is on the host's network
	supervisorAddress = "172.30.32.2:80"
	appAddress        = "172.30.33.5:8099"
	mosquittoAddress  = "172.30.33.6"
	anotherApp        = "172.30.33.7"
)

const (
	token          = "7bd4e4f5a8a0c1d2e3f40516273849505d6e7f8091a2b3c4d5e6f708192a3b4c5"
	ingressToken   = "sKLfEBxOIrKp8sYLvj7b4fHhPdnR3tQfVg5e2fJ0p9Q"
	ingressSession = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
	mqttPassword   = "the password that Mosquitto gives to apps"
)

// supervisor is a strict Supervisor: it refuses what the real one refuses and fails the test on
// requests that this app has no reason to send. Its rules are those of supervisor/api of version
// 2026.08.
type supervisor struct {
	t testing.TB

	mu       sync.Mutex
	mqtt     bool // whether an app provides the service
	asked    int  // for the service
	rejected int  // for a wrong token
}

// from sends requests from one address of the network.
func from(address string) *http.Transport {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	return &http.Transport{DialContext: dialer.DialContext, DisableCompression: true}
}

// startSupervisor serves the Supervisor and the part of Home Assistant that shows apps.
func startSupervisor(t testing.TB) *supervisor {
	t.Helper()
	s := &supervisor{t: t}
	api := http.NewServeMux()
	api.HandleFunc("/services/mqtt", s.service)
	api.HandleFunc("/ingress/{token}/{path...}", s.ingress(from("172.30.32.2")))
	api.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("the app asks the Supervisor for %s %s", r.Method, r.URL)
		reply(w, http.StatusForbidden, "error", "", nil)
	})
	serve(t, supervisorAddress, api)

	core := http.NewServeMux()
	core.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		// The frontend makes a session and keeps it in a cookie for the frame.
		http.SetCookie(w, &http.Cookie{Name: "ingress_session", Value: ingressSession, Path: "/api/hassio_ingress/", SameSite: http.SameSiteStrictMode})
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("X-Frame-Options", "SAMEORIGIN")
		fmt.Fprintf(w, `<!doctype html><title>Home Assistant</title><link rel="icon" href="data:,">`+
			`<iframe title="hueair2mqtt" src="/api/hassio_ingress/%s/" width="1000" height="800"></iframe>`, ingressToken)
	})
	core.HandleFunc("/api/hassio_ingress/{token}/{path...}", s.core(from("172.30.32.1")))
	core.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("the page leads to %s, out of Ingress", r.URL)
		http.NotFound(w, r)
	})
	serve(t, coreAddress, core)
	return s
}

func serve(t testing.TB, address string, handler http.Handler) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.Serve(l) // until it is closed
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
}

func reply(w http.ResponseWriter, status int, result, message string, data any) {
	answer := map[string]any{"result": result}
	if message != "" {
		answer["message"] = message
	}
	if data != nil {
		answer["data"] = data
	}
	content, err := json.Marshal(answer)
	if err != nil {
		panic(err) // of plain values
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(content)
}

// service serves the MQTT service. An app needs the right to use it, which "mqtt:want" in its
// configuration grants.
func (s *supervisor) service(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case !ok:
		http.Error(w, "401: Unauthorized", http.StatusUnauthorized)
	case given != token:
		s.rejected++
		http.Error(w, "403: Forbidden", http.StatusForbidden)
	case r.Method != http.MethodGet:
		s.t.Errorf("%s %s", r.Method, r.URL)
		http.Error(w, "405: Method Not Allowed", http.StatusMethodNotAllowed)
	case !s.mqtt:
		s.asked++
		reply(w, http.StatusBadRequest, "error", "Service not enabled", nil)
	default:
		s.asked++
		reply(w, http.StatusOK, "ok", "", map[string]any{
			"addon": "core_mosquitto", "host": "core-mosquitto", "port": 1883, "ssl": false, "protocol": "3.1.1",
			"username": "addons", "password": mqttPassword,
		})
	}
}

func (s *supervisor) provideMQTT() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mqtt = true
}

func (s *supervisor) counts() (asked, rejected int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked, s.rejected
}

// harmful matches what the Supervisor filters out of paths and queries.
var harmful = regexp.MustCompile(`(?i)proc/self/environ|(<|%3C).*script.*(>|%3E)|(\.\.//?)+|[a-zA-Z0-9_]=/([a-z0-9_.]//?)+|union.*select.*\(|union.*all.*select.*|concat.*\(`)

// dropped are the headers of a browser that don't reach the app: the Supervisor sets its own, and a
// browser must not choose the user.
var dropped = []string{
	"Content-Length", "Content-Encoding", "Transfer-Encoding", "X-Supervisor-Token", "X-Hassio-Key",
	"X-Remote-User-Id", "X-Remote-User-Name", "X-Remote-User-Display-Name",
}

// ingress forwards a request to the app from the Supervisor's address.
func (s *supervisor) ingress(transport *http.Transport) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("ingress_session"); err != nil || c.Value != ingressSession {
			http.Error(w, "401: Unauthorized", http.StatusUnauthorized)
			return
		}
		if r.PathValue("token") != ingressToken {
			http.Error(w, "503: Service Unavailable", http.StatusServiceUnavailable)
			return
		}
		path, pathErr := url.PathUnescape(r.URL.EscapedPath())
		query, queryErr := url.QueryUnescape(r.URL.RawQuery)
		if pathErr != nil || queryErr != nil || harmful.MatchString(path) || harmful.MatchString(query) {
			s.t.Errorf("the Supervisor would filter out %s", r.URL)
			http.Error(w, "400: Bad Request", http.StatusBadRequest)
			return
		}
		header := r.Header.Clone()
		for _, name := range dropped {
			header.Del(name)
		}
		header.Set("X-Remote-User-Id", "8e7d6c5b4a39281706f5e4d3c2b1a098")
		header.Set("X-Remote-User-Name", "anna")
		header.Set("X-Remote-User-Display-Name", "Anna")
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			panic(err) // of net/http
		}
		header.Set("X-Forwarded-For", r.Header.Get("X-Forwarded-For")+", "+host)
		pass(w, r, transport, "http://"+appAddress+"/"+r.PathValue("path"), header)
	}
}

// core forwards a request to the Supervisor, as the component hassio of Home Assistant does.
func (s *supervisor) core(transport *http.Transport) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		header := r.Header.Clone()
		for _, name := range []string{"Content-Length", "Content-Encoding", "Transfer-Encoding", "Accept-Encoding"} {
			header.Del(name)
		}
		header.Set("X-Hass-Source", "core.ingress")
		header.Set("X-Ingress-Path", "/api/hassio_ingress/"+r.PathValue("token"))
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			panic(err) // of net/http
		}
		header.Set("X-Forwarded-For", host)
		header.Set("X-Forwarded-Host", r.Host)
		header.Set("X-Forwarded-Proto", "http")
		pass(w, r, transport, "http://"+supervisorAddress+"/ingress/"+r.PathValue("token")+"/"+r.PathValue("path"), header)
	}
}

// pass is the common part of both proxies: the Host header stays the browser's, the browser follows
// redirects, and the content type loses its parameters.
func pass(w http.ResponseWriter, r *http.Request, transport *http.Transport, address string, header http.Header) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	out, err := http.NewRequestWithContext(ctx, r.Method, address, r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	out.URL.RawQuery, out.Host, out.Header, out.ContentLength = r.URL.RawQuery, r.Host, header, r.ContentLength
	response, err := transport.RoundTrip(out)
	if err != nil {
		http.Error(w, "502: Bad Gateway", http.StatusBadGateway)
		return
	}
	defer response.Body.Close()
	for name, values := range response.Header {
		if name != "Content-Length" && name != "Transfer-Encoding" && name != "Content-Encoding" {
			w.Header()[name] = values
		}
	}
	if kind, _, ok := strings.Cut(response.Header.Get("Content-Type"), ";"); ok {
		w.Header().Set("Content-Type", kind)
	}
	w.WriteHeader(response.StatusCode)
	control, buffer := http.NewResponseController(w), make([]byte, 32<<10)
	for {
		n, err := response.Body.Read(buffer)
		if _, writeErr := w.Write(buffer[:n]); err != nil || writeErr != nil || control.Flush() != nil {
			if err != nil && err != io.EOF && ctx.Err() == nil {
				panic(http.ErrAbortHandler)
			}
			return
		}
	}
}

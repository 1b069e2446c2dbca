package mqtt_test

import (
	"context"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hueair2mqtt/bridge/mqtt"
	"hueair2mqtt/configs"
)

// A response to a WebSocket handshake redirects nowhere and leaves no connection open.
func TestWebSocketRedirectIsNotFollowed(t *testing.T) {
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	for name, answer := range map[string]http.HandlerFunc{
		"302 to another server": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) },
		"307 to itself": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
		},
		"200 with a long body": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(make([]byte, 1<<20))
		},
		"426": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUpgradeRequired) },
		"101 for something else": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n"))
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		},
	} {
		for _, scheme := range []string{"ws", "wss"} {
			t.Run(name+" "+scheme, func(t *testing.T) {
				t.Parallel()
				var asked, dialed, open atomic.Int64
				server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					asked.Add(1)
					answer(w, r)
				}))
				server.Config.ErrorLog = log.New(io.Discard, "", 0)
				o := mqtt.Options{Settings: configs.MQTT{Broker: "ws://" + server.Listener.Addr().String() + "/mqtt"}}
				o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
					conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
					if err != nil {
						return nil, err
					}
					dialed.Add(1)
					open.Add(1)
					return &counted{Conn: conn, closed: sync.OnceFunc(func() { open.Add(-1) })}, nil
				}
				if scheme == "wss" {
					server.StartTLS()
					o.Settings.Broker = strings.Replace(o.Settings.Broker, "ws:", "wss:", 1)
					o.Settings.CAFile = filepath.Join(t.TempDir(), "ca.pem")
					authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
					if err := os.WriteFile(o.Settings.CAFile, authority, 0o600); err != nil {
						t.Fatal(err)
					}
				} else {
					server.Start()
				}
				defer server.Close()
				const tries = 5
				var trying sync.WaitGroup
				for range tries { // at once, because the library waits seconds for some answers
					trying.Go(func() {
						if err := mqtt.TryConnect(t.Context(), o); err == nil {
							t.Error("no error")
						}
					})
				}
				trying.Wait()
				if asked.Load() != tries || dialed.Load() != tries || elsewhere.Load() != 0 {
					t.Errorf("%d requests on %d connections, %d elsewhere", asked.Load(), dialed.Load(), elsewhere.Load())
				}
				for deadline := time.Now().Add(30 * time.Second); open.Load() != 0; time.Sleep(time.Millisecond) {
					if time.Now().After(deadline) {
						t.Fatalf("%d connections are left", open.Load())
					}
				}
			})
		}
	}
}

// counted is a connection that reports when it is closed.
type counted struct {
	net.Conn
	closed func()
}

func (c *counted) Close() error {
	c.closed()
	return c.Conn.Close()
}

package metrics

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"

	"hueair2mqtt/internal/httpguard"
)

const (
	// A scraper connects now and then and reads the response at once. Others are cut
	// off, so that no client can hold descriptors that the sources need.
	readTimeout    = 5 * time.Second
	writeTimeout   = 10 * time.Second
	idleTimeout    = 10 * time.Second // Prometheus then reconnects for each scrape
	maxHeaderBytes = 8 << 10
	maxBody        = 4 << 10 // of a request, which needs none

	maxConnections          = 32
	maxConnectionsPerClient = 8
	maxInFlight             = 16 // more than one client can have
)

// Listen listens at the address (host:port) of metrics.listen.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("metrics.listen: %w: write an address of this machine with an unused port, or remove the key", err)
	}
	return l, nil
}

// Serve serves the metrics until ctx is done, and closes the listener. Requests
// must address the server by an IP address, localhost or one of hosts.
func (m *Metrics) Serve(ctx context.Context, l net.Listener, hosts httpguard.Hosts, log *zap.Logger) {
	server := &http.Server{
		Handler:           m.Health.Handler(m.handler(hosts)),
		ReadTimeout:       readTimeout,
		ReadHeaderTimeout: readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          zap.NewStdLog(log.WithOptions(zap.IncreaseLevel(zap.WarnLevel))),
	}
	err := httpguard.Serve(ctx, server, l, httpguard.Limits{Connections: maxConnections, PerClient: maxConnectionsPerClient, Body: maxBody})
	if err != nil {
		log.Error("metrics are no longer served", zap.Error(err))
	}
}

func (m *Metrics) handler(hosts httpguard.Hosts) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: maxInFlight,
		Timeout:             writeTimeout / 2,
	}))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintln(w, "hueair2mqtt: its metrics for Prometheus are at /metrics")
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
		if !hosts.Allowed(r.Host) {
			http.Error(w, "The metrics are not served under the host name in this request. Use an address of this machine, or add the name to metrics.hosts in the configuration.",
				http.StatusMisdirectedRequest)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

package metrics

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"
	"golang.org/x/net/netutil"
)

const (
	// A scraper asks once in a while and reads its answer at once. Whoever does not
	// is cut off, so that nobody can hold descriptors that the sources need.
	readTimeout    = 5 * time.Second
	writeTimeout   = 10 * time.Second
	idleTimeout    = 2 * time.Minute // Prometheus asks every minute by default
	shutdownTime   = time.Second
	maxHeaderBytes = 8 << 10
	maxConnections = 16
	maxInFlight    = 4
)

// Listen opens the address (host:port) of metrics.listen.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("metrics.listen: %w: name an address of this machine with a port that nobody else uses, or remove the key", err)
	}
	return l, nil
}

// Serve answers scrapers until ctx ends. It closes the listener.
func (m *Metrics) Serve(ctx context.Context, l net.Listener, log *zap.Logger) {
	server := &http.Server{
		Handler:           m.Health.Handler(m.handler()),
		ReadTimeout:       readTimeout,
		ReadHeaderTimeout: readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          zap.NewStdLog(log.WithOptions(zap.IncreaseLevel(zap.WarnLevel))),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(netutil.LimitListener(l, maxConnections)) }()
	select {
	case err := <-served:
		log.Error("metrics are no longer served", zap.Error(err))
		return
	case <-ctx.Done():
	}
	// A scraper in the middle of its answer gets the rest, if it is quick.
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if err := server.Shutdown(ending); err != nil {
		err = errors.Join(err, server.Close())
		log.Debug("a scraper was cut off", zap.Error(err))
	}
	<-served
}

func (m *Metrics) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: maxInFlight,
		Timeout:             writeTimeout / 2,
	}))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintln(w, "hueair2mqtt: its metrics for Prometheus are at /metrics")
	})
	return mux
}

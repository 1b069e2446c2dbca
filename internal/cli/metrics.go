package cli

import (
	"context"
	"net"
	"strings"
	"sync"

	"go.uber.org/zap"

	"hueair2mqtt/bridge"
	"hueair2mqtt/configs"
	"hueair2mqtt/internal/httpguard"
	"hueair2mqtt/internal/metrics"
)

// serveMetrics serves the metrics of the bridge that will run with these options, if they are
// configured. stop ends the server and waits for it.
func serveMetrics(ctx context.Context, c configs.Metrics, o *bridge.Options) (stop func(), err error) {
	if c.Listen == "" {
		return func() {}, nil
	}
	listener, err := metrics.Listen(ctx, c.Listen)
	if err != nil {
		return nil, err
	}
	hosts := httpguard.Hosts(c.Hosts)
	if name, _, err := net.SplitHostPort(c.Listen); err == nil && name != "" {
		hosts = append(hosts, strings.ToLower(name))
	}
	m := metrics.New(o.Version)
	m.Health = healthChecks(o.Live)
	o.Observer = m
	o.Log.Info("metrics are served", zap.String("address", "http://"+listener.Addr().String()+"/metrics"))
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var serving sync.WaitGroup
	serving.Go(func() { m.Serve(ctx, listener, hosts, o.Log) })
	return func() {
		cancel()
		serving.Wait()
	}, nil
}

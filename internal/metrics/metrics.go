// Package metrics counts what the bridge does, for Prometheus.
//
// The bridge reports to it from the goroutine that owns the devices, and from that
// of the MQTT session; the counters take care of themselves and need no lock of
// the bridge's. Whoever does not set metrics.listen has none of this: no registry
// is made, nobody listens, and the bridge reports to nobody.
//
// Every label has few values that the configuration or this program knows: an
// endpoint is a Hue bridge or an account, a measurement a constant, a class one of
// three. Devices are no label. There may be thousands, and their readings are on
// MQTT already.
package metrics

import (
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	promcollectors "github.com/prometheus/client_golang/prometheus/collectors"

	"hueair2mqtt/collectors"
	"hueair2mqtt/internal/health"
	"hueair2mqtt/internal/history"
)

const namespace = "hueair2mqtt"

// Metrics are the counters of one bridge.
type Metrics struct {
	// Health is served beside the metrics; nil if it isn't. It is set before Serve.
	Health *health.Checks

	registry *prometheus.Registry

	polls       *prometheus.CounterVec
	failures    *prometheus.CounterVec
	retries     *prometheus.CounterVec
	lastSuccess *prometheus.GaugeVec
	duration    *prometheus.HistogramVec
	readings    *prometheus.CounterVec

	published   prometheus.Counter
	connected   prometheus.Gauge
	connections prometheus.Counter
}

// durations are the upper bounds of the histogram's buckets, in seconds: a Hue
// bridge answers in a tenth, Amazon in a few, a poll with all its retries may last
// the interval.
var durations = []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300}

// New makes the counters, all at zero, of a program of this version.
func New(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	endpoint := []string{"collector", "endpoint"}

	m.polls = m.counters("polls_total", "Polls of a source, good and failed.", endpoint...)
	m.failures = m.counters("poll_failures_total", "Polls that brought nothing, by the class of the error.", append(endpoint, "class")...)
	m.retries = m.counters("retries_total", "Requests to a source that were sent again after a failure.", endpoint...)
	m.readings = m.counters("readings_total", "Values taken from a source, by what was measured.", "collector", "measurement")

	m.lastSuccess = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "last_success_timestamp_seconds",
		Help: "When the last good poll of a source began, in seconds since 1970; 0 before the first.",
	}, endpoint)
	m.duration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: "poll_duration_seconds",
		Help: "How long a poll took, with its retries.", Buckets: durations,
	}, endpoint)
	m.published = prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: namespace, Name: "mqtt_messages_published_total",
		Help: "Messages that the broker has acknowledged.",
	})
	m.connected = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "mqtt_connected",
		Help: "Whether there is a connection to the broker: 1 or 0.",
	})
	m.connections = prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: namespace, Name: "mqtt_connections_total",
		Help: "Connections to the broker that came about; all but the first are reconnects.",
	})
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info",
		Help:        "Always 1; the labels tell what is running.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(
		m.lastSuccess, m.duration, m.published, m.connected, m.connections, build,
		promcollectors.NewGoCollector(),
		promcollectors.NewProcessCollector(promcollectors.ProcessCollectorOpts{}),
	)
	return m
}

func (m *Metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

// Polls says that an endpoint will be polled, so that its counters are there
// before anything has happened.
func (m *Metrics) Polls(source, endpoint string) {
	m.polls.WithLabelValues(source, endpoint)
	m.retries.WithLabelValues(source, endpoint)
	m.lastSuccess.WithLabelValues(source, endpoint)
	m.duration.WithLabelValues(source, endpoint)
	for _, class := range []collectors.Class{collectors.Permanent, collectors.Transient, collectors.Authentication} {
		m.failures.WithLabelValues(source, endpoint, class.String())
	}
}

// Forgets removes the counters of an endpoint that is polled no more.
func (m *Metrics) Forgets(source, endpoint string) {
	labels := prometheus.Labels{"collector": source, "endpoint": endpoint}
	for _, vec := range []interface {
		DeletePartialMatch(labels prometheus.Labels) int
	}{m.polls, m.failures, m.retries, m.lastSuccess, m.duration} {
		vec.DeletePartialMatch(labels)
	}
}

// Polled says how a poll ended, which began at that time and took so long, with so
// many retries.
func (m *Metrics) Polled(source, endpoint string, at time.Time, took time.Duration, retries int64, err error) {
	m.polls.WithLabelValues(source, endpoint).Inc()
	m.duration.WithLabelValues(source, endpoint).Observe(took.Seconds())
	m.retries.WithLabelValues(source, endpoint).Add(float64(retries))
	if err != nil {
		m.failures.WithLabelValues(source, endpoint, collectors.ClassOf(err).String()).Inc()
		return
	}
	m.lastSuccess.WithLabelValues(source, endpoint).Set(float64(at.UnixMilli()) / 1000)
}

// Read says that these readings were taken from a source.
func (m *Metrics) Read(source string, readings map[collectors.Measurement]collectors.Value) {
	for measurement, value := range readings {
		if !value.IsUnknown() {
			m.readings.WithLabelValues(source, string(measurement)).Inc()
		}
	}
}

// Connected says that there is a connection to the broker.
func (m *Metrics) Connected() {
	m.connected.Set(1)
	m.connections.Inc()
}

// Disconnected says that it has ended.
func (m *Metrics) Disconnected() { m.connected.Set(0) }

// Published says that the broker has acknowledged so many messages.
func (m *Metrics) Published(messages int) { m.published.Add(float64(messages)) }

// Keeps says that readings are kept for a broker that is away, and where their
// counts come from.
func (m *Metrics) Keeps(stats func() history.Stats) { m.registry.MustRegister(newKept(stats)) }

// Package metrics counts what the bridge does, and serves the counts to Prometheus.
//
// Every label has few values, all known to the configuration or the program: an
// endpoint is a Hue bridge or an account, a measurement is a constant, a class is
// one of three. Devices are not a label, because there may be thousands.
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

// Metrics has the counters of one bridge. Its methods are safe for concurrent use.
type Metrics struct {
	// Health is served on the same address unless it is nil. Set it before Serve.
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

// durations are the upper bounds of the histogram's buckets, in seconds. A Hue
// bridge responds in a tenth of a second, Amazon in a few seconds, and a poll with
// all its retries may last the interval.
var durations = []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300}

// New returns metrics, all zero, of a program of this version.
func New(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	endpoint := []string{"collector", "endpoint"}

	m.polls = m.counters("polls_total", "Polls of a source, successful and failed.", endpoint...)
	m.failures = m.counters("poll_failures_total", "Polls that failed, by the class of the error.", append(endpoint, "class")...)
	m.retries = m.counters("retries_total", "Requests to a source that were retried after a failure.", endpoint...)
	m.readings = m.counters("readings_total", "Values read from a source, by measurement.", "collector", "measurement")

	m.lastSuccess = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "last_success_timestamp_seconds",
		Help: "Start of the last successful poll of a source, in seconds since 1970; 0 before the first.",
	}, endpoint)
	m.duration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: "poll_duration_seconds",
		Help: "Duration of a poll, including its retries.", Buckets: durations,
	}, endpoint)
	m.published = prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: namespace, Name: "mqtt_messages_published_total",
		Help: "Messages that the broker has acknowledged.",
	})
	m.connected = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "mqtt_connected",
		Help: "Whether the broker is connected: 1 or 0.",
	})
	m.connections = prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: namespace, Name: "mqtt_connections_total",
		Help: "Connections made to the broker; all but the first are reconnects.",
	})
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info",
		Help:        "Always 1; the labels have the running version.",
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

// Polls creates the counters of an endpoint, so that they exist before its first
// poll.
func (m *Metrics) Polls(source, endpoint string) {
	m.polls.WithLabelValues(source, endpoint)
	m.retries.WithLabelValues(source, endpoint)
	m.lastSuccess.WithLabelValues(source, endpoint)
	m.duration.WithLabelValues(source, endpoint)
	for _, class := range []collectors.Class{collectors.Permanent, collectors.Transient, collectors.Authentication} {
		m.failures.WithLabelValues(source, endpoint, class.String())
	}
}

// Forgets removes the counters of an endpoint that is no longer polled.
func (m *Metrics) Forgets(source, endpoint string) {
	labels := prometheus.Labels{"collector": source, "endpoint": endpoint}
	for _, vec := range []interface {
		DeletePartialMatch(labels prometheus.Labels) int
	}{m.polls, m.failures, m.retries, m.lastSuccess, m.duration} {
		vec.DeletePartialMatch(labels)
	}
}

// Polled counts a poll that started at a time and ended with err or nil.
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

// Read counts the known readings of a poll or an event.
func (m *Metrics) Read(source string, readings map[collectors.Measurement]collectors.Value) {
	for measurement, value := range readings {
		if !value.IsUnknown() {
			m.readings.WithLabelValues(source, string(measurement)).Inc()
		}
	}
}

// Connected counts a connection to the broker.
func (m *Metrics) Connected() {
	m.connected.Set(1)
	m.connections.Inc()
}

// Disconnected records that the connection is closed.
func (m *Metrics) Disconnected() { m.connected.Set(0) }

// Published counts messages that the broker has acknowledged.
func (m *Metrics) Published(messages int) { m.published.Add(float64(messages)) }

// Keeps adds the metrics of the history, whose counts stats returns.
func (m *Metrics) Keeps(stats func() history.Stats) {
	gauge := func(name, help string, value func(history.Stats) int64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: "history", Name: name, Help: help,
		}, func() float64 { return float64(value(stats())) }))
	}
	counter := func(name, help string, labels prometheus.Labels, value func(history.Stats) int64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: "history", Name: name, Help: help, ConstLabels: labels,
		}, func() float64 { return float64(value(stats())) }))
	}
	gauge("waiting_records", "Readings that the broker has not received yet.", func(s history.Stats) int64 { return int64(s.Waiting) })
	gauge("size_bytes", "Size of the history on disk.", func(s history.Stats) int64 { return s.Bytes })
	counter("kept_records_total", "Readings recorded because the broker did not acknowledge them in time, including those of previous runs.",
		nil, func(s history.Stats) int64 { return s.Kept })
	counter("replayed_records_total", "Readings of the history that the broker has acknowledged.", nil, func(s history.Stats) int64 { return s.Replayed })
	for reason, count := range map[string]func(history.Stats) int64{
		"age": func(s history.Stats) int64 { return s.Expired }, "size": func(s history.Stats) int64 { return s.Overflowed },
		"damage": func(s history.Stats) int64 { return s.Damaged }, "unwritable": func(s history.Stats) int64 { return s.Unwritten },
	} {
		counter("dropped_records_total", "Readings that were lost, by reason: too old, no space, damaged on disk, or not writable.", prometheus.Labels{"reason": reason}, count)
	}
}

package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"hueair2mqtt/internal/history"
)

// kept tells what the history counts, at the moment when somebody asks.
type kept struct {
	stats func() history.Stats

	waiting, bytes, records, replayed, dropped *prometheus.Desc
}

func newKept(stats func() history.Stats) *kept {
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, "history", name), help, labels, nil)
	}
	return &kept{
		stats:    stats,
		waiting:  describe("waiting_records", "Readings that the broker has not got yet."),
		bytes:    describe("size_bytes", "Size of the history on the disk."),
		records:  describe("kept_records_total", "Readings that were kept because the broker did not acknowledge them in time, those of earlier runs included."),
		replayed: describe("replayed_records_total", "Readings of the history that the broker has acknowledged."),
		dropped:  describe("dropped_records_total", "Readings that were lost, by reason: too old, no room, damaged on the disk, or not to be written.", "reason"),
	}
}

// Describe implements prometheus.Collector.
func (k *kept) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{k.waiting, k.bytes, k.records, k.replayed, k.dropped} {
		descriptions <- d
	}
}

// Collect implements prometheus.Collector.
func (k *kept) Collect(metrics chan<- prometheus.Metric) {
	s := k.stats()
	tell := func(d *prometheus.Desc, kind prometheus.ValueType, value int64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(d, kind, float64(value), labels...)
	}
	tell(k.waiting, prometheus.GaugeValue, int64(s.Waiting))
	tell(k.bytes, prometheus.GaugeValue, s.Bytes)
	tell(k.records, prometheus.CounterValue, s.Kept)
	tell(k.replayed, prometheus.CounterValue, s.Replayed)
	tell(k.dropped, prometheus.CounterValue, s.Expired, "age")
	tell(k.dropped, prometheus.CounterValue, s.Overflowed, "size")
	tell(k.dropped, prometheus.CounterValue, s.Damaged, "damage")
	tell(k.dropped, prometheus.CounterValue, s.Unwritten, "unwritable")
}

package history_test

import (
	"os"
	"testing"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/internal/history"
)

// benchState is as long as a motion sensor's.
var benchState = []byte(`{"battery":87,"connectivity":true,"illuminance":28.58,"last_seen":"2026-03-01T12:00:00Z","motion":true,"temperature":21.34}`)

// BenchmarkAdd measures one reading until it would survive the end of the process.
func BenchmarkAdd(b *testing.B) {
	k := openLog(b, b.TempDir())
	defer k.Close()
	b.ReportAllocs()
	for b.Loop() {
		k.Add("hue_0017880102030405", time.Now(), benchState, false)
	}
	if s := k.Stats(); s.Unwritten > 0 {
		b.Fatalf("%+v", s)
	}
}

// BenchmarkAddAcknowledged measures a reading that the broker takes, which is what
// the history costs while nothing fails.
func BenchmarkAddAcknowledged(b *testing.B) {
	k := openLog(b, b.TempDir())
	defer k.Close()
	b.ReportAllocs()
	for b.Loop() {
		k.Acknowledge(k.Add("hue_0017880102030405", time.Now(), benchState, true))
	}
}

// BenchmarkSync measures what surviving a power failure costs on this disk, once
// every two seconds of an outage at most.
func BenchmarkSync(b *testing.B) {
	f, err := os.Create(b.TempDir() + "/file")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	for b.Loop() {
		if _, err := f.Write(benchState); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReplay measures a reading on its way from the disk to the broker and its
// acknowledgement back to the disk, without the broker and the pace.
func BenchmarkReplay(b *testing.B) {
	k := openLog(b, b.TempDir())
	defer k.Close()
	const most = 20
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		if n == 0 {
			b.StopTimer()
			for n = range 50_000 {
				k.Add("hue_0017880102030405", time.Now(), benchState, false)
			}
			n++
			b.StartTimer()
		}
		records := k.waiting(min(most, n))
		k.Replayed(keysOf(records)...)
		n -= len(records)
	}
	b.ReportMetric(float64(b.N*most)/b.Elapsed().Seconds(), "readings/s")
}

// BenchmarkOpen measures a start that finds a week of 20 sensors.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	k := openLog(b, dir)
	const readings = 7 * 24 * 60 * 20
	for range readings {
		k.Add("hue_0017880102030405", time.Now(), benchState, false)
	}
	bytes := k.Stats().Bytes
	k.Close()
	for b.Loop() {
		k := history.Open(history.Options{Dir: dir, MaxAge: week, MaxBytes: 64e6, Log: zap.NewNop()})
		if k.Stats().Waiting != readings {
			b.Fatalf("%+v", k.Stats())
		}
		k.Close()
	}
	b.ReportMetric(float64(bytes)/readings, "bytes/reading")
}

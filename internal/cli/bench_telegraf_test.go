package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"hueair2mqtt/test/harness"
)

// BenchmarkTelegraf measures what BenchmarkPoll and BenchmarkStart measure, for Telegraf with its
// Hue bridge input and its MQTT output. TELEGRAF names the binary, which "make bench" builds.
func BenchmarkTelegraf(b *testing.B) {
	telegraf := os.Getenv("TELEGRAF")
	if telegraf == "" {
		b.Skip("TELEGRAF does not name a Telegraf to compare with")
	}
	for _, n := range homeSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := newBenchHome(b)
			h.set(n, 21.25)
			temperatures := h.arrivals("telegraf/huebridge_temperature")
			config := filepath.Join(h.Dir, "telegraf.conf")
			harness.WriteFile(b, config, fmt.Sprintf(`
[agent]
  interval = "1s"
  round_interval = false
  flush_interval = "1s"
  metric_buffer_limit = 100000
  metric_batch_size = 100000
  omit_hostname = true
  quiet = true
[[inputs.huebridge]]
  bridges = ["address://%s:%s@%s/"]
  insecure_skip_verify = true
[[outputs.mqtt]]
  servers = [%q]
  topic = 'telegraf/{{ .Name }}'
  qos = 1
  keep_alive = 30
  retain = true
  data_format = "json"
`, harness.HueID, harness.HueKey, h.HueTLS.Host(), h.Broker.URL()), 0o600)
			began := time.Now()
			p := harness.Start(b, exec.Command(telegraf, "--config", config))
			first := temperatures.next(`"temperature"`).Sub(began)
			measurePolls(b, h, "/clip/v2/resource/temperature", p)
			p.Stop()
			b.ReportMetric(float64(first.Microseconds())/1000, "ms-to-first-state")
			b.ReportMetric(binaryMiB(b, telegraf), "MiB-binary")
		})
	}
}

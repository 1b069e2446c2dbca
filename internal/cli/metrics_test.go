package cli

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"hueair2mqtt/test/harness"
)

// scrape returns the metrics, empty if there is no response.
func scrape(address string) string {
	response, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return ""
	}
	return string(body)
}

// value returns the value of a metric with its labels.
func value(scraped, metric string) (v float64) {
	for line := range strings.Lines(scraped) {
		if rest, ok := strings.CutPrefix(line, metric+" "); ok {
			fmt.Sscan(rest, &v)
		}
	}
	return v
}

func TestMetricsFollowEvents(t *testing.T) {
	t.Parallel()
	h := newHistoryHome(t)
	address := harness.ReserveAddress(t)
	p := h.run("--metrics.listen", address)
	endpoint := fmt.Sprintf(`{collector="hue",endpoint=%q}`, h.url)
	harness.Eventually(t, "polls and publishes", func() bool {
		s := scrape(address)
		return value(s, "hueair2mqtt_polls_total"+endpoint) >= 2 && value(s, "hueair2mqtt_mqtt_messages_published_total") > 5
	})
	h.Hue.DeleteKey()
	failures := fmt.Sprintf(`hueair2mqtt_poll_failures_total{class="authentication",collector="hue",endpoint=%q}`, h.url)
	harness.Eventually(t, "a failure", func() bool { return value(scrape(address), failures) > 0 })
	h.Hue.RestoreKey()
	h.Broker.Stop()
	harness.Eventually(t, "kept readings", func() bool {
		s := scrape(address)
		return value(s, "hueair2mqtt_history_waiting_records") >= 2 && value(s, "hueair2mqtt_mqtt_connected") == 0 &&
			value(s, "hueair2mqtt_history_size_bytes") > 0
	})
	h.Broker.Start()
	harness.Eventually(t, "a replay", func() bool {
		s := scrape(address)
		return value(s, "hueair2mqtt_history_replayed_records_total") >= 2 && value(s, "hueair2mqtt_history_waiting_records") == 0 &&
			value(s, "hueair2mqtt_mqtt_connections_total") == 2 && value(s, "hueair2mqtt_mqtt_connected") == 1
	})
	s := scrape(address)
	for metric, least := range map[string]float64{
		"hueair2mqtt_last_success_timestamp_seconds" + endpoint:                 1.7e9,
		"hueair2mqtt_poll_duration_seconds_count" + endpoint:                    4,
		`hueair2mqtt_readings_total{collector="hue",measurement="temperature"}`: 3,
		"process_resident_memory_bytes":                                         1e6,
		"go_goroutines":                                                         3,
		"hueair2mqtt_history_kept_records_total":                                2,
	} {
		if got := value(s, metric); got < least {
			t.Errorf("%s is %v", metric, got)
		}
	}
	if !strings.Contains(s, "hueair2mqtt_build_info{") || strings.Contains(s, harness.HueKey) {
		t.Errorf("scraped:\n%s", s)
	}
	p.StopCleanly()
}

func TestOccupiedMetricsPortFailsStart(t *testing.T) {
	t.Parallel()
	h := newHistoryHome(t)
	code, _, stderr := run(t, "run", "--config", h.Config, "--metrics.listen", harness.Listen(t).Addr().String())
	if code != exitFailed || !strings.Contains(stderr, "metrics.listen: ") || !strings.Contains(stderr, "address already in use") {
		t.Errorf("exit code %d, said %s", code, stderr)
	}
	if h.polled() > 0 {
		t.Error("it polled all the same")
	}
}

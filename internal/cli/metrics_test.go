package cli

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"hueair2mqtt/test/harness"
)

// reservedAddress returns an address on loopback that nobody but the test listens on.
func reservedAddress(t testing.TB) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", harness.Reserve(t))
}

// scrape asks for the metrics; empty where nobody answers.
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

// value is that of a metric, of which the name and labels are given.
func value(scraped, metric string) (v float64) {
	for line := range strings.Lines(scraped) {
		if rest, ok := strings.CutPrefix(line, metric+" "); ok {
			fmt.Sscan(rest, &v)
		}
	}
	return v
}

func TestMetricsTellWhatHappens(t *testing.T) {
	t.Parallel()
	broker := startMosquitto(t)
	h := newHistoryHouse(t, broker.url(), broker)
	address := reservedAddress(t)
	p := start(t, "run", "--config", h.config, "--metrics.listen", address)
	endpoint := fmt.Sprintf(`{collector="hue",endpoint=%q}`, h.url)
	eventually(t, "polls and publishes", func() bool {
		s := scrape(address)
		return value(s, "hueair2mqtt_polls_total"+endpoint) >= 2 && value(s, "hueair2mqtt_mqtt_messages_published_total") > 5
	})
	h.hue.DeleteKey()
	failures := fmt.Sprintf(`hueair2mqtt_poll_failures_total{class="authentication",collector="hue",endpoint=%q}`, h.url)
	eventually(t, "a failure", func() bool { return value(scrape(address), failures) > 0 })
	h.hue.RestoreKey()
	broker.stop()
	eventually(t, "kept readings", func() bool {
		s := scrape(address)
		return value(s, "hueair2mqtt_history_waiting_records") >= 2 && value(s, "hueair2mqtt_mqtt_connected") == 0 &&
			value(s, "hueair2mqtt_history_size_bytes") > 0
	})
	broker.start()
	eventually(t, "a replay", func() bool {
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
	if !strings.Contains(s, "hueair2mqtt_build_info{") || strings.Contains(s, hueKey) {
		t.Errorf("scraped:\n%s", s)
	}
	p.signal(syscall.SIGTERM)
	if code := p.wait(); code != exitGood {
		t.Errorf("exit code %d", code)
	}
}

func TestNobodyListensByDefault(t *testing.T) {
	t.Parallel()
	broker := startMosquitto(t)
	h := newHistoryHouse(t, broker.url(), broker)
	p := start(t, "run", "--config", h.config)
	h.waitForPolls(t, 2)
	if n := listening(t, p.cmd.Process.Pid); n > 0 {
		t.Errorf("%d sockets listen", n)
	}
	address := reservedAddress(t)
	p = start(t, "run", "--config", h.config, "--metrics.listen", address)
	eventually(t, "metrics", func() bool { return scrape(address) != "" })
	if n := listening(t, p.cmd.Process.Pid); n != 1 {
		t.Errorf("%d sockets listen, though this test finds them", n)
	}
}

func TestMetricsThatCantBeServedEndTheStart(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	h := newHistoryHouse(t, "tcp://127.0.0.1:1", nil)
	code, _, stderr := run(t, "run", "--config", h.config, "--metrics.listen", taken.Addr().String())
	if code != exitFailed || !strings.Contains(stderr, "metrics.listen: ") || !strings.Contains(stderr, "address already in use") {
		t.Errorf("exit code %d, said %s", code, stderr)
	}
	if h.polled() > 0 {
		t.Error("it polled all the same")
	}
}

package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// demoPrinter prints lines from several goroutines.
type demoPrinter struct {
	mu     sync.Mutex
	out    io.Writer
	failed func() // called when the output can't be written
}

func (p *demoPrinter) printf(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := fmt.Fprintf(p.out, format, args...); err != nil {
		p.failed()
	}
}

// message prints one MQTT message on one line.
func (p *demoPrinter) message(topic string, payload []byte) {
	p.printf("%s  %-48s  %s\n", time.Now().Format("15:04:05"), topic, describe(topic, payload))
}

// describe summarizes a payload.
func describe(topic string, payload []byte) string {
	var fields map[string]any
	if json.Unmarshal(payload, &fields) != nil {
		return string(payload)
	}
	if strings.HasSuffix(topic, "/config") {
		return describeAnnouncement(fields)
	}
	if sources, ok := fields["collectors"].(map[string]any); ok {
		return describeInfo(sources)
	}
	parts := make([]string, 0, len(fields))
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		switch value := fields[key]; {
		case value != nil:
			parts = append(parts, fmt.Sprintf("%s=%v", key, value))
		case key == "reason", key == "code", key == "since", key == "remedy":
		default:
			parts = append(parts, key+"=unknown")
		}
	}
	return strings.Join(parts, " ")
}

func describeAnnouncement(fields map[string]any) string {
	device, _ := fields["device"].(map[string]any)
	components, _ := fields["components"].(map[string]any)
	return fmt.Sprintf("announces %q to Home Assistant: %s", device["name"],
		strings.Join(slices.Sorted(maps.Keys(components)), ", "))
}

func describeInfo(sources map[string]any) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		s, _ := sources[name].(map[string]any)
		connected := s["connected"]
		if connected == nil {
			connected = "unknown"
		}
		parts = append(parts, fmt.Sprintf("%s: devices=%v connected=%v problem=%v", name, s["devices"], connected, s["problem"]))
	}
	return strings.Join(parts, "; ")
}

package configs

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// within checks that a value is in the range from low to high.
func within[T cmp.Ordered](f *faults, path string, value, low, high T, remedy string) {
	if !(value >= low && value <= high) {
		f.invalid(path, fmt.Sprintf("%v is out of range", value), remedy)
	}
}

// choice checks that a value is one of the choices.
func choice(f *faults, path, value string, choices ...string) {
	if !slices.Contains(choices, value) {
		last := len(choices) - 1
		f.invalid(path, quoted(value)+" is not valid here", "write "+strings.Join(choices[:last], ", ")+" or "+choices[last])
	}
}

// pace checks how often a source is polled and how long a request may take.
func pace(f *faults, section string, minInterval, interval, timeout time.Duration) {
	if interval < minInterval {
		remedy := fmt.Sprintf("write at least %.0fs", minInterval.Seconds())
		if minInterval == minAmazonInterval {
			remedy += ": Amazon throttles clients that poll more often"
		}
		f.invalid(section+".interval", fmt.Sprintf("%s is too short", interval), remedy)
	}
	switch {
	case timeout <= 0:
		f.invalid(section+".timeout", fmt.Sprintf("%s is not a positive duration", timeout), "write a duration such as 10s")
	case timeout > interval && f.sound(section+".interval"):
		f.invalid(section+".timeout", fmt.Sprintf("%s is longer than %s.interval, %s", timeout, section, interval),
			"write at most the interval")
	}
}

// rooms checks the names of rooms by device id.
func rooms(f *faults, path string, areas map[string]string) {
	for _, id := range slices.Sorted(maps.Keys(areas)) {
		switch {
		case id == "":
			f.invalid(path, "has a room without a device", "write the device's id before the colon")
		case areas[id] == "":
			f.invalid(entry(path, id), "is empty", "write the room's name, or remove the line")
		}
	}
}

// maxTopic bounds a configured topic, in bytes. MQTT allows 65,535 for the whole
// topic.
const maxTopic = 256

// topic checks the first levels of a topic.
func topic(f *faults, path, topic, example string) {
	remedy := "write words separated by single slashes, such as " + example
	switch {
	case topic == "":
		f.invalid(path, "is empty", remedy)
	case !utf8.ValidString(topic):
		f.invalid(path, "is not UTF-8", remedy)
	case len(topic) > maxTopic:
		f.invalid(path, fmt.Sprintf("is longer than %d bytes", maxTopic), remedy)
	case strings.ContainsAny(topic, "+#"):
		f.invalid(path, quoted(topic)+" contains a wildcard, + or #", remedy)
	case strings.HasPrefix(topic, "$"):
		f.invalid(path, quoted(topic)+" begins with $, which is reserved for the broker", remedy)
	case strings.HasPrefix(topic, "/"), strings.HasSuffix(topic, "/"):
		f.invalid(path, quoted(topic)+" begins or ends with a slash", remedy)
	case strings.Contains(topic, "//"):
		f.invalid(path, quoted(topic)+" has two slashes in a row", remedy)
	}
}

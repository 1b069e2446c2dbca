package configs

import (
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Hue configures the Philips Hue bridges.
type Hue struct {
	Enabled  bool          `koanf:"enabled" usage:"read Philips Hue bridges"`
	Interval time.Duration `koanf:"interval" usage:"time between two polls of a Hue bridge"`
	// Timeout bounds one request. It is at most Interval.
	Timeout time.Duration `koanf:"timeout" usage:"max wait for a response from a Hue bridge"`
	// Lights also reads lights and plugs.
	Lights bool `koanf:"lights" usage:"also read lights and plugs"`
	// ButtonEvents is "hue" or "standard".
	ButtonEvents string `koanf:"button_events" usage:"names of button events: hue or standard (Home Assistant's)"`
	// Bridges may be empty: paired Hue bridges need no entry.
	Bridges []HueBridge `koanf:"bridges"`
	// Areas has rooms by hardware id, which keeps the user's case but has no space
	// around it. No two keys differ by case alone.
	Areas map[string]string `koanf:"areas"`
}

// HueBridge configures one Hue bridge.
type HueBridge struct {
	// Host is an address or name, with or without a port, or a URL of http or
	// https without a path. An IPv6 address is in brackets.
	Host string `koanf:"host"`
	// ID is empty, or the Hue bridge's 16 hexadecimal digits in lower case.
	ID string `koanf:"id"`
	// Username is the key that the Hue bridge issued. It is empty if the program
	// is paired with the Hue bridge.
	Username Secret `koanf:"username"`
}

// The default file has button_events: standard for new installations. A file
// without the key is older than the key, and keeps Hue's names.
var defaultHue = Hue{Interval: time.Minute, Timeout: 10 * time.Second, ButtonEvents: "hue"}

var (
	bridgeID = regexp.MustCompile(`^[0-9a-f]{16}$`)

	// sensorMAC matches the Zigbee address of a device, as the Hue bridge and Home
	// Assistant write it.
	sensorMAC = regexp.MustCompile(`^(?i)[0-9a-f]{2}(:[0-9a-f]{2}){7}$`)
)

func (h *Hue) validate(f *faults) {
	pace(f, "hue", time.Second, h.Interval, h.Timeout)
	choice(f, "hue.button_events", h.ButtonEvents, "hue", "standard")
	hosts, ids := map[string]int{}, map[string]int{}
	for i := range h.Bridges {
		b, path := &h.Bridges[i], element("hue.bridges", i)
		unique := func(at, id string, seen map[string]int) {
			if id == "" {
				return
			}
			if first, twice := seen[id]; twice {
				f.invalid(at, "is the same Hue bridge as "+element("hue.bridges", first), "remove one of the two")
			}
			seen[id] = i
		}
		at := member(path, "host")
		if b.Host == "" {
			f.invalid(at, "is missing", "write the Hue bridge's address, such as 192.168.1.2")
		}
		unique(at, b.normalizeHost(f, at), hosts)

		at = member(path, "id")
		b.ID = strings.ToLower(b.ID)
		if b.ID != "" && !bridgeID.MatchString(b.ID) {
			f.invalid(at, quoted(b.ID)+" is not the id of a Hue bridge", "write its 16 hexadecimal digits, such as 001788fffe09a1b2, or remove the key")
		}
		unique(at, b.ID, ids)
	}
	rooms(f, "hue.areas", h.Areas)
	for _, id := range slices.Sorted(maps.Keys(h.Areas)) {
		const remedy = "write its eight pairs of hexadecimal digits, such as 00:17:88:01:02:03:04:05"
		switch {
		case id == "", sensorMAC.MatchString(id):
		case strings.Trim(id, "0123456789abcdefABCDEF:-. ") == "":
			f.invalid(entry("hue.areas", id), "is not the address of a sensor", remedy)
		default: // perhaps a secret in the wrong place, so not shown
			f.invalid("hue.areas", "has an entry that is not the address of a sensor", remedy)
		}
	}
}

// normalizeHost normalizes the host as the field documents. It returns
// a string that is equal for two spellings of one address, or "" after a fault.
func (b *HueBridge) normalizeHost(f *faults, path string) string {
	u := urlRule{
		schemes: []string{"", "http", "https"}, remedy: "write an address, host:port, or a URL with http or https, such as 192.168.1.2",
		credentials: "write the address without it; the Hue bridge's key is username",
	}.parse(f, path, b.Host)
	if u == nil {
		b.Host = ""
		return ""
	}
	b.Host = strings.TrimPrefix(u.String(), "//")
	port := u.Port()
	if port == "80" || port == "443" {
		port = ""
	}
	return strings.ToLower(net.JoinHostPort(u.Hostname(), port))
}

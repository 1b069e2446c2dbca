package collectors

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Snapshot is the result of one poll.
type Snapshot struct {
	Devices []Device

	// Faults has an error for each entry of the response that could not be understood.
	// Devices does not contain what depends on these entries.
	Faults []error
}

// Device is one physical device with its readings.
type Device struct {
	// ID is made by DeviceID of source and hardware id ("hue_0017880102030405"). It
	// never changes.
	ID string

	// Name is the user's name for the device. If it is empty, the last known name
	// remains.
	Name string

	// Area is the room, or empty.
	Area string

	Manufacturer    string
	Model           string
	SoftwareVersion string
	Serial          string

	// Online reports whether the source can reach the device. If not, its readings are
	// Unknown.
	Online bool

	// LastSeen is the time of the device's last report to its source, in UTC, or zero.
	LastSeen time.Time

	// Readings has a key for everything the device measures. The value is Unknown if
	// there is none at the moment.
	Readings map[Measurement]Value

	// EventTypes has the sorted types of events by their key: "button_1" has
	// "initial_press", ...
	EventTypes map[string][]string
}

// maxIDLength keeps topics and unique ids readable. Hardware ids have 16 to 36
// characters.
const maxIDLength = 64

// DeviceID returns the id of a device from its source and its hardware id (a MAC, a
// serial number, a UUID) in lower case, without colons and with underscores for all
// characters except [a-z0-9]. It is empty if the hardware id has no letter or digit.
func DeviceID(source, hardwareID string) string {
	var b strings.Builder
	usable := false
	for _, r := range strings.ToLower(strings.TrimSpace(hardwareID)) {
		if b.Len() >= maxIDLength {
			break
		}
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
			usable = true
		case r == ':':
		default:
			b.WriteByte('_')
		}
	}
	if !usable {
		return ""
	}
	return source + "_" + b.String()
}

// maxTextLength bounds, in bytes, names from the network. Home Assistant rejects
// states above 255 characters.
const maxTextLength = 128

// CleanText is CleanLine for a name, with at most 128 bytes.
func CleanText(s string) string { return CleanLine(s, maxTextLength) }

// CleanLine makes text from the network safe to show and log on one line: control
// and formatting characters become spaces, several spaces become one, and the text
// is cut to at most limit bytes at the end of a character.
func CleanLine(s string, limit int) string {
	// Cutting first bounds the work; four times the limit allows for what is removed.
	s = s[:min(len(s), 4*limit)]
	s = strings.ToValidUTF8(s, "")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.IsSpace(r) {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > limit {
		s = s[:limit]
		for !utf8.ValidString(s) {
			s = s[:len(s)-1]
		}
		s = strings.TrimSpace(s)
	}
	return s
}

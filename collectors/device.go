package collectors

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Snapshot is what one poll saw.
type Snapshot struct {
	Devices []Device

	// Faults are the entries of the answer that could not be understood, each an
	// error that names the entry. What they cost is already left out of Devices.
	Faults []error
}

// Device is one physical device with all that it measures.
type Device struct {
	// ID never changes, whatever the user renames: source and hardware id, as
	// DeviceID makes it ("hue_0017880102030405").
	ID string

	// Name is the one the user gave; empty when the source did not tell it this
	// time, which leaves the last known one in force.
	Name string

	// Area is the room, empty if the configuration names none.
	Area string

	Manufacturer    string
	Model           string
	SoftwareVersion string
	Serial          string

	// Online says whether the source can reach the device. The readings of a
	// device that is not online are Unknown: nothing is measured now.
	Online bool

	// LastSeen is when the device last reported to its source, in UTC; zero when
	// it never has.
	LastSeen time.Time

	// Readings has a key for everything that the device measures, with the value
	// Unknown where there is none at the moment.
	Readings map[Measurement]Value

	// EventTypes has a key for everything of the device that makes events, with
	// all types that it can make, sorted: "button_1" with "initial_press", ...
	EventTypes map[string][]string
}

// maxIDLength keeps topics and unique ids readable; hardware ids are 16 to 36
// characters long.
const maxIDLength = 64

// DeviceID makes a device's id from its source and the hardware id that the
// vendor gave it (a MAC, a serial number, a UUID): lower case, colons dropped,
// whatever else is not of [a-z0-9] turned into an underscore. It is empty if the
// hardware id holds no letter or digit at all.
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

// maxTextLength bounds, in bytes, every name that comes from the network. Home
// Assistant refuses states above 255 characters, and no device has a longer name.
const maxTextLength = 128

// CleanText makes a name from the network fit to be shown, logged and published;
// see CleanLine. It is cut to 128 bytes.
func CleanText(s string) string { return CleanLine(s, maxTextLength) }

// CleanLine makes text from the network fit to be shown and logged on one line:
// control and formatting characters become spaces, runs of space become one, and
// what is longer than most bytes is cut at a character's end.
func CleanLine(s string, most int) string {
	// Cutting first keeps the work small whatever the network sent; four times
	// the limit leaves room for what the cleaning removes.
	if len(s) > 4*most {
		s = s[:4*most]
	}
	s = strings.ToValidUTF8(s, "")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.IsSpace(r) {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > most {
		s = s[:most]
		for !utf8.ValidString(s) {
			s = s[:len(s)-1]
		}
		s = strings.TrimSpace(s)
	}
	return s
}

package hue

import (
	"encoding/json"
	"fmt"
	"time"

	"hueair2mqtt/collectors"
)

// moment is a time in an answer of a Hue bridge. A malformed one does not affect the rest
// of its resource. The zero moment is a missing one.
type moment struct {
	at time.Time // UTC; zero if there is none
	// never marks a time of 1970, by which a bridge means never.
	never bool
	wrong string // the malformed text; "" for a valid time
}

// UnmarshalJSON parses a time. It returns no error; see wrong.
func (m *moment) UnmarshalJSON(raw []byte) error {
	*m = moment{}
	if len(raw) > 1 && raw[0] == '"' {
		*m = parseMoment(string(raw[1:len(raw)-1]), time.RFC3339)
		return nil
	}
	var value any
	if json.Unmarshal(raw, &value) == nil && value != nil {
		m.wrong = kindOf(value)
	}
	return nil
}

// parseMoment parses a text in one of the layouts.
func parseMoment(text string, layouts ...string) moment {
	for _, layout := range layouts {
		at, err := time.Parse(layout, text)
		// A zone can move the year out of the range of RFC 3339.
		if at = at.UTC(); err != nil || at.Year() < 1 || at.Year() > 9999 {
			continue
		}
		if at.Year() <= 1970 { // where the clock of a bridge without a time begins
			return moment{never: true}
		}
		return moment{at: at}
	}
	return moment{wrong: fmt.Sprintf("%q", collectors.CleanLine(text, 40))}
}

// fault returns the error of a malformed time, or nil.
func (m moment) fault(field string) error {
	if m.wrong == "" {
		return nil
	}
	return fmt.Errorf("%s is %s, which is not a time such as 2025-11-18T14:30:00Z", field, m.wrong)
}

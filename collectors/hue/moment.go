package hue

import (
	"encoding/json"
	"fmt"
	"time"

	"hueair2mqtt/collectors"
)

// moment is a time as a Hue bridge writes it. One that cannot be read costs
// nothing but itself. The zero moment is one that is missing.
type moment struct {
	at time.Time // UTC; zero if there is none
	// never marks a time of 1970, by which a bridge means that it never happened.
	never bool
	wrong string // what was written instead of a time; "" if it was one
}

// UnmarshalJSON reads a time. It returns no error.
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

// parseMoment reads a text in one of the layouts.
func parseMoment(text string, layouts ...string) moment {
	for _, layout := range layouts {
		at, err := time.Parse(layout, text)
		// A zone can move the year out of what RFC 3339 can write.
		if at = at.UTC(); err != nil || at.Year() < 1 || at.Year() > 9999 {
			continue
		}
		if at.Year() <= 1970 { // the clock of a bridge that has none yet begins then
			return moment{never: true}
		}
		return moment{at: at}
	}
	return moment{wrong: fmt.Sprintf("%q", collectors.CleanLine(text, 40))}
}

// fault returns the error of a time that could not be read, or nil.
func (m moment) fault(field string) error {
	if m.wrong == "" {
		return nil
	}
	return fmt.Errorf("%s is %s, which is no time such as 2025-11-18T14:30:00Z", field, m.wrong)
}

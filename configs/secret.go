package configs

import (
	"encoding/json"
	"fmt"
)

// Secret is text that must not appear in a log, an error or a dump of the
// configuration. Printing and marshaling show "[redacted]", or nothing if it is
// empty. Only Reveal and a conversion return the text.
//
// fmt cannot call the methods of an unexported field, so do not print a struct
// that holds a Secret in one.
type Secret string

// Reveal returns the text.
func (s Secret) Reveal() string { return string(s) }

// String returns "[redacted]", or "" for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[redacted]"
}

// GoString returns String as Go source.
func (s Secret) GoString() string { return fmt.Sprintf("%q", s.String()) }

// Format covers verbs for which fmt does not call String, such as %d.
func (s Secret) Format(state fmt.State, verb rune) {
	fmt.Fprintf(state, fmt.FormatString(state, verb), s.String())
}

// MarshalText returns String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON returns String as JSON.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// MarshalYAML returns String.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

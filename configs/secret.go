package configs

import (
	"encoding/json"
	"fmt"
)

// Secret is text that must not be seen in a log, an error or a dump of the
// configuration. Everything that prints or marshals it shows "[redacted]", or
// nothing where it is empty; only Reveal and a conversion give the text itself.
//
// fmt can't ask an unexported field for its methods: keep a Secret in an
// exported field or out of anything that is printed whole.
type Secret string

const redacted = "[redacted]"

// Reveal gives the text itself, for the one place that needs it.
func (s Secret) Reveal() string { return string(s) }

// String says only whether there is a secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString is String as Go source.
func (s Secret) GoString() string { return fmt.Sprintf("%q", s.String()) }

// Format covers every verb: String alone is not asked for verbs that don't suit
// a text, such as %d, and fmt would then show what is inside.
func (s Secret) Format(state fmt.State, verb rune) {
	fmt.Fprintf(state, fmt.FormatString(state, verb), s.String())
}

// MarshalText gives what String does.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON gives what String does.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// MarshalYAML gives what String does.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

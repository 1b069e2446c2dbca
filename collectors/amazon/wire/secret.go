package wire

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Secret is a token, a code or the value of a cookie. It prints as "[redacted]" for
// every verb; JSON holds its text. Keep it in exported fields: fmt can't call the
// methods of unexported ones.
type Secret string

// String returns "[redacted]", or "" for the empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[redacted]"
}

// GoString is String as Go source.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// Format is String for every verb; fmt does not call String for %d.
func (s Secret) Format(state fmt.State, verb rune) {
	fmt.Fprintf(state, fmt.FormatString(state, verb), s.String())
}

const (
	// minSecret is the length in bytes below which a value ("1", "en_GB") is no secret
	// but a part of words.
	minSecret = 6

	// maxSecrets bounds the values that are remembered after they were replaced. A
	// response may still echo those of the request before.
	maxSecrets = 500
)

// Redactor removes secrets from text that came from the network. A response may echo
// the request, also as Go or a URL quotes it.
type Redactor struct{ values []string }

// Hide adds values to remove from now on.
func (r *Redactor) Hide(values ...Secret) {
	for _, value := range values {
		if len(value) >= minSecret && !slices.Contains(r.values, string(value)) {
			r.values = append(r.values, string(value))
		}
	}
	if surplus := len(r.values) - maxSecrets; surplus > 0 {
		r.values = slices.Delete(r.values, 0, surplus)
	}
}

// Redact removes the hidden values, and those of more, from text.
func (r *Redactor) Redact(text string, more ...string) string {
	values := slices.Concat(r.values, more)
	// The longest first: one value may be a part of another.
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) })
	for _, value := range values {
		if len(value) < minSecret {
			continue
		}
		quoted := strconv.Quote(value)
		for _, form := range []string{value, quoted[1 : len(quoted)-1]} {
			text = strings.ReplaceAll(text, form, "[redacted]")
		}
	}
	return text
}

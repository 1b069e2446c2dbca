package amazon

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// secret is a token, a code or the value of a cookie. Whatever prints it shows
// only that there is one. It is kept in exported fields, as fmt can't ask an
// unexported one for its methods. JSON does hold the text: the file of
// credentials is the only JSON that is made of one.
type secret string

func (s secret) String() string {
	if s == "" {
		return ""
	}
	return "[redacted]"
}

// GoString is String as Go source.
func (s secret) GoString() string { return strconv.Quote(s.String()) }

// Format covers every verb: String alone is not asked for %d.
func (s secret) Format(state fmt.State, verb rune) {
	fmt.Fprintf(state, fmt.FormatString(state, verb), s.String())
}

const (
	// shortestSecret is the length, in bytes, below which a value ("1", "en_GB")
	// is no secret, and is a part of words.
	shortestSecret = 6

	// maxOldSecrets bounds the values that are remembered after they were replaced.
	// An answer may still echo those of the request before.
	maxOldSecrets = 500
)

// redactor takes secrets out of text that came from the network: an answer may
// echo what the request held, also as Go or a URL quotes it.
type redactor struct {
	mu     sync.Mutex
	values []string
}

// hide makes redact take these values out from now on.
func (r *redactor) hide(values ...secret) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, value := range values {
		if len(value) < shortestSecret || slices.Contains(r.values, string(value)) {
			continue
		}
		r.values = append(r.values, string(value))
	}
	if surplus := len(r.values) - maxOldSecrets; surplus > 0 {
		r.values = slices.Delete(r.values, 0, surplus)
	}
}

// redact takes the hidden values and those of more out of a text.
func (r *redactor) redact(text string, more ...string) string {
	r.mu.Lock()
	values := append(slices.Clone(r.values), more...)
	r.mu.Unlock()
	// The longest first: one value may be a part of another.
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) })
	for _, value := range values {
		if len(value) < shortestSecret {
			continue
		}
		quoted := strconv.Quote(value)
		for _, form := range []string{value, quoted[1 : len(quoted)-1]} {
			text = strings.ReplaceAll(text, form, "[redacted]")
		}
	}
	return text
}

// Package wire holds what all of Amazon's hosts have in common: HTTP exchanges with
// limits, JSON whose shape may change without notice, secrets and their redaction,
// and the many ways to answer that a client is throttled.
package wire

import (
	"errors"
	"fmt"

	"hueair2mqtt/collectors"
)

// maxFaults bounds the faults of one poll: a response in an unknown shape is
// reported once, not once per entry.
const maxFaults = 50

// Faults collects what a poll could not understand.
type Faults struct {
	// Redact removes secrets from text. A response may echo the request.
	Redact func(string) string

	list []error
	more int
}

// Add adds a fault. Its text is redacted.
func (f *Faults) Add(format string, args ...any) {
	if len(f.list) >= maxFaults {
		f.more++
		return
	}
	f.list = append(f.list, errors.New(f.Redact(fmt.Sprintf(format, args...))))
}

// Text redacts and cleans text from the network so that it can be part of an error.
func (f *Faults) Text(s string) string { return collectors.CleanText(f.Redact(s)) }

// Errors returns the faults.
func (f *Faults) Errors() []error {
	if f.more > 0 {
		return append(f.list, fmt.Errorf("and %d more entries could not be understood", f.more))
	}
	return f.list
}

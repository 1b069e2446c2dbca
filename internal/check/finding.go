// Package check finds out what is wrong with an installation, for the command of
// that name: it looks at many components side by side within a time, and at the
// files, directories and the clock that the program relies on.
//
// It is for somebody who does not know why nothing comes. So each finding says
// what is the matter and, where something is, what to do about it; and one
// component that hangs must not hide what is known of the others. What only a
// source or the broker can tell comes from their packages.
package check

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"

	"hueair2mqtt/collectors"
)

// Status is what a finding amounts to.
type Status string

const (
	// Pass is a component that works.
	Pass Status = "pass"
	// Warning is one that works, but is not safe, or will not work for long.
	Warning Status = "warning"
	// Fail is one that does not work.
	Fail Status = "fail"
)

// Finding is what is known of one component. A component may have several. The
// keys of its JSON are documented for other programs.
type Finding struct {
	// Component names what was looked at: "broker", "hue https://192.168.1.2".
	Component string `json:"component"`
	Status    Status `json:"status"`
	// Reason says what was found, in one line and without any secret.
	Reason string `json:"reason"`
	// Remedy says in imperative words what to do. It is empty for Pass.
	Remedy string `json:"remedy"`

	// Unusable says that the program does not even start like that.
	Unusable bool `json:"-"`
}

// Passed is a component that works.
func Passed(component, format string, args ...any) Finding {
	return Finding{Component: component, Status: Pass, Reason: fmt.Sprintf(format, args...)}
}

// Warned is a component that works, with something to do about it.
func Warned(component, remedy, format string, args ...any) Finding {
	return Finding{Component: component, Status: Warning, Reason: fmt.Sprintf(format, args...), Remedy: remedy}
}

// Failed is a component that does not work.
func Failed(component, remedy, format string, args ...any) Finding {
	return Finding{Component: component, Status: Fail, Reason: fmt.Sprintf(format, args...), Remedy: remedy}
}

// FromError is the failure that an error tells of. remedy is for an error that
// knows none.
func FromError(component string, err error, remedy string) Finding {
	reason, own := collectors.RemedyOf(err)
	if own != "" {
		remedy = own
	}
	return Failed(component, remedy, "%s", reason)
}

// ErrFailed is returned by Outcome where something failed, ErrUnusable where the
// program would not even start.
var (
	ErrFailed   = errors.New("something failed")
	ErrUnusable = errors.New("hueair2mqtt can't run")
)

// Outcome sums findings up. Warnings count as good.
func Outcome(findings []Finding) error {
	var outcome error
	for _, f := range findings {
		switch {
		case f.Unusable && f.Status == Fail:
			return ErrUnusable
		case f.Status == Fail:
			outcome = ErrFailed
		}
	}
	return outcome
}

// WriteText writes a line for each finding and a summary, for people.
func WriteText(w io.Writer, findings []Finding) error {
	counts := map[Status]int{}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range findings {
		counts[f.Status]++
		text := oneLine(f.Reason)
		if f.Remedy != "" {
			text += "  ->  " + oneLine(f.Remedy)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.Status, oneLine(f.Component), text)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	summary := "All is well."
	switch {
	case counts[Fail] > 0:
		summary = fmt.Sprintf("%d failed, %d with a warning, %d passed. What to do stands behind the arrows.", counts[Fail], counts[Warning], counts[Pass])
	case counts[Warning] > 0:
		summary = fmt.Sprintf("All works, %d with a warning. What to do stands behind the arrows.", counts[Warning])
	}
	_, err := fmt.Fprintf(w, "\n%s\n", summary)
	return err
}

// WriteJSON writes a list of all findings, for programs.
func WriteJSON(w io.Writer, findings []Finding) error {
	clean := make([]Finding, 0, len(findings))
	for _, f := range findings {
		f.Component, f.Reason, f.Remedy = oneLine(f.Component), oneLine(f.Reason), oneLine(f.Remedy)
		clean = append(clean, f)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(clean)
}

// oneLine makes sure that a finding has one line, whatever an error holds.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, unicode.IsControl), " ")
}

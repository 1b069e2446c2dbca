// Package check finds the problems of an installation. It examines all components
// concurrently within a time limit, so that a hanging one doesn't hide the results of
// the others. A finding that isn't a pass has a remedy.
package check

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"

	"hueair2mqtt/collectors"
)

// Status is the result of a check.
type Status string

const (
	// Pass means that the component works.
	Pass Status = "pass"
	// Warning means that it works, but isn't safe or won't work for long.
	Warning Status = "warning"
	// Fail means that it doesn't work.
	Fail Status = "fail"
)

// Finding is one result about a component, which may have several. The keys of its JSON
// are documented for other programs.
type Finding struct {
	// Component is the name of the part examined: "broker", "hue https://192.168.1.2".
	Component string `json:"component"`
	Status    Status `json:"status"`
	// Reason describes the result, in one line and without any secret.
	Reason string `json:"reason"`
	// Remedy says in imperative words what to do. It is empty for Pass.
	Remedy string `json:"remedy"`

	// Unusable reports whether the program doesn't even start because of this.
	Unusable bool `json:"-"`
}

// Passed returns a finding about a component that works.
func Passed(component, format string, args ...any) Finding {
	return Finding{Component: component, Status: Pass, Reason: fmt.Sprintf(format, args...)}
}

// Warned returns a finding about a component that works, but needs attention.
func Warned(component, remedy, format string, args ...any) Finding {
	return Finding{Component: component, Status: Warning, Reason: fmt.Sprintf(format, args...), Remedy: remedy}
}

// Failed returns a finding about a component that doesn't work.
func Failed(component, remedy, format string, args ...any) Finding {
	return Finding{Component: component, Status: Fail, Reason: fmt.Sprintf(format, args...), Remedy: remedy}
}

// FromError returns the failure that an error describes, with this remedy if the error has
// none of its own.
func FromError(component string, err error, remedy string) Finding {
	text, own := collectors.RemedyOf(err)
	if own != "" {
		remedy = own
	}
	return Failed(component, remedy, "%s", text)
}

// Outcome reports whether something failed, and whether the program would not even start. It
// ignores warnings.
func Outcome(findings []Finding) (failed, unusable bool) {
	for _, f := range findings {
		if f.Status == Fail {
			failed, unusable = true, unusable || f.Unusable
		}
	}
	return failed, unusable
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
		summary = fmt.Sprintf("Failed: %d. Warnings: %d. Passed: %d. The remedy follows each arrow.", counts[Fail], counts[Warning], counts[Pass])
	case counts[Warning] > 0:
		summary = fmt.Sprintf("Everything works. Warnings: %d. The remedy follows each arrow.", counts[Warning])
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

// oneLine replaces line breaks and other control characters, which an error may have.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, unicode.IsControl), " ")
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

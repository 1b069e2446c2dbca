package hue

import (
	"fmt"
	"regexp"
	"slices"
)

// button is a button of a switch.
type button struct {
	Metadata struct {
		ControlID *int `json:"control_id"`
	} `json:"metadata"`
	buttonResource
}

// bellButton is the button of a doorbell.
type bellButton struct{ buttonResource }

// bellKey is the key of a doorbell's events.
const bellKey = "bell"

// buttonResource is what buttons and bells have.
type buttonResource struct {
	Button *struct {
		Report *struct {
			Event   *string `json:"event"`
			Updated moment  `json:"updated"`
		} `json:"button_report"`
		// LastEvent holds the event in software before 2023, and beside the report since.
		LastEvent   *string      `json:"last_event"`
		EventValues list[string] `json:"event_values"`
	} `json:"button"`
}

// eventName matches valid types of events, known or new.
var eventName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// allButtonEvents are the documented types of events, sorted. A button without event_values
// can emit them all.
var allButtonEvents = []string{doubleShortRelease, initialPress, longPress, longRelease, repeat, shortRelease}

// Types of events of a button.
const (
	initialPress       = "initial_press"
	repeat             = "repeat"
	shortRelease       = "short_release"
	longPress          = "long_press"
	longRelease        = "long_release"
	doubleShortRelease = "double_short_release"
)

func (b *buttonResource) reported() moment {
	if b.Button != nil && b.Button.Report != nil {
		return b.Button.Report.Updated
	}
	return moment{}
}

// types returns the types of the events that it can emit, sorted.
func (b *buttonResource) types() (types []string) {
	if b.Button != nil {
		for _, v := range b.Button.EventValues {
			if eventName.MatchString(v) && !slices.Contains(types, v) {
				types = append(types, v)
			}
		}
	}
	if len(types) == 0 {
		return slices.Clone(allButtonEvents)
	}
	slices.Sort(types)
	return types
}

func (b *buttonResource) event() (what occurrence, attributes map[string]any, ok bool) {
	reported := b.reported()
	switch f := b.Button; {
	case f == nil, reported.never:
		return occurrence{}, nil, false
	case f.Report != nil && f.Report.Event != nil:
		what = occurrence{reported.at, *f.Report.Event}
	case f.LastEvent != nil:
		what = occurrence{reported.at, *f.LastEvent}
	}
	return what, nil, eventName.MatchString(what.kind)
}

func (b *buttonResource) allow(eventType string) {
	if b.Button != nil { // otherwise it can emit every known type
		b.Button.EventValues = append(b.types(), eventType)
	}
}

func (b *button) events() (key string, types []string) {
	number := 1
	if b.Metadata.ControlID != nil {
		number = *b.Metadata.ControlID
	}
	return fmt.Sprintf("button_%d", max(number, 0)), b.types()
}

func (b *bellButton) events() (key string, types []string) { return bellKey, b.types() }

package hue

import (
	"fmt"
	"regexp"
	"slices"
	"time"
)

// button is a button of a switch.
type button struct {
	Metadata struct {
		ControlID *int `json:"control_id"`
	} `json:"metadata"`
	Button *buttonFeature `json:"button"`
}

// buttonFeature is what buttons and bells report.
type buttonFeature struct {
	Report *struct {
		Event   *string `json:"event"`
		Updated moment  `json:"updated"`
	} `json:"button_report"`
	// LastEvent is where software of before 2023 has the event; newer software has
	// it beside the report.
	LastEvent   *string      `json:"last_event"`
	EventValues list[string] `json:"event_values"`
}

// occurrence is one event of a button or dial, by which a repeated or belated one
// is recognised.
type occurrence struct {
	at   time.Time // zero if the bridge does not say
	kind string
}

// eventName is what the type of an event may look like, known or new.
var eventName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// allButtonEvents are those that a button can emit whose event_values are missing:
// all that the CLIP documentation knows, sorted.
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

func (f *buttonFeature) reported() moment {
	if f != nil && f.Report != nil {
		return f.Report.Updated
	}
	return moment{}
}

// types are those of the events that it can emit, sorted.
func (f *buttonFeature) types() (types []string) {
	if f != nil {
		for _, v := range f.EventValues {
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

func (f *buttonFeature) event() (what occurrence, attributes map[string]any, ok bool) {
	switch reported := f.reported(); {
	case f == nil, reported.never:
		return occurrence{}, nil, false
	case f.Report != nil && f.Report.Event != nil:
		what = occurrence{reported.at, *f.Report.Event}
	case f.LastEvent != nil:
		what = occurrence{reported.at, *f.LastEvent}
	}
	return what, nil, eventName.MatchString(what.kind)
}

func (f *buttonFeature) allow(eventType string) {
	if f != nil { // otherwise it may emit every known type
		f.EventValues = append(f.types(), eventType)
	}
}

func (b *button) reported() moment { return b.Button.reported() }

func (b *button) events() (key string, types []string) {
	number := 1
	if b.Metadata.ControlID != nil {
		number = *b.Metadata.ControlID
	}
	return fmt.Sprintf("button_%d", max(number, 0)), b.Button.types()
}

func (b *button) event() (occurrence, map[string]any, bool) { return b.Button.event() }

func (b *button) allow(eventType string) { b.Button.allow(eventType) }

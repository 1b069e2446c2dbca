package hue

import (
	"fmt"
	"slices"

	"hueair2mqtt/collectors"
)

// relativeRotary is a dial.
type relativeRotary struct {
	Metadata struct {
		ControlID *int `json:"control_id"`
	} `json:"metadata"`
	Rotary *struct {
		Report *struct {
			Action   *string   `json:"action"`
			Rotation *rotation `json:"rotation"`
			Updated  moment    `json:"updated"`
		} `json:"rotary_report"`
		// LastEvent holds the turn in software before 2023, and beside the report since.
		LastEvent *struct {
			Action   *string   `json:"action"`
			Rotation *rotation `json:"rotation"`
		} `json:"last_event"`
	} `json:"relative_rotary"`
}

// rotation is a turn of a dial.
type rotation struct {
	Direction *string `json:"direction"`
	Steps     *int    `json:"steps"`    // 1000 per revolution
	Duration  *int    `json:"duration"` // ms
}

// dialEvents are the types of events of a dial, sorted.
var dialEvents = []string{repeat, "start"}

func (d *relativeRotary) reported() moment {
	if d.Rotary != nil && d.Rotary.Report != nil {
		return d.Rotary.Report.Updated
	}
	return moment{}
}

func (d *relativeRotary) events() (key string, types []string) {
	key = "dial"
	if id := d.Metadata.ControlID; id != nil && *id > 1 {
		key = fmt.Sprintf("dial_%d", *id)
	}
	return key, slices.Clone(dialEvents)
}

func (d *relativeRotary) event() (what occurrence, attributes map[string]any, ok bool) {
	attributes = map[string]any{}
	var turned *rotation
	switch {
	case d.Rotary == nil, d.reported().never:
	case d.Rotary.Report != nil && d.Rotary.Report.Action != nil:
		what, turned = occurrence{d.reported().at, *d.Rotary.Report.Action}, d.Rotary.Report.Rotation
	case d.Rotary.LastEvent != nil && d.Rotary.LastEvent.Action != nil:
		what, turned = occurrence{d.reported().at, *d.Rotary.LastEvent.Action}, d.Rotary.LastEvent.Rotation
	}
	if turned != nil {
		if turned.Direction != nil && *turned.Direction != "" {
			attributes["direction"] = collectors.CleanText(*turned.Direction)
		}
		if turned.Steps != nil {
			attributes["steps"] = *turned.Steps
		}
		if turned.Duration != nil {
			attributes["duration"] = *turned.Duration
		}
	}
	return what, attributes, eventName.MatchString(what.kind)
}

// allow does nothing: a dial has no other types.
func (d *relativeRotary) allow(string) {}

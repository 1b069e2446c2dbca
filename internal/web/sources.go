package web

import (
	"context"
	"time"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors"
	"hueair2mqtt/internal/sources"
)

// setups are the sources with their set-up.
type setups []sources.Source

// step is a step of the set-up on the overview.
type step struct {
	Text string
	Link string
	Done bool
}

// button leads to a page, or sends a form that names a source.
type button struct{ Text, Link, Form, Source string }

// done reports whether a source is set up. An error of its files is reported by the
// bridge, which needs them.
func (s setups) done(name string) bool {
	source, found := sources.ByName(s, name)
	done, err := source.IsSetUp()
	return found && done && err == nil
}

// button returns a button that leads to the set-up of a source. ok is false if it
// needs none.
func (s setups) button(name string) (b button, ok bool) {
	source, _ := sources.ByName(s, name)
	return button{Text: source.Setup.Action, Link: "/" + name}, source.Setup.Action != ""
}

// steps returns a step for each source that the user must set up.
func (s setups) steps() (steps []step) {
	for _, source := range s {
		if source.Setup.Action != "" {
			steps = append(steps, step{source.Setup.Action, "/" + source.Name, s.done(source.Name)})
		}
	}
	return steps
}

// lines returns the lines that the configuration lacks to poll what is set up of one
// source, or of all sources for "".
func (s setups) lines(name string) (lines []string) {
	for _, source := range s {
		if (name == "" || source.Name == name) && source.Setup.Action != "" && !source.Enabled && s.done(source.Name) {
			lines = append(lines, source.Name+":", "  enabled: true")
		}
	}
	return lines
}

// sourceOf returns the state of a source, or the zero state if it is not polled.
func sourceOf(p bridge.Picture, source string) bridge.SourcePicture {
	for _, s := range p.Sources {
		if s.Source == source {
			return s
		}
	}
	return bridge.SourcePicture{}
}

func devicesOf(p bridge.Picture, source string) (devices []bridge.DevicePicture) {
	for _, d := range p.Devices {
		if d.Source == source {
			devices = append(devices, d)
		}
	}
	return devices
}

// readOnce reads a source that has just been set up.
func readOnce(ctx context.Context, c collectors.Collector, retry *collectors.Retrier) (devices []bridge.DevicePicture, err error) {
	snapshot, err := c.Collect(ctx, retry)
	if err != nil {
		return nil, err
	}
	for _, d := range snapshot.Devices {
		devices = append(devices, bridge.DevicePicture{Device: d, Source: c.Source(), Reachable: true, Since: time.Now()})
	}
	return devices, nil
}

package web

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"hueair2mqtt/bridge"
	"hueair2mqtt/internal/sources"
)

// problem is something that does not work, with what to do about it.
type problem struct {
	Title, Reason, Remedy string
	Since                 time.Time
	Paused                time.Time // when polling resumes; zero if it is not paused
	Acknowledged          bool
	Actions               []button
}

func pollNow(source string) button {
	return button{Text: "Try again now", Form: "/refresh", Source: source}
}

// problemsOf returns all problems. Those that only the user can solve come first.
func problemsOf(p bridge.Picture, o *Options, s setups) (problems []problem) {
	for _, source := range p.Sources {
		if !source.Problem.Since.IsZero() {
			problems = append(problems, refused(source, o.Mode, s))
		}
	}
	for _, source := range s {
		if b, ok := s.button(source.Name); ok && o.Mode == Service && source.Enabled && sourceOf(p, source.Name).Source == "" {
			missing := source.Setup.Missing
			problems = append(problems, problem{
				Title: strings.ToUpper(missing[:1]) + missing[1:], Reason: source.Name + ".enabled is true, but there is nothing to poll.",
				Actions: []button{b},
			})
		}
	}
	if b := p.Broker; o.Mode != Setup && !b.Connected && (b.Error != "" || !b.Since.IsZero()) {
		problems = append(problems, problem{
			Title: "There is no connection to the MQTT broker", Reason: b.Error, Since: b.Since,
			Remedy:  "The newest values are published when the connection is back.",
			Actions: []button{{Text: "Try the broker", Link: "/mqtt"}},
		})
	}
	for _, source := range p.Sources {
		for _, e := range source.Endpoints {
			if e.Error != "" && source.Problem.Since.IsZero() {
				problems = append(problems, failing(source.Source, e))
			}
		}
	}
	for _, source := range p.Sources {
		lost := slices.DeleteFunc(devicesOf(p, source.Source), func(d bridge.DevicePicture) bool { return d.Online || !d.Reachable })
		if len(lost) > 0 {
			problems = append(problems, unreachable(source.Source, lost))
		}
	}
	return problems
}

// refused returns the problem of a source that does not accept the stored key or
// sign-in.
func refused(source bridge.SourcePicture, mode Mode, s setups) problem {
	p := problem{
		Title: "No access to " + sources.TitleOf(source.Source), Reason: source.Problem.Reason, Remedy: source.Problem.Remedy,
		Since: source.Problem.Since, Acknowledged: source.Problem.Acknowledged,
	}
	if b, ok := s.button(source.Source); ok {
		p.Actions = append(p.Actions, b)
	}
	p.Actions = append(p.Actions, pollNow(source.Source))
	if !p.Acknowledged && mode != Setup {
		p.Actions = append(p.Actions, button{Text: "Acknowledge", Form: "/acknowledge", Source: source.Source})
	}
	return p
}

// failing returns the problem of an endpoint whose last poll failed.
func failing(source string, e bridge.EndpointPicture) problem {
	if !e.PausedUntil.IsZero() { // another request, even by a check, would prolong the pause
		return problem{
			Title: sources.TitleOf(source) + " asks for fewer requests", Reason: e.Error, Since: e.LastSuccess, Remedy: e.Remedy, Paused: e.PausedUntil,
		}
	}
	remedy := "hueair2mqtt tries again by itself."
	if e.Remedy != "" {
		remedy = "If you have replaced it, " + e.Remedy + "."
	}
	return problem{
		Title: sources.TitleOf(source) + " can't be read", Reason: e.Error, Since: e.LastSuccess, Remedy: remedy,
		Actions: []button{pollNow(source), {Text: "Check everything", Link: "/check"}},
	}
}

// unreachable returns the problem of devices that their source can't reach.
func unreachable(source string, devices []bridge.DevicePicture) problem {
	var names []string
	for _, d := range devices {
		names = append(names, cmp.Or(d.Name, d.ID))
	}
	p := problem{
		Title:   strings.Join(names, ", ") + " can't be reached",
		Since:   slices.MinFunc(devices, func(a, b bridge.DevicePicture) int { return a.Since.Compare(b.Since) }).Since,
		Remedy:  "Check that it has power or a good battery, and is in range. A device that you deleted in the app stays here until hueair2mqtt restarts.",
		Actions: []button{pollNow(source)},
	}
	if len(names) > 3 {
		p.Title, p.Reason = strings.Join(names[:3], ", ")+" and others can't be reached", strings.Join(names, ", ")
	}
	return p
}

package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/bridge"
	"hueair2mqtt/internal/check"
	"hueair2mqtt/internal/sources"
)

// overviewPage is the page that people come for.
type overviewPage struct {
	Problems []problem
	Waiting  bool   // for the first poll
	Steps    []step // of the set-up
	Lines    []string
	File     string
	Rooms    []room
	Sources  []sourceRow
	Broker   bridge.BrokerPicture
	Started  time.Time
	Version  string
	Address  string // of the broker
}

// problem is something that is not as it should be, with what mends it.
type problem struct {
	Title, Reason, Remedy string
	Since                 time.Time
	Paused                time.Time // when it is tried again; zero if that is soon
	Acknowledged          bool
	Actions               []action
}

// action is a button. It leads to a page, or sends a form with a source.
type action struct{ Text, Link, Form, Source string }

type step struct {
	Text string
	Link string
	Done bool
}

type room struct {
	Name    string
	Devices []deviceCard
}

// deviceCard is a device with its readings as the overview shows them.
type deviceCard struct {
	bridge.DevicePicture
	Readings []reading
}

type sourceRow struct {
	Source string
	bridge.EndpointPicture
	Refused bool
}

func (s *Server) overview(p bridge.Picture) overviewPage {
	page := overviewPage{
		Problems: s.problems(p), Rooms: s.rooms(p.Devices), Broker: p.Broker, Started: p.Started, Version: p.Version,
		Lines: s.missingLines(), File: s.o.ConfigFile, Address: s.brokerAddress(p.Broker),
	}
	for _, source := range p.Sources {
		for _, e := range source.Endpoints {
			page.Waiting = page.Waiting || e.LastPoll.IsZero()
			page.Sources = append(page.Sources, sourceRow{source.Source, e, !source.Problem.Since.IsZero()})
		}
	}
	if s.o.Setup {
		page.Steps = append(s.setupSteps(), step{"Try the MQTT broker", "/mqtt", s.trying.now().Done() && works(s.trying.now().Result.Findings)})
	}
	if steps := s.setupSteps(); s.o.Ingress && !slices.ContainsFunc(steps, func(one step) bool { return one.Done }) {
		page.Steps = append(steps, step{"Connect to the MQTT broker", "/mqtt", p.Broker.Connected})
	}
	return page
}

// problems are all there are, what only the user can mend first.
func (s *Server) problems(p bridge.Picture) (all []problem) {
	again := func(source string) action { return action{Text: "Try again now", Form: "/refresh", Source: source} }
	read := make(map[string]bool)
	for _, source := range p.Sources {
		read[source.Source] = true
		if told := source.Problem; !told.Since.IsZero() {
			one := problem{
				Title: sources.Title(source.Source) + " does not let hueair2mqtt in", Reason: told.Reason, Remedy: told.Remedy,
				Since: told.Since, Acknowledged: told.Acknowledged,
			}
			if known, ok := sources.Find(s.sources, source.Source); ok && known.Setup.Action != "" {
				one.Actions = append(one.Actions, action{Text: known.Setup.Action, Link: "/" + known.Name})
			}
			one.Actions = append(one.Actions, again(source.Source))
			if !told.Acknowledged && !s.o.Setup {
				one.Actions = append(one.Actions, action{Text: "Acknowledge", Form: "/acknowledge", Source: source.Source})
			}
			all = append(all, one)
		}
	}
	for _, source := range s.sources {
		if source.Enabled && !read[source.Name] && source.Setup.Action != "" && !s.o.Setup && !s.o.Ingress {
			all = append(all, problem{
				Title: capitalized(source.Setup.Missing), Reason: source.Name + ".enabled is true, but there is nothing to read yet.",
				Actions: []action{{Text: source.Setup.Action, Link: "/" + source.Name}},
			})
		}
	}
	if b := p.Broker; !s.o.Setup && !b.Connected && (b.Error != "" || !b.Since.IsZero()) {
		all = append(all, problem{
			Title: "There is no connection to the MQTT broker", Reason: b.Error, Since: b.Since,
			Remedy:  "Nothing is lost meanwhile but what a subscriber misses: the newest values are sent when it is back.",
			Actions: []action{{Text: "Try the broker", Link: "/mqtt"}},
		})
	}
	for _, source := range p.Sources {
		for _, e := range source.Endpoints {
			switch {
			case e.Error == "" || !source.Problem.Since.IsZero():
			case !e.PausedUntil.IsZero(): // asking again, also for a check, would make it worse
				all = append(all, problem{
					Title: sources.Title(source.Source) + " asks for fewer requests", Reason: e.Error, Since: e.LastSuccess,
					Remedy: e.Remedy, Paused: e.PausedUntil,
				})
			default:
				all = append(all, problem{
					Title: sources.Title(source.Source) + " can't be read", Reason: e.Error, Since: e.LastSuccess,
					Remedy: cmp.Or(sentenceOf(e.Remedy), "It is tried again by itself."), Actions: []action{again(source.Source), {Text: "Check everything", Link: "/check"}},
				})
			}
		}
	}
	return append(all, missing(p.Devices)...)
}

// sentenceOf makes a sentence of what to do about an endpoint that seems to be
// replaced; "" of nothing.
func sentenceOf(remedy string) string {
	if remedy == "" {
		return ""
	}
	return "If it was replaced by another one, " + remedy + "."
}

// missing is one problem for all devices of a source that it can't reach.
func missing(devices []bridge.DevicePicture) (all []problem) {
	bySource := make(map[string][]bridge.DevicePicture)
	var sources []string
	for _, d := range devices {
		if !d.Online && d.Reachable {
			if bySource[d.Source] == nil {
				sources = append(sources, d.Source)
			}
			bySource[d.Source] = append(bySource[d.Source], d)
		}
	}
	for _, source := range sources {
		gone := bySource[source]
		var names []string
		since := gone[0].Since
		for _, d := range gone {
			names = append(names, cmp.Or(d.Name, d.ID))
			if d.Since.Before(since) {
				since = d.Since
			}
		}
		one := problem{
			Title: strings.Join(names, ", ") + " can't be reached", Since: since,
			Remedy:  "See that it has power or a good battery, and is in reach. What was deleted in the app stays here until hueair2mqtt restarts.",
			Actions: []action{{Text: "Look again now", Form: "/refresh", Source: source}},
		}
		if len(names) > 3 {
			one.Title = strings.Join(names[:3], ", ") + " and others can't be reached"
			one.Reason = strings.Join(names, ", ")
		}
		all = append(all, one)
	}
	return all
}

// rooms puts devices into their rooms; those that have none come last.
func (s *Server) rooms(devices []bridge.DevicePicture) (all []room) {
	now := time.Now()
	for _, d := range devices {
		i := slices.IndexFunc(all, func(r room) bool { return r.Name == d.Area })
		if i < 0 {
			i = len(all)
			all = append(all, room{Name: d.Area})
		}
		card := deviceCard{d, readings(d)}
		for i := range card.Readings {
			r := &card.Readings[i]
			r.Sparkline = s.o.Sparklines.draw(now, d.ID, r.Measurement, r.Speaks)
		}
		all[i].Devices = append(all[i].Devices, card)
	}
	slices.SortFunc(all, func(a, b room) int {
		if (a.Name == "") != (b.Name == "") {
			return strings.Compare(b.Name, a.Name)
		}
		return strings.Compare(a.Name, b.Name)
	})
	for _, r := range all {
		slices.SortStableFunc(r.Devices, func(a, b deviceCard) int { return strings.Compare(a.Name, b.Name) })
	}
	return all
}

// setupSteps returns a step for each source that the user has to set up.
func (s *Server) setupSteps() (steps []step) {
	for _, source := range s.sources {
		if source.Setup.Action != "" {
			steps = append(steps, step{source.Setup.Action, "/" + source.Name, s.isSetUp(source.Name)})
		}
	}
	return steps
}

func capitalized(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// isSetUp reports whether a source has something to read. An error of its files is reported
// by those that need them.
func (s *Server) isSetUp(name string) bool {
	source, found := sources.Find(s.sources, name)
	done, err := source.IsSetUp()
	return found && done && err == nil
}

// missingLines are those that the configuration needs for what has been set up.
func (s *Server) missingLines() (lines []string) {
	for _, source := range s.sources {
		if source.Setup.Action != "" && s.isSetUp(source.Name) && !source.Enabled {
			lines = append(lines, source.Name+":", "  enabled: true")
		}
	}
	return append(lines, s.brokerLines()...)
}

func (s *Server) doRefresh(r *http.Request, _ visit) string {
	s.told(s.o.House.Refresh(r.Context(), r.PostForm.Get("source")))
	return "/"
}

func (s *Server) doAcknowledge(r *http.Request, _ visit) string {
	s.told(s.o.House.Acknowledge(r.Context(), r.PostForm.Get("source")))
	return "/"
}

// told logs an action that came to nothing: a bridge that ends, a problem that is
// over. The page shows that anyway.
func (s *Server) told(err error) {
	if err != nil {
		s.o.Errors.Info("what was asked for on the page was not done", zap.Error(err))
	}
}

func (s *Server) doCheck(*http.Request, visit) string {
	s.checking.begin(s, checkLimit, func(ctx context.Context, update func(func(*[]check.Finding))) error {
		findings := s.o.Check(ctx)
		update(func(result *[]check.Finding) { *result = findings })
		return nil
	})
	return "/check"
}

// checkLimit is longer than a check takes, which bounds itself.
const checkLimit = 20 * time.Second

// works says that nothing failed.
func works(findings []check.Finding) bool {
	return len(findings) > 0 && !slices.ContainsFunc(findings, func(f check.Finding) bool { return f.Status == check.Fail })
}

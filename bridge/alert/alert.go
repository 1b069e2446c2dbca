// Package alert is the life of an alert: an authentication failure that only the user
// can repair. It is raised when a source refuses the program, may be acknowledged, and
// clears at the next success. While it lasts there is a file in the state directory,
// and each [Notifier] sends one notification.
//
// A [Manager] belongs to one goroutine, which it never blocks: files are written and
// notifications sent by goroutines of its own.
package alert

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"hueair2mqtt/collectors"
)

// Problem is what the user has to know about an alert. The zero Problem is none.
type Problem struct {
	Reason, Code, Remedy string
	Since                time.Time
	Acknowledged         bool
}

// Options configure a Manager.
type Options struct {
	// Dir is the directory of the alert files. If it is empty, none are written.
	Dir       string
	Notifiers []Notifier
	// Report passes the outcome of a notification to the Manager's goroutine, which
	// calls Notified with it. Report is called from other goroutines.
	Report func(context.Context, Outcome)
	Log    *zap.Logger
}

// Manager holds the alerts of all sources. Only one goroutine may use it.
type Manager struct {
	options Options
	alerts  map[string]*alert // by source
	running sync.WaitGroup    // goroutines that write files and send notifications
}

// NewManager returns a Manager without sources.
func NewManager(o Options) *Manager {
	return &Manager{options: o, alerts: make(map[string]*alert)}
}

// Wait waits for the Manager's goroutines. Notifications end with the context of Raise.
func (m *Manager) Wait() { m.running.Wait() }

// Has reports whether there is a source of this name.
func (m *Manager) Has(source string) bool { return m.alerts[source] != nil }

// Sources returns the names of all sources, sorted.
func (m *Manager) Sources() []string { return slices.Sorted(maps.Keys(m.alerts)) }

// Problem returns the problem of a source. ok is false if there is none.
func (m *Manager) Problem(source string) (p Problem, ok bool) {
	a := m.alerts[source]
	if a == nil || !a.raised() {
		return Problem{}, false
	}
	r := a.refusal()
	return Problem{Reason: r.reason, Code: r.code, Remedy: r.remedy, Since: a.since, Acknowledged: !a.acknowledged.IsZero()}, true
}

// Add adds a source whose alert file has this name. It does nothing if the source is
// there already.
func (m *Manager) Add(source, fileName string) {
	if m.alerts[source] != nil {
		return
	}
	a := &alert{source: source, failing: make(map[string]refusal), log: m.options.Log.With(zap.String("collector", source))}
	a.file = &file{log: a.log}
	if m.options.Dir != "" {
		a.file.path = filepath.Join(m.options.Dir, fileName)
	}
	for _, n := range m.options.Notifiers {
		a.deliveries = append(a.deliveries, &delivery{notifier: n})
	}
	m.alerts[source] = a
}

// Raise raises the alert of a source, or updates it, because an endpoint has refused
// the program. err is a *collectors.AuthenticationError, possibly wrapped.
func (m *Manager) Raise(ctx context.Context, source, endpoint string, err error) {
	a := m.alerts[source]
	if !a.raised() {
		a.since = time.Now().UTC().Truncate(time.Second)
	}
	authentication, _ := errors.AsType[*collectors.AuthenticationError](err)
	r := refusal{reason: oneLine(err.Error()), code: oneLine(authentication.Code), remedy: oneLine(authentication.Remedy)}
	a.failing[endpoint] = r
	a.chooseEndpoint()
	log := a.log.With(zap.String("endpoint", endpoint), zap.String("code", r.code), zap.String("remedy", r.remedy), zap.Error(err))
	if !a.logged {
		a.logged = true
		log.Log(zapcore.DPanicLevel, "authentication failed; only you can fix this", zap.String("alert_file", a.file.path))
	} else {
		log.Warn("authentication still fails; only you can fix this")
	}
	a.file.set(a.content(), &m.running)
	for _, d := range a.deliveries {
		if a.acknowledged.IsZero() && d.begin() {
			n := a.notification()
			m.running.Go(func() { m.options.Report(ctx, d.send(ctx, n)) })
		}
	}
}

// Clear records the success of an endpoint. The alert clears unless another endpoint of
// the source is still refused. It reports whether the source's problem has changed.
func (m *Manager) Clear(source, endpoint string) (changed bool) {
	a := m.alerts[source]
	_, refused := a.failing[endpoint]
	delete(a.failing, endpoint)
	if a.raised() {
		a.chooseEndpoint()
		if refused {
			a.file.set(a.content(), &m.running)
		}
		return refused
	}
	a.file.set("", &m.running) // again after every success, if it could not be removed
	if refused {
		a.log.Info("authentication works again; the alert is cleared", zap.Time("since", a.since))
		a.reset()
	}
	return refused
}

// ErrNoProblem is returned by Acknowledge if the source has no problem.
var ErrNoProblem = errors.New("there is no problem to acknowledge")

// Acknowledge marks the problem of a source as seen, so that no notification follows.
// It reports whether the problem has changed.
func (m *Manager) Acknowledge(source string) (changed bool, err error) {
	a := m.alerts[source]
	switch {
	case !a.raised():
		return false, ErrNoProblem
	case !a.acknowledged.IsZero():
		return false, nil
	}
	a.acknowledged = time.Now()
	a.file.set(a.content(), &m.running)
	a.log.Info("problem acknowledged; no notification will follow")
	return true, nil
}

// Notified records the outcome of a notification.
func (m *Manager) Notified(o Outcome) {
	a := m.alerts[o.source]
	o.delivery.log(a.log, o.err)
	if !a.raised() || !a.since.Equal(o.since) {
		return // that alert has cleared
	}
	o.delivery.end(o.err)
	if o.err == nil {
		a.file.set(a.content(), &m.running)
	}
}

// alert is the alert of one source. One lasting failure is one alert, across restarts:
// everything that must survive a restart is in the alert file.
type alert struct {
	source string
	file   *file
	log    *zap.Logger

	since        time.Time
	acknowledged time.Time
	failing      map[string]refusal // by endpoint; the alert is raised while there is one
	endpoint     string             // the failing endpoint that is shown
	logged       bool               // this run has logged the alert at the critical level
	deliveries   []*delivery
}

// refusal is the last refusal of an endpoint.
type refusal struct{ reason, code, remedy string }

func (a *alert) raised() bool { return len(a.failing) > 0 }

// refusal returns the refusal to show. It names the other endpoints that refuse too.
func (a *alert) refusal() refusal {
	r := a.failing[a.endpoint]
	for _, endpoint := range slices.Sorted(maps.Keys(a.failing)) {
		if endpoint != a.endpoint {
			r.reason += "; " + endpoint + " refuses too"
		}
	}
	return r
}

// chooseEndpoint keeps the endpoint that is shown while it fails.
func (a *alert) chooseEndpoint() {
	if _, ok := a.failing[a.endpoint]; !ok {
		a.endpoint = slices.Min(slices.Collect(maps.Keys(a.failing)))
	}
}

func (a *alert) reset() {
	a.since, a.acknowledged, a.endpoint, a.logged = time.Time{}, time.Time{}, "", false
	for _, d := range a.deliveries {
		d.reset()
	}
}

// maxLine is the maximum length of a reason or remedy, in bytes.
const maxLine = 500

// oneLine removes line breaks, which would break the form of the alert file.
func oneLine(s string) string { return collectors.CleanLine(s, maxLine) }

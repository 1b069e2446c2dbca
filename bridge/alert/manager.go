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
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"hueair2mqtt/collectors"
)

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
	alerts  map[string]*sourceAlert // by source
	running sync.WaitGroup    // goroutines that write files and send notifications
}

// NewManager returns a Manager without sources.
func NewManager(o Options) *Manager {
	return &Manager{options: o, alerts: make(map[string]*sourceAlert)}
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
	a := &sourceAlert{source: source, failing: make(map[string]refusal), log: m.options.Log.With(zap.String("collector", source))}
	a.file = &file{log: a.log}
	if m.options.Dir != "" {
		a.file.path = filepath.Join(m.options.Dir, fileName)
	}
	for _, n := range m.options.Notifiers {
		a.deliveries = append(a.deliveries, &delivery{notifier: n})
	}
	m.alerts[source] = a
}

// Restore raises the alert of a source again if the previous run has left its file. It
// reads the file before it returns. endpoints are those that the source has now.
func (m *Manager) Restore(source string, endpoints []string) {
	a := m.alerts[source]
	content, changed, err := a.file.read()
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		a.log.Error("the alert file of the previous run cannot be read; it is written again if the problem is still there",
			zap.String("file", a.file.path), zap.Error(err))
	}
	// A file that cannot be read or has another form is still an alert.
	a.since = changed.UTC().Truncate(time.Second)
	refused := a.parse(content)
	// The endpoint may be unknown or no longer configured. Then the alert clears when
	// all endpoints have succeeded.
	if slices.Contains(endpoints, a.endpoint) {
		endpoints = []string{a.endpoint}
	}
	for _, endpoint := range endpoints {
		a.failing[endpoint] = refused
	}
	a.chooseEndpoint()
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

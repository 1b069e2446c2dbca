// Package alert is the life of an alert: an authentication failure that only the user
// can repair. It is raised when a source refuses the program, may be acknowledged, and
// clears at the next success. While it lasts there is a file in the state directory,
// and each [Notifier] sends one notification.
//
// A [Manager] belongs to one goroutine, which it never blocks: files are written and
// notifications sent by the manager's goroutines. A change of a problem is published when its
// file is written, so that a program that is killed remembers what it has published.
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
	// Report passes an outcome to the Manager's goroutine, which calls Record with it.
	// Report is called from other goroutines.
	Report func(context.Context, Outcome)
	Log    *zap.Logger
}

// Manager holds the alerts of all sources. Only one goroutine may use it.
type Manager struct {
	options Options
	alerts  map[string]*sourceAlert // by source
	running sync.WaitGroup          // goroutines that write files and send notifications
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
	m.write(a)
	for _, d := range a.deliveries {
		if a.acknowledged.IsZero() && d.begin() {
			n := a.notification()
			m.running.Go(func() { m.options.Report(ctx, d.send(ctx, n)) })
		}
	}
}

// Clear records the success of an endpoint. The alert clears unless another endpoint of
// the source is still refused.
func (m *Manager) Clear(source, endpoint string) {
	a := m.alerts[source]
	_, refused := a.failing[endpoint]
	delete(a.failing, endpoint)
	if a.raised() {
		a.chooseEndpoint()
	} else if refused {
		a.log.Info("authentication works again; the alert is cleared", zap.Time("since", a.since))
		a.reset()
	}
	m.write(a) // after every success, in case the file could not be removed before
}

// ErrNoProblem is returned by Acknowledge if the source has no problem.
var ErrNoProblem = errors.New("there is no problem to acknowledge")

// Acknowledge marks the problem of a source as seen, so that no notification follows.
func (m *Manager) Acknowledge(source string) error {
	a := m.alerts[source]
	if !a.raised() {
		return ErrNoProblem
	}
	if a.acknowledged.IsZero() {
		a.acknowledged = time.Now()
		m.write(a)
		a.log.Info("problem acknowledged; no notification will follow")
	}
	return nil
}

// write brings the alert file up to date and reports when that is done.
func (m *Manager) write(a *sourceAlert) {
	content := ""
	if a.raised() {
		content = a.content()
	}
	a.file.set(content, &m.running, func() {
		m.options.Report(context.Background(), Outcome{Source: a.source})
	})
}

// Record records an outcome. It reports whether the problem of the outcome's source is
// to be published: its file is up to date or the disk too slow.
func (m *Manager) Record(o Outcome) (publish bool) {
	a := m.alerts[o.Source]
	if o.delivery == nil {
		return true
	}
	o.delivery.log(a.log, o.err)
	if a.raised() && a.since.Equal(o.since) { // else that alert has cleared
		o.delivery.end(o.err)
		m.write(a)
	}
	return false
}

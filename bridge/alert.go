package bridge

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"hueair2mqtt/collectors"
	"hueair2mqtt/discovery"
	"hueair2mqtt/internal/statefile"
)

// alert is the authentication failure of one source, from the refusal to the
// first success. One lasting failure is one episode, across restarts: all that
// has to survive one is in the alert file.
type alert struct {
	source string
	file   string

	since        time.Time // zero while there is no problem
	acknowledged time.Time
	mailed       time.Time

	// failing are the endpoints that have been refused and have not succeeded
	// since. The last one to succeed ends the episode.
	failing map[string]refusal

	// endpoint is the one of them whose refusal is told.
	endpoint string

	logged      bool // whether this run has logged the episode's critical line
	fileWritten bool // whether the file says what this alert says
	fileLeft    bool // whether the file of an episode that is over could not be removed
	mailing     bool // a mail is being sent
	nextMail    time.Time
}

// refusal is what an endpoint said last.
type refusal struct{ reason, code, remedy string }

// told is the refusal that file, sensor and mail tell. Where other endpoints of
// the source refuse too, it names them.
func (a *alert) told() refusal {
	r := a.failing[a.endpoint]
	for _, endpoint := range slices.Sorted(maps.Keys(a.failing)) {
		if endpoint != a.endpoint {
			r.reason += "; " + endpoint + " refuses too"
		}
	}
	return r
}

// mailAgainAfter is how long a mail that failed waits for its next try, and the
// minimum time between mails about a source: one that rejects and accepts in turn
// begins a new episode each time.
const mailAgainAfter = 10 * time.Minute

func newAlert(source, stateDir, file string) *alert {
	return &alert{source: source, file: filepath.Join(stateDir, file), failing: make(map[string]refusal)}
}

func (a *alert) raised() bool { return len(a.failing) > 0 }

// restore takes up the episode of an earlier run, if its file is there.
func (a *alert) restore(endpoints []string) error {
	endpoint, left, err := readAlertFile(a)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	// Whose refusal it was may be unknown, or the endpoint gone from the settings:
	// then every endpoint has to succeed once.
	if slices.Contains(endpoints, endpoint) {
		endpoints = []string{endpoint}
		a.fileWritten = err == nil
	}
	for _, endpoint := range endpoints {
		a.failing[endpoint] = left
	}
	a.endpoint = endpoints[0]
	return err
}

// choose makes the told endpoint one that is failing, the same as before if it
// can, and returns whether it is another one now.
func (a *alert) choose() bool {
	if _, ok := a.failing[a.endpoint]; ok {
		return false
	}
	a.endpoint = slices.Min(slices.Collect(maps.Keys(a.failing)))
	return true
}

// acknowledge returns whether that is news.
func (a *alert) acknowledge() bool {
	if !a.acknowledged.IsZero() {
		return false
	}
	a.acknowledged = time.Now()
	return true
}

// clear ends the episode.
func (a *alert) clear() {
	*a = alert{source: a.source, file: a.file, nextMail: a.nextMail, failing: make(map[string]refusal)}
}

// problem is the payload of a source's problem topic.
type problem struct {
	Problem      bool `json:"problem"`
	Reason       any  `json:"reason"`
	Code         any  `json:"code"`
	Since        any  `json:"since"`
	Remedy       any  `json:"remedy"`
	Acknowledged bool `json:"acknowledged"`
	PausedUntil  any  `json:"paused_until,omitempty"` // only while the source throttles
}

func (w *owner) publishProblem(source string) {
	a := w.alerts[source]
	p := problem{Problem: a.raised()}
	if p.Problem {
		told := a.told()
		p.Reason, p.Code, p.Remedy = told.reason, told.code, told.remedy
		p.Since = discovery.Timestamp(a.since)
		p.Acknowledged = !a.acknowledged.IsZero()
	}
	if pause := w.pauseOf(source); pause.now() {
		p.PausedUntil = discovery.Timestamp(pause.until)
		if !p.Problem { // no action is needed, but the reason is worth showing
			p.Reason, p.Code, p.Remedy, p.Since = pause.reason, collectors.KindThrottled, pause.remedy, discovery.Timestamp(pause.since)
		}
	}
	w.publishJSON(w.announcer.Problem(source), p)
}

// raiseAlert begins an episode, or goes on with it.
func (w *owner) raiseAlert(ctx context.Context, p *poller, err error) {
	a := w.alerts[p.source()]
	endpoint := p.endpoint()
	if !a.raised() {
		a.since = time.Now().UTC().Truncate(time.Second)
	}
	refused, _ := errors.AsType[*collectors.AuthenticationError](err)
	said := refusal{reason: oneLine(err.Error()), code: oneLine(refused.Code), remedy: oneLine(refused.Remedy)}
	before := a.told()
	a.failing[endpoint] = said
	if a.choose() || a.told() != before {
		a.fileWritten = false
	}

	log := p.log.With(zap.String("code", said.code), zap.String("remedy", said.remedy), zap.Error(err))
	if !a.logged {
		a.logged = true
		log.Log(zapcore.DPanicLevel, "authentication failed; only you can mend this", zap.String("alert_file", a.file))
	} else {
		log.Warn("authentication still fails; only you can mend this")
	}
	if !a.fileWritten {
		w.writeAlert(a)
	}
	w.publishProblem(a.source)
	w.mailAlert(ctx, a)
}

// clearAlert notes that an endpoint lets the program in, which ends the episode
// unless another endpoint of the source does not.
func (w *owner) clearAlert(p *poller) {
	a := w.alerts[p.source()]
	if a.fileLeft {
		w.removeAlert(a)
	}
	if !a.raised() {
		return
	}
	if _, refused := a.failing[p.endpoint()]; !refused {
		return
	}
	delete(a.failing, p.endpoint())
	if a.raised() {
		a.choose()
		w.writeAlert(a)
		w.publishProblem(a.source)
		return
	}
	since := a.since
	a.clear()
	w.removeAlert(a)
	w.log.Info("authentication works again; the alert is over",
		zap.String("collector", a.source), zap.Time("since", since))
	w.publishProblem(a.source)
}

// removeAlert removes the file of an episode that is over. What fails is told,
// and tried again with the next good poll.
func (w *owner) removeAlert(a *alert) {
	if w.options.Preview {
		return
	}
	err := statefile.Remove(a.file)
	if err != nil && !a.fileLeft {
		w.log.Error("the alert is over, but its file can't be removed: remove it by hand",
			zap.String("file", a.file), zap.Error(err))
	}
	a.fileLeft = err != nil
}

// writeAlert brings the alert file up to date. What fails is told, and tried
// again with the next failing poll; sensor, mail and log tell the problem anyway.
func (w *owner) writeAlert(a *alert) {
	if w.options.Preview {
		return
	}
	err := writeAlertFile(a)
	a.fileWritten = err == nil
	if err != nil {
		w.log.Error("the alert file can't be written: check that state_dir exists and is writable",
			zap.String("file", a.file), zap.Error(err))
	}
}

// maxLine bounds a reason or a remedy, in bytes.
const maxLine = 500

// oneLine keeps a text from breaking the form of the alert file.
func oneLine(s string) string { return collectors.CleanLine(s, maxLine) }

package alert

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"hueair2mqtt/collectors"
)

// sourceAlert is the alert of one source. One lasting failure is one alert, across restarts:
// everything that must survive a restart is in the alert file.
type sourceAlert struct {
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

func (a *sourceAlert) raised() bool { return len(a.failing) > 0 }

// refusal returns the refusal to show. It names the other endpoints that refuse too.
func (a *sourceAlert) refusal() refusal {
	r := a.failing[a.endpoint]
	for _, endpoint := range slices.Sorted(maps.Keys(a.failing)) {
		if endpoint != a.endpoint {
			r.reason += "; " + endpoint + " refuses too"
		}
	}
	return r
}

// chooseEndpoint keeps the endpoint that is shown while it fails.
func (a *sourceAlert) chooseEndpoint() {
	if _, ok := a.failing[a.endpoint]; !ok {
		a.endpoint = slices.Min(slices.Collect(maps.Keys(a.failing)))
	}
}

func (a *sourceAlert) reset() {
	a.since, a.acknowledged, a.endpoint, a.logged = time.Time{}, time.Time{}, "", false
	for _, d := range a.deliveries {
		d.reset()
	}
}

// notification returns the notification of the alert.
func (a *sourceAlert) notification() Notification {
	r := a.refusal()
	return Notification{
		Source: a.source, Title: fmt.Sprintf("hueair2mqtt: %s needs your attention", a.source), Text: a.text(),
		Problem: Problem{Reason: r.reason, Code: r.code, Remedy: r.remedy, Since: a.since},
	}
}

// Beginnings of the lines that are read back after a restart. Files written by older
// versions have the same.
const (
	lineReason       = "What happened: "
	lineCode         = "Status or error code: "
	lineEndpoint     = "Where: "
	lineSince        = "Since: "
	lineRemedy       = "What to do: "
	lineAcknowledged = "Acknowledged: "
)

// lineSent begins the line with the time of a notification: "Mail sent: ".
func lineSent(d *delivery) string {
	name := d.notifier.Name()
	return strings.ToUpper(name[:1]) + name[1:] + " sent: "
}

// text returns the text for the user.
func (a *sourceAlert) text() string {
	r := a.refusal()
	var b strings.Builder
	fmt.Fprintf(&b, "%s no longer accepts the sign-in of hueair2mqtt.\n\n", a.source)
	fmt.Fprintf(&b, "%s%s\n", lineReason, r.reason)
	fmt.Fprintf(&b, "%s%s\n", lineCode, r.code)
	fmt.Fprintf(&b, "%s%s\n", lineEndpoint, a.endpoint)
	fmt.Fprintf(&b, "%s%s\n", lineSince, a.since.UTC().Format(time.RFC3339))
	fmt.Fprintf(&b, "%s%s\n", lineRemedy, r.remedy)
	b.WriteString("\nEverything else keeps running. The alert clears by itself after the first success.\n")
	return b.String()
}

// content returns the content of the alert file.
func (a *sourceAlert) content() string {
	text := a.text()
	for _, d := range a.deliveries {
		if !d.sent.IsZero() {
			text += lineSent(d) + d.sent.UTC().Format(time.RFC3339) + "\n"
		}
	}
	if !a.acknowledged.IsZero() {
		text += lineAcknowledged + a.acknowledged.UTC().Format(time.RFC3339) + "\n"
	}
	return text
}

// parse reads the content of an alert file.
func (a *sourceAlert) parse(content string) refusal {
	r := refusal{reason: "left by the previous run"}
	texts := map[string]*string{
		lineReason: &r.reason, lineCode: &r.code, lineEndpoint: &a.endpoint, lineRemedy: &r.remedy,
	}
	times := map[string]*time.Time{lineSince: &a.since, lineAcknowledged: &a.acknowledged}
	for _, d := range a.deliveries {
		times[lineSent(d)] = &d.sent
	}
	for line := range strings.Lines(content) {
		for prefix, field := range texts {
			if rest, ok := strings.CutPrefix(line, prefix); ok {
				*field = oneLine(rest)
			}
		}
		for prefix, field := range times {
			if rest, ok := strings.CutPrefix(line, prefix); ok {
				if at, err := time.Parse(time.RFC3339, strings.TrimSpace(rest)); err == nil {
					*field = at
				}
			}
		}
	}
	return r
}

// maxLine is the maximum length of a reason or remedy, in bytes.
const maxLine = 500

// oneLine removes line breaks, which would break the form of the alert file.
func oneLine(s string) string { return collectors.CleanLine(s, maxLine) }

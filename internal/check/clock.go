package check

import (
	"context"
	"time"
)

const (
	// clockTolerance is how far a clock may be off from that of a server. An HTTP
	// date has whole seconds and the answer takes its time; nothing here needs more.
	clockTolerance = 5 * time.Minute

	// clockFailure is an error of the clock with which certificates and sign-ins
	// stop to be good.
	clockFailure = 24 * time.Hour
)

const clockRemedy = "set the clock; on Debian, see that systemd-timesyncd or another NTP client runs: timedatectl"

// Clock compares the clock with what is known of the time without it: it can't be
// before the program was there, and should be that of a server, if there is one to
// ask (else ask is nil). now gives the time.
func Clock(ctx context.Context, now func() time.Time, made time.Time, ask func(context.Context) (server string, at time.Time, err error)) Finding {
	const component, form = "clock", "2006-01-02 15:04 MST"
	if at := now(); at.Before(made.Add(-clockFailure)) {
		return Failed(component, clockRemedy, "the clock says %s, but this program is of %s", at.Format(form), made.Format(form))
	}
	if ask == nil {
		return Passed(component, "%s; not compared with any server", now().Format(form))
	}
	server, at, err := ask(ctx)
	if err != nil {
		return Passed(component, "%s; not compared with %s, which tells no time", now().Format(form), server)
	}
	here := now()
	off := here.Sub(at)
	text, args := "the clock says %s, and that of %s %s", []any{here.Format(form), server, at.In(here.Location()).Format(form)}
	switch {
	case off.Abs() >= clockFailure:
		return Failed(component, clockRemedy, text, args...)
	case off.Abs() > clockTolerance:
		return Warned(component, clockRemedy, text, args...)
	}
	return Passed(component, "%s, as %s says", here.Format(form), server)
}

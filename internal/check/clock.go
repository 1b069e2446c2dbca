package check

import (
	"context"
	"os"
	"runtime/debug"
	"time"

	"hueair2mqtt/internal/sources"
)

const (
	// clockTolerance is the accepted difference from a server's clock. HTTP dates have
	// whole seconds and an answer takes its time; nothing here needs more precision.
	clockTolerance = 5 * time.Minute

	// clockFailure is a difference that makes certificates and sign-ins invalid.
	clockFailure = 24 * time.Hour

	clockRemedy = "set the clock; on Debian, check that systemd-timesyncd or another NTP client runs: timedatectl"
)

// clock compares the clock with the date of the build and with the clock of the first
// source that has a reliable one.
func clock(ctx context.Context, used []sources.Source) Finding {
	const component, form = "clock", "2006-01-02 15:04 MST"
	now, built := time.Now(), buildTime()
	if now.Before(built.Add(-clockFailure)) {
		return Failed(component, clockRemedy, "the clock says %s, but this build is dated %s", now.Format(form), built.Format(form))
	}
	var ask func(context.Context) (server string, at time.Time, err error)
	for _, source := range used {
		if ask == nil {
			ask = source.ServerTime
		}
	}
	if ask == nil {
		return Passed(component, "%s; not compared with any server", now.Format(form))
	}
	server, at, err := ask(ctx)
	if err != nil {
		return Passed(component, "%s; not compared with %s, which sent no time", now.Format(form), server)
	}
	now = time.Now()
	text, args := "the clock says %s, but that of %s says %s", []any{now.Format(form), server, at.In(now.Location()).Format(form)}
	switch off := now.Sub(at).Abs(); {
	case off >= clockFailure:
		return Failed(component, clockRemedy, text, args...)
	case off > clockTolerance:
		return Warned(component, clockRemedy, text, args...)
	}
	return Passed(component, "%s, which agrees with %s", now.Format(form), server)
}

// buildTime returns a time before which this build can't have run: that of its sources or
// that of its file, whichever is later.
func buildTime() (at time.Time) {
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range build.Settings {
			if t, err := time.Parse(time.RFC3339, setting.Value); setting.Key == "vcs.time" && err == nil {
				at = t
			}
		}
	}
	if file, err := os.Executable(); err == nil {
		if info, err := os.Stat(file); err == nil && info.ModTime().After(at) {
			at = info.ModTime()
		}
	}
	return at
}

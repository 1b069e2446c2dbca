package check

import (
	"context"
	"errors"
	"time"

	"hueair2mqtt/bridge/alert"
	"hueair2mqtt/bridge/mqtt"
	"hueair2mqtt/configs"
)

// timeout bounds a check, whatever hangs. 15 s are documented; the rest is for a slow machine
// to start the program and to print.
const timeout = 12 * time.Second

// Installation is the subject of Check.
type Installation struct {
	// ConfigFile is the name of the configuration file, and Load loads it.
	ConfigFile string
	Load       func() (*configs.Config, error)
	// Journal reports whether standard error is systemd's journal.
	Journal bool
	// Broker returns how the program reaches the broker.
	Broker func(c *configs.Config) mqtt.Options
}

// Check examines the configuration and, if it is valid, everything that it names.
func (i Installation) Check(ctx context.Context) []Finding {
	deadline := time.Now().Add(timeout)
	loaded := make(chan *configs.Config, 1)
	// A file that the configuration names may be on a disk that hangs.
	findings := Run(ctx, deadline, []Probe{{"configuration", func(context.Context) []Finding {
		c, err := i.Load()
		loaded <- c
		return i.configuration(err)
	}}})
	select {
	case c := <-loaded:
		if c != nil {
			return append(findings, Run(ctx, deadline, i.probes(c))...)
		}
	default:
	}
	for n := range findings {
		findings[n].Unusable = true
	}
	return findings
}

// probes returns those of all components that the configuration has.
func (i Installation) probes(c *configs.Config) []Probe {
	used := usedSources(c)
	probes := []Probe{
		{"credentials", func(context.Context) []Finding { return credentials(c, used) }},
		{"state directory", func(context.Context) []Finding { return []Finding{StateDir(c.StateDir)} }},
		{"broker", func(ctx context.Context) []Finding { return Broker(ctx, i.Broker(c), c.HomeAssistant) }},
	}
	for _, source := range used {
		probes = append(probes, sourceProbes(c, source)...)
	}
	if c.Alert.Email.Enabled() {
		probes = append(probes, Probe{"mail", func(ctx context.Context) []Finding {
			return []Finding{Mail(ctx, &alert.Mail{Settings: c.Alert.Email})}
		}})
	}
	return append(probes,
		Probe{"clock", func(ctx context.Context) []Finding { return []Finding{clock(ctx, used)} }},
		Probe{"log", func(context.Context) []Finding { return []Finding{i.log(c.Log.File)} }})
}

// configuration turns the result of Load into findings.
func (i Installation) configuration(err error) (findings []Finding) {
	if err == nil {
		return []Finding{Passed("configuration", "%s", i.ConfigFile)}
	}
	faulty, ok := errors.AsType[*configs.FaultsError](err)
	if !ok {
		return []Finding{FromError("configuration", err, "correct "+i.ConfigFile)}
	}
	for _, f := range faulty.Faults {
		component, where, text := "configuration", f.Path, f.Problem
		if f.InFile {
			component = "credentials"
		}
		if where == "" {
			where = i.ConfigFile
		}
		if f.Origin != "" && f.Origin != where {
			text += " (" + f.Origin + ")"
		}
		findings = append(findings, Failed(component, f.Remedy, "%s: %s", where, text))
	}
	return findings
}

// log reports where the log goes, and whether it can be written.
func (i Installation) log(file string) Finding {
	switch {
	case file != "":
		return logFile(file)
	case i.Journal:
		return Passed("log", "systemd's journal")
	}
	return Passed("log", "standard error, which systemd's journal records if systemd runs the program")
}

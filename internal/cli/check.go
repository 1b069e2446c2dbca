package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon"
	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/pairing"
	"hueair2mqtt/configs"
	"hueair2mqtt/internal/check"
)

// checkTime bounds the looking, whatever hangs. 15 s are promised; the rest is for
// a slow machine to start the program and to print.
const checkTime = 12 * time.Second

func newCheckCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Tell what works, what is wrong, and what to do about it",
		Long: `Looks at everything that hueair2mqtt needs, all at once and within 15 seconds: the
configuration, the files with credentials, the state directory, the broker and
what it permits, each Hue bridge, Amazon, the mail server, the clock, and where the
log goes. It prints a line for each: pass, warning or fail, what was found, and
behind an arrow what to do. Nothing is published that stays, and no mail is sent.

With --json it prints a list of objects with the keys component, status ("pass",
"warning", "fail"), reason and remedy, which is empty for a pass.

Exit code 0: all is well, perhaps with warnings. 1: something failed. 2:
"hueair2mqtt run" would not even start.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			findings := findAll(cmd.Context(), cmd)
			write := check.WriteText
			if asJSON {
				write = check.WriteJSON
			}
			if err := write(cmd.OutOrStdout(), findings); err != nil {
				return &exitError{exitFailed, err}
			}
			// What is wrong has been said.
			switch check.Outcome(findings) {
			case check.ErrUnusable:
				return &exitError{exitUnusable, errors.New("")}
			case check.ErrFailed:
				return &exitError{exitFailed, errors.New("")}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON list of what was found")
	configs.AddFlags(cmd.Flags())
	return cmd
}

// findAll looks at everything, at the configuration first: what it names can only be
// looked at if it is good.
func findAll(ctx context.Context, cmd *cobra.Command) []check.Finding {
	deadline := time.Now().Add(checkTime)
	// A file that the configuration names may be on a disk that hangs.
	loaded := make(chan *configs.Config, 1)
	findings := check.Run(ctx, deadline, []check.Probe{{Component: "configuration", Look: func(context.Context) []check.Finding {
		config, err := loadConfig(cmd)
		loaded <- config
		return configurationFindings(cmd, err)
	}}})
	var config *configs.Config
	select {
	case config = <-loaded:
	default:
	}
	if config == nil {
		for i := range findings {
			findings[i].Unusable = true
		}
		return findings
	}
	return append(findings, check.Run(ctx, deadline, probes(inUse(config)))...)
}

// inUse returns the configuration without the sources that the user of the Home
// Assistant app has not set up: both are on from the start, and missing credentials are
// no failure there.
func inUse(c *configs.Config) *configs.Config {
	if c.App.Token == "" {
		return c
	}
	used := *c
	used.Hue.Enabled = c.Hue.Enabled && !awaitsPairing(c)
	used.Amazon.Enabled = c.Amazon.Enabled && !awaitsSignIn(c)
	return &used
}

func configurationFindings(cmd *cobra.Command, err error) []check.Finding {
	const component = "configuration"
	file := cmd.Flag("config").Value.String()
	if err == nil {
		return []check.Finding{check.Passed(component, "%s", file)}
	}
	faulty, ok := errors.AsType[*configs.FaultsError](err)
	if !ok {
		return []check.Finding{check.FromError(component, err, "mend "+file)}
	}
	var findings []check.Finding
	for _, f := range faulty.Faults {
		where, component := f.Path, component
		if where == "" {
			where = file
		}
		if f.InFile {
			component = credentials
		}
		text := where + ": " + f.Problem
		if f.Origin != "" && f.Origin != where {
			text += " (" + f.Origin + ")"
		}
		findings = append(findings, check.Failed(component, f.Remedy, "%s", text))
	}
	return findings
}

const credentials = "credentials"

// probes are those of all components that the configuration has.
func probes(c *configs.Config) []check.Probe {
	options := bridgeOptions(c, nil, zap.NewNop())
	one := func(component string, look func(context.Context) check.Finding) check.Probe {
		return check.Probe{Component: component, Look: func(ctx context.Context) []check.Finding { return []check.Finding{look(ctx)} }}
	}
	all := []check.Probe{
		{Component: credentials, Look: func(context.Context) []check.Finding { return credentialFindings(c) }},
		one("state directory", func(context.Context) check.Finding { return check.StateDir(c.StateDir) }),
		{Component: "broker", Look: func(ctx context.Context) []check.Finding { return brokerFindings(ctx, options) }},
	}
	if c.Hue.Enabled {
		all = append(all, hueProbes(c)...)
	}
	if c.Amazon.Enabled {
		all = append(all, amazonProbe(c))
	}
	if c.Alert.Email.Enabled() {
		all = append(all, one("mail", func(ctx context.Context) check.Finding {
			if err := bridge.CheckMail(ctx, options); err != nil {
				return check.FromError("mail", fmt.Errorf("%s: %w", c.Alert.Email.SMTP, err), "check alert.email")
			}
			return check.Passed("mail", "%s takes mail; none was sent", c.Alert.Email.SMTP)
		}))
	}
	return append(all,
		one("clock", func(ctx context.Context) check.Finding { return clockFinding(ctx, c) }),
		one("log", func(context.Context) check.Finding { return logFinding(c.Log) }))
}

func brokerFindings(ctx context.Context, o bridge.Options) (findings []check.Finding) {
	const component = "broker"
	if o.LocateBroker != nil && o.MQTT.Broker == "" {
		located, err := o.LocateBroker(ctx)
		if err != nil {
			return []check.Finding{check.FromError(component, err, "")}
		}
		o.MQTT = located
	}
	unseen, problems := bridge.CheckBroker(ctx, o)
	for _, err := range problems {
		f := check.FromError(component, fmt.Errorf("%s: %w", o.MQTT.Broker, err), "check the settings under mqtt")
		_, f.Unusable = errors.AsType[*bridge.SettingsError](err)
		findings = append(findings, f)
	}
	switch {
	case len(findings) > 0:
	case len(unseen) > 0:
		return []check.Finding{check.Passed(component, "%s lets the program publish; whether it would get what comes on %s can't be told from here",
			o.MQTT.Broker, strings.Join(unseen, " and "))}
	default:
		return []check.Finding{check.Passed(component, "%s lets the program publish and subscribe", o.MQTT.Broker)}
	}
	return findings
}

// hueFile and amazonFile are what the program keeps of the two sources.
func hueFile(c *configs.Config) check.SecretFile {
	return check.SecretFile{
		Name: pairing.StateFile, Path: filepath.Join(c.StateDir, pairing.StateFile), Kept: true,
		Renew: "remove it and pair the Hue bridges again: hueair2mqtt hue pair",
	}
}

func amazonFile(c *configs.Config) check.SecretFile {
	kept := check.SecretFile{
		Name: account.StateFile, Path: filepath.Join(c.StateDir, account.StateFile), Kept: true,
		Renew: "run: hueair2mqtt amazon login",
	}
	if _, err := os.Lstat(kept.Path); errors.Is(err, os.ErrNotExist) && c.Amazon.CookiesFile != "" {
		return check.SecretFile{
			Name: "amazon.cookies_file", Path: c.Amazon.CookiesFile, Refused: true,
			Renew: "export the cookies of a browser that is signed in there, or better: run hueair2mqtt amazon login",
		}
	}
	return kept
}

// namedSecrets are the files with a password or a key that the configuration names.
func namedSecrets(c *configs.Config) (files []check.SecretFile) {
	for _, f := range []struct{ key, path string }{
		{"mqtt.password_file", c.MQTT.PasswordFile}, {"mqtt.key_file", c.MQTT.KeyFile}, {"alert.email.password_file", c.Alert.Email.PasswordFile},
		{"web.password_file", c.Web.PasswordFile},
	} {
		if f.path != "" {
			files = append(files, check.SecretFile{Name: f.key, Path: f.path, Renew: "name the right file, or write it"})
		}
	}
	return files
}

// credentialFindings looks at all files that hold a secret.
func credentialFindings(c *configs.Config) (findings []check.Finding) {
	files := namedSecrets(c)
	if c.Hue.Enabled {
		files = append(files, hueFile(c))
	}
	if c.Amazon.Enabled {
		files = append(files, amazonFile(c))
	}
	there := 0
	for _, f := range files {
		findings = append(findings, f.Look(c.StateDir)...)
		if _, err := os.Stat(f.Path); err == nil {
			there++
		}
	}
	if len(findings) == 0 {
		findings = append(findings, check.Passed(credentials, "%d files, safe from other users", there))
	}
	for i, f := range findings {
		// run ends at once if it can't read what pairing stored.
		findings[i].Unusable = f.Status == check.Fail && strings.HasPrefix(f.Reason, pairing.StateFile+":")
	}
	return findings
}

// spoilt says that a source can't be tried, if the file with its credentials or the
// state directory can't be used; that has a finding of its own.
func spoilt(c *configs.Config, component string, file check.SecretFile) []check.Finding {
	if check.StateDir(c.StateDir).Unusable {
		return []check.Finding{check.Warned(component, "mend the state directory first", "not tried: it needs the state directory")}
	}
	for _, f := range file.Look(c.StateDir) {
		if f.Status == check.Fail {
			return []check.Finding{check.Warned(component, "mend the credentials first", "not tried: %s can't be used", file.Name)}
		}
	}
	return nil
}

// hueProbes are one for each Hue bridge.
func hueProbes(c *configs.Config) (all []check.Probe) {
	const component = "hue"
	failed := func(err error) []check.Probe {
		return []check.Probe{{Component: component, Look: func(context.Context) []check.Finding {
			if f := spoilt(c, component, hueFile(c)); f != nil {
				return f
			}
			f := check.FromError(component, err, "mend hue.bridges")
			f.Unusable = true
			return []check.Finding{f}
		}}}
	}
	// A Hue bridge that has moved is not looked for: that it is not where it should
	// be is worth knowing.
	options, err := hueOptions(c, nil)
	if err != nil {
		return failed(err)
	}
	for _, o := range options {
		collector, err := hue.New(o)
		if err != nil {
			all = append(all, failed(err)...)
			continue
		}
		all = append(all, sourceProbe(collector, nil))
	}
	return all
}

func amazonProbe(c *configs.Config) check.Probe {
	collector, err := amazon.New(amazonOptions(c))
	if err != nil {
		return check.Probe{Component: amazon.Source, Look: func(context.Context) []check.Finding {
			f := check.FromError(amazon.Source, err, "mend the settings under amazon")
			f.Unusable = true
			return []check.Finding{f}
		}}
	}
	return sourceProbe(collector, func(component string) []check.Finding {
		return spoilt(c, component, amazonFile(c))
	})
}

// sourceProbe polls once, without retrying. first may have found something that
// makes this pointless.
func sourceProbe(c collectors.Collector, first func(component string) []check.Finding) check.Probe {
	component := c.Source() + " " + c.Endpoint()
	return check.Probe{Component: component, Look: func(ctx context.Context) []check.Finding {
		defer c.Close()
		if first != nil {
			if f := first(component); f != nil {
				return f
			}
		}
		once := collectors.RetryPolicy{Attempts: 1}
		snapshot, err := c.Collect(ctx, collectors.NewRetrier(once, c.Source(), zap.NewNop()))
		advise := func(err error) string {
			if a, ok := c.(collectors.Adviser); ok {
				return a.Advise(err)
			}
			return "see what " + c.Endpoint() + " says"
		}
		if err != nil {
			f := check.FromError(component, err, advise(err))
			f.Reason = strings.TrimPrefix(f.Reason, c.Endpoint()+": ")
			return []check.Finding{f}
		}
		return []check.Finding{snapshotFinding(component, snapshot, advise)}
	}}
}

// lookForNewer is what to do about what was not understood.
const lookForNewer = "if a value is missing, look for a newer hueair2mqtt, or report this text"

func snapshotFinding(component string, s collectors.Snapshot, advise func(error) string) check.Finding {
	offline := 0
	for _, d := range s.Devices {
		if !d.Online {
			offline++
		}
	}
	text := fmt.Sprintf("%s, %d offline", counted(len(s.Devices), "device"), offline)
	switch {
	case len(s.Devices) == 0 && len(s.Faults) > 0:
		unreadable := &collectors.PermanentError{Kind: collectors.NotUnderstood, Err: s.Faults[0]}
		return check.Failed(component, advise(unreadable), "it answers, but has no device to read; %s not understood: %v",
			counted(len(s.Faults), "entry"), s.Faults[0])
	case len(s.Devices) == 0:
		return check.Failed(component, advise(nil), "it answers, but has no device to read")
	case offline == len(s.Devices) && len(s.Faults) == 0:
		return check.Warned(component, "see that the devices have power or a good battery, and are in reach", "%s", text)
	case len(s.Faults) > 0:
		return check.Warned(component, lookForNewer, "%s; %s not understood in full: %s",
			text, counted(len(s.Faults), "entry"), listed(s.Faults))
	}
	return check.Passed(component, "%s", text)
}

// listed joins the first faults.
func listed(faults []error) string {
	const most = 5
	var texts []string
	for _, fault := range faults[:min(len(faults), most)] {
		texts = append(texts, fault.Error())
	}
	if more := len(faults) - most; more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(texts, "; ")
}

func counted(n int, what string) string {
	switch {
	case n == 1:
		return "1 " + what
	case strings.HasSuffix(what, "y"):
		what = strings.TrimSuffix(what, "y") + "ie"
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// clockFinding compares the clock with the program's own age and, where Amazon is
// read, with Amazon's clock. A Hue bridge's own may be wrong.
func clockFinding(ctx context.Context, c *configs.Config) check.Finding {
	var ask func(context.Context) (string, time.Time, error)
	if c.Amazon.Enabled {
		ask = func(ctx context.Context) (string, time.Time, error) {
			return account.ServerTime(ctx, amazonOptions(c).Account)
		}
	}
	return check.Clock(ctx, time.Now, made(), ask)
}

// made is when this program was there for certain: the time of its sources and
// that of its file, the later of them.
func made() (at time.Time) {
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

// logFinding says where the log goes, and whether it can.
func logFinding(c configs.Log) check.Finding {
	switch {
	case c.File != "":
		return check.LogFile(c.File)
	case isJournal(os.Stderr):
		return check.Passed("log", "systemd's journal")
	}
	return check.Passed("log", "standard error, which systemd's journal keeps where it runs the program")
}

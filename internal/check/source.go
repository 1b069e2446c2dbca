package check

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.uber.org/zap"

	"hueair2mqtt/collectors"
	"hueair2mqtt/configs"
	"hueair2mqtt/internal/sources"
)

// usedSources returns the enabled sources. The Home Assistant app enables all of them,
// whether the user has them or not, so there those that are not set up don't count. A Hue
// bridge whose address has changed isn't searched for: the user wants to know that.
func usedSources(c *configs.Config) []sources.Source {
	return slices.DeleteFunc(sources.All(c, nil), func(s sources.Source) bool {
		return !s.Enabled || c.App.Token != "" && s.AwaitsSetup()
	})
}

// sourceProbes returns a probe for each endpoint of a source.
func sourceProbes(c *configs.Config, source sources.Source) (probes []Probe) {
	endpoints, err := source.Endpoints()
	if err != nil {
		return []Probe{{source.Name, func(context.Context) []Finding {
			if f := notTried(c, source.Name, source.Credentials); f != nil {
				return f
			}
			f := FromError(source.Name, err, "check the settings under "+source.Name)
			f.Unusable = true
			return []Finding{f}
		}}}
	}
	for _, endpoint := range endpoints {
		component := source.Name + " " + endpoint.Endpoint()
		probes = append(probes, Probe{component, func(ctx context.Context) []Finding {
			defer endpoint.Close()
			if !source.AtStart {
				if f := notTried(c, component, source.Credentials); f != nil {
					return f
				}
			}
			return []Finding{poll(ctx, component, endpoint)}
		}})
	}
	return probes
}

// notTried returns a finding if a source can't be tried because its credentials or the
// state directory are unusable. Those have findings of their own.
func notTried(c *configs.Config, component string, file sources.SecretFile) []Finding {
	if file.Path == "" {
		return nil
	}
	if StateDir(c.StateDir).Unusable {
		return []Finding{Warned(component, "fix the state directory first", "not tried: it needs the state directory")}
	}
	for _, f := range SecretFile(file, c.StateDir) {
		if f.Status == Fail {
			return []Finding{Warned(component, "fix the credentials first", "not tried: %s can't be used", file.Name)}
		}
	}
	return nil
}

// poll polls an endpoint once, without retrying.
func poll(ctx context.Context, component string, c collectors.Collector) Finding {
	advise := func(error) string { return "check " + c.Endpoint() }
	if a, ok := c.(collectors.Adviser); ok {
		advise = a.Advise
	}
	retrier := collectors.NewRetrier(collectors.RetryPolicy{Attempts: 1}, c.Source(), zap.NewNop())
	snapshot, err := c.Collect(ctx, retrier)
	if err != nil {
		f := FromError(component, err, advise(err))
		f.Reason = strings.TrimPrefix(f.Reason, c.Endpoint()+": ")
		return f
	}
	return snapshotFinding(component, snapshot, advise)
}

func snapshotFinding(component string, s collectors.Snapshot, advise func(error) string) Finding {
	offline := 0
	for _, d := range s.Devices {
		if !d.Online {
			offline++
		}
	}
	text := fmt.Sprintf("%s, %d offline", counted(len(s.Devices), "device", "devices"), offline)
	faults := counted(len(s.Faults), "entry", "entries")
	switch {
	case len(s.Devices) == 0 && len(s.Faults) > 0:
		unreadable := &collectors.PermanentError{Kind: collectors.NotUnderstood, Err: s.Faults[0]}
		return Failed(component, advise(unreadable), "it answers, but has no device to read; %s not understood: %v", faults, s.Faults[0])
	case len(s.Devices) == 0:
		return Failed(component, advise(nil), "it answers, but has no device to read")
	case len(s.Faults) > 0:
		return Warned(component, "if a value is missing, look for a newer hueair2mqtt, or report this text",
			"%s; %s not understood in full: %s", text, faults, listed(s.Faults))
	case offline == len(s.Devices):
		return Warned(component, "check that the devices have power or a good battery, and are in range", "%s", text)
	}
	return Passed(component, "%s", text)
}

// listed joins the first faults.
func listed(faults []error) string {
	const shown = 5
	var texts []string
	for _, fault := range faults[:min(len(faults), shown)] {
		texts = append(texts, fault.Error())
	}
	if more := len(faults) - shown; more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(texts, "; ")
}

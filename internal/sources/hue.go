package sources

import (
	"fmt"
	"path/filepath"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/pairing"
	"hueair2mqtt/configs"
)

func hueSource(c *configs.Config, find pairing.FindFunc) Source {
	return Source{
		Name: hue.Source, Title: "Philips Hue", Enabled: c.Hue.Enabled, Interval: c.Hue.Interval,
		AlertFile:  "ALERT_HUE_PAIRING_NEEDED.txt",
		Collectors: func() ([]collectors.Collector, error) { return hueCollectors(c, find) },
		Setup: Setup{
			Action: "Pair with the Hue bridge", Command: "hueair2mqtt hue pair", StateFile: pairing.StateFile,
			Endpoints: true, OnPage: c.Web.Listen != "", Missing: "no Hue bridge is configured or paired",
			Done: func() (bool, error) {
				stored, err := pairing.Load(c.StateDir)
				return len(stored.Bridges)+len(c.Hue.Bridges) > 0, err
			},
		},
		Credentials: SecretFile{
			Name: pairing.StateFile, Path: filepath.Join(c.StateDir, pairing.StateFile), Kept: true,
			Renew: "remove it and pair the Hue bridges again: hueair2mqtt hue pair",
		},
		AtStart: true,
	}
}

// hueCollectors returns a collector for each Hue bridge that is configured or paired.
func hueCollectors(c *configs.Config, find pairing.FindFunc) (all []collectors.Collector, err error) {
	template := hue.Options{
		StateDir: c.StateDir, Timeout: c.Hue.Timeout, Areas: c.Hue.Areas, Find: find,
		Lights: c.Hue.Lights, ButtonEvents: hue.ButtonEvents(c.Hue.ButtonEvents),
	}
	var configured []hue.Options
	for i, b := range c.Hue.Bridges {
		o := template
		o.Host, o.ID, o.Username, o.Setting = b.Host, b.ID, b.Username.Reveal(), fmt.Sprintf("hue.bridges[%d]", i)
		configured = append(configured, o)
	}
	bridges, err := hue.WithPaired(configured, template)
	if err != nil {
		return nil, fmt.Errorf("hue: %w", err)
	}
	for _, o := range bridges {
		collector, err := hue.New(o)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.Setting, err)
		}
		all = append(all, collector)
	}
	return all, nil
}

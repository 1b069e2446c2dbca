package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/pairing"
	"hueair2mqtt/configs"
)

func newHueCommand(finder pairing.Finder) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hue",
		Short: "Find Philips Hue bridges, pair with them, forget them",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newHueDiscoverCommand(finder), newHuePairCommand(finder), newHueForgetCommand())
	return cmd
}

// hueSections are what finding and pairing need of the configuration: people do
// both before the rest is set up.
var hueSections = []string{"hue", "state_dir"}

// loadHueConfig reads the settings of the Hue bridges.
func loadHueConfig(cmd *cobra.Command) (*configs.Config, error) {
	return loadConfig(cmd, hueSections...)
}

// hueOptions are those of all Hue bridges: the configured ones, and those that are
// only paired. Without any there is nothing to read.
func hueOptions(c *configs.Config, find pairing.FindFunc) ([]hue.Options, error) {
	options, err := hueOptionsIfAny(c, find)
	if err == nil && len(options) == 0 {
		return nil, &collectors.RemedyError{
			Err:    errors.New("hue.bridges: no Hue bridge is named or paired, though hue.enabled is true"),
			Remedy: `run "hueair2mqtt hue pair", or set hue.enabled to false`,
		}
	}
	return options, err
}

// hueOptionsIfAny is hueOptions where no Hue bridge is no error.
func hueOptionsIfAny(c *configs.Config, find pairing.FindFunc) ([]hue.Options, error) {
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
	options, err := hue.WithPaired(configured, template)
	if err != nil {
		return nil, fmt.Errorf("hue: %w", err)
	}
	return options, nil
}

package cli

import (
	"os"

	"github.com/spf13/cobra"

	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/configs"
)

func newHueCommand(finder hue.Finder) *cobra.Command {
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
	file, err := cmd.Flags().GetString("config")
	if err != nil {
		return nil, err
	}
	config, err := configs.LoadFor(hueSections, file, os.Environ(), cmd.Flags())
	if err != nil {
		return nil, &exitError{exitUnusable, err}
	}
	return config, nil
}

package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"hueair2mqtt/configs"
)

// newConfiguredCommand makes the question that the service unit and the
// package's scripts ask before they start the service. It is for them alone; a
// person asks check.
func newConfiguredCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:    "configured",
		Short:  "Tell by the exit code whether there is anything to read",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := loadConfig(cmd, "hue", "amazon")
			if err != nil {
				// Somebody has begun. What is wrong is for run to tell, as a failure.
				return nil
			}
			if !config.Hue.Enabled && !config.Amazon.Enabled {
				return &exitError{exitFailed, errors.New("there is nothing to read yet: set hue.enabled or amazon.enabled to true in " +
					cmd.Flag("config").Value.String() + ", then run: systemctl restart hueair2mqtt")}
			}
			return nil
		},
	}
	configs.AddFlags(cmd.Flags())
	return cmd
}

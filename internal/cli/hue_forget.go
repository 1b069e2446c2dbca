package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"hueair2mqtt/collectors/hue/pairing"
	"hueair2mqtt/configs"
)

func newHueForgetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "forget ID",
		Short: "Remove a paired Hue bridge",
		Long: `Removes a Hue bridge that was paired, and its key, from hue.json of the state
directory: one that was replaced, for example. A running service stops reading it
within seconds. Devices that another Hue bridge has now stay as they are, the
others become unavailable. Exit code 1: there is no such bridge.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			config, err := loadHueConfig(cmd)
			if err != nil {
				return err
			}
			if err := pairing.Forget(config.StateDir, args[0]); err != nil {
				return &exitError{exitFailed, fmt.Errorf("hue forget: %w", err)}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Forgotten. To delete its key on the Hue bridge as well, remove hueair2mqtt there in the Hue app.\n")
			return nil
		},
	}
	configs.AddFlags(cmd.Flags())
	return cmd
}

package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"hueair2mqtt/collectors/hue/pairing"
)

func newHueCommand(finder pairing.Finder) *cobra.Command {
	return group("hue", "Find Philips Hue bridges, pair with them, forget them",
		newHueDiscoverCommand(finder), newHuePairCommand(finder), newHueForgetCommand())
}

func newHueForgetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "forget ID",
		Short: "Remove a paired Hue bridge",
		Long: `Removes a paired Hue bridge and its key from hue.json in the state directory, for
example one that was replaced. A running service stops reading it within seconds.
Devices that have moved to another Hue bridge stay as they are; the others become
unavailable. Exit code 1: there is no such bridge.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			config, err := loadConfig(cmd, hueSections...)
			if err != nil {
				return err
			}
			if err := pairing.Forget(config.StateDir, args[0]); err != nil {
				return failed(fmt.Errorf("hue forget: %w", err))
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Forgotten. To delete its key on the Hue bridge as well, remove hueair2mqtt there in the Hue app.\n")
			return nil
		},
	}
	return withConfig(cmd)
}

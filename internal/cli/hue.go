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

// oneID requires the id of a Hue bridge as the only argument.
func oneID(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("name one Hue bridge: %s ID; \"hueair2mqtt hue discover\" lists the ids of those in your network", cmd.CommandPath())
	}
	return nil
}

func newHueForgetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "forget ID",
		Short: "Remove a paired Hue bridge",
		Long: `Removes a paired Hue bridge and its key from hue.json in the state directory, for
example one that was replaced. A running service stops reading it within seconds.
Devices that have moved to another Hue bridge stay as they are; the others become
unavailable. Exit code 1: there is no such bridge.`,
		Args: oneID,
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

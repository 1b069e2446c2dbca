package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"hueair2mqtt/bridge"
	"hueair2mqtt/configs"
)

func newDiscoveryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "discovery",
		Short: "What Home Assistant was told",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDiscoveryRemoveCommand())
	return cmd
}

func newDiscoveryRemoveCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "remove",
		Short: "Take every device that hueair2mqtt announced out of Home Assistant",
		Long: `Takes every device that hueair2mqtt announced under its base topic out of Home
Assistant, and nothing else. States stay on the broker for other listeners; with
--all they go too, and with them all else that hueair2mqtt retains there.

Stop the service first, or set homeassistant.discovery to false: a bridge that
runs announces its devices again when it reconnects or Home Assistant restarts.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := loadConfig(cmd, "mqtt", "homeassistant")
			if err != nil {
				return err
			}
			remove, what := bridge.RemoveDiscovery, "announcement"
			if all {
				remove, what = bridge.RemoveAll, "message"
			}
			removed, err := remove(cmd.Context(), bridgeOptions(config, nil, nil))
			for _, topic := range removed {
				fmt.Fprintln(cmd.OutOrStdout(), "removed", topic)
			}
			if err != nil {
				return &exitError{exitFailed, fmt.Errorf("removing the %ss on %s: %w", what, config.MQTT.Broker, err)}
			}
			if len(removed) == 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "nothing to remove: the broker holds no %s of hueair2mqtt under %s for base topic %s\n",
					what, config.HomeAssistant.Prefix, config.MQTT.BaseTopic)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "remove states, problems and the bridge's own topics too")
	configs.AddFlags(cmd.Flags())
	return cmd
}

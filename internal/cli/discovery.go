package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"hueair2mqtt/bridge"
	"hueair2mqtt/bridge/mqtt"
	"hueair2mqtt/discovery"
	"hueair2mqtt/internal/sources"
)

func newDiscoveryCommand() *cobra.Command {
	return group("discovery", "Manage the devices announced to Home Assistant", newDiscoveryRemoveCommand())
}

func newDiscoveryRemoveCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "remove",
		Short: "Remove every device that hueair2mqtt announced from Home Assistant",
		Long: `Removes every device that hueair2mqtt announced under its base topic from Home
Assistant, and nothing else. States stay on the broker for other subscribers; --all
removes them too, and everything else that hueair2mqtt retains there.

Stop the service first, or set homeassistant.discovery to false: a running bridge
announces its devices again when it reconnects or Home Assistant restarts.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := loadConfig(cmd, "mqtt", "homeassistant")
			if err != nil {
				return err
			}
			remove, what := bridge.RemoveDiscovery, "announcement"
			if all {
				remove, what = bridge.RemoveAll, "message"
			}
			removed, err := remove(cmd.Context(), mqtt.Options{Settings: config.MQTT},
				discovery.Topics{Base: config.MQTT.BaseTopic, Prefix: config.HomeAssistant.Prefix, Sources: sources.Names()})
			for _, topic := range removed {
				fmt.Fprintln(cmd.OutOrStdout(), "removed", topic)
			}
			if err != nil {
				return failed(fmt.Errorf("remove the %ss on %s: %w", what, config.MQTT.Broker, err))
			}
			if len(removed) == 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "nothing to remove: the broker retains no %s of hueair2mqtt under %s for base topic %s\n",
					what, config.HomeAssistant.Prefix, config.MQTT.BaseTopic)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "also remove states, problems and the bridge's own topics")
	return withConfig(cmd)
}

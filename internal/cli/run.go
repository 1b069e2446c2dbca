package cli

import (
	"cmp"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"hueair2mqtt/bridge"
	"hueair2mqtt/configs"
)

func newRunCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the bridge until SIGTERM or Ctrl-C",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			log, closeLog, err := openLog(config.Log, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			defer closeLog()
			if err := prepareStateDir(config.StateDir); err != nil {
				return err
			}
			if err := reportStateDir(config.StateDir, log); err != nil {
				return err
			}
			tasks, err := tasksToRun(registry(config))
			if err != nil {
				return err
			}
			tidyStateDir(config, log)
			log.Info("hueair2mqtt starts", zap.String("version", versionText()),
				zap.String("broker", cmp.Or(config.MQTT.Broker, "of Home Assistant")), zap.String("base_topic", config.MQTT.BaseTopic),
				zap.Int("collectors", len(tasks)))
			options := bridgeOptions(config, tasks, log)
			if options.ServiceManager, err = serviceManager(); err != nil {
				return err
			}
			options.Live = bridge.NewLive()
			stopMetrics, err := serveMetrics(cmd.Context(), config.Metrics, &options)
			if err != nil {
				return failed(err)
			}
			defer stopMetrics()
			if err := runBridge(cmd, config, options); err != nil {
				return err
			}
			log.Info("hueair2mqtt has stopped")
			return nil
		},
	}
	return withConfig(cmd)
}

// runBridge runs the bridge and, if it is configured, the page in the browser.
func runBridge(cmd *cobra.Command, c *configs.Config, options bridge.Options) error {
	if c.Web.Listen == "" {
		return runFollowing(cmd.Context(), c, options)
	}
	p, err := newPage(cmd, c, options.Live, options.Log)
	if err != nil {
		return err
	}
	return p.around(cmd.Context(), options, p.listen)
}

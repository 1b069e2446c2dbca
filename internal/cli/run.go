package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors"
	"hueair2mqtt/configs"
	"hueair2mqtt/internal/check"
)

func newRunCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the bridge until it is told to stop",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			log, closeLog, err := openLog(config.Log, cmd.ErrOrStderr())
			if err != nil {
				return &exitError{exitUnusable, err}
			}
			defer closeLog()
			if err := prepareStateDir(config.StateDir); err != nil {
				return &exitError{exitUnusable, err}
			}
			if err := reportStateDir(config.StateDir, log); err != nil {
				return &exitError{exitUnusable, err}
			}
			tasks, err := tasksToRun(registry(config))
			if err != nil {
				return &exitError{exitUnusable, err}
			}
			tidyStateDir(config, log)
			if err := removeAlertsOfDisabled(config); err != nil {
				log.Warn("the alert file of a source that is switched off can't be removed; remove it by hand", zap.Error(err))
			}
			log.Info("hueair2mqtt starts", zap.String("version", versionText()),
				zap.String("broker", cmp.Or(config.MQTT.Broker, "of Home Assistant")), zap.String("base_topic", config.MQTT.BaseTopic),
				zap.Int("collectors", len(tasks)))
			options := bridgeOptions(config, tasks, log)
			if options.ServiceManager, err = serviceManager(); err != nil {
				return &exitError{exitUnusable, err}
			}
			options.Live = newLive(config)
			stopMetrics, err := serveMetrics(cmd.Context(), config.Metrics, &options)
			if err != nil {
				return &exitError{exitFailed, err}
			}
			defer stopMetrics()
			if err := runBridge(cmd, config, options); err != nil {
				return &exitError{exitUnusable, err}
			}
			log.Info("hueair2mqtt has stopped")
			return nil
		},
	}
	configs.AddFlags(cmd.Flags())
	return cmd
}

// runBridge runs the bridge, with the page in the browser if there is to be one.
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

// runFollowing runs a bridge, which must have a Live, and makes it read the endpoints that
// are set up meanwhile.
func runFollowing(ctx context.Context, c *configs.Config, options bridge.Options) error {
	ctx, end := context.WithCancel(ctx)
	var following sync.WaitGroup
	defer following.Wait()
	defer end()
	for _, source := range registry(c) {
		if source.Setup.Endpoints && (source.Enabled || options.Preview) {
			f := follower{source, filepath.Join(c.StateDir, source.Setup.StateFile), options.Live, options.Log}
			following.Go(func() { f.run(ctx) })
		}
	}
	return bridge.Run(ctx, options)
}

// removeAlertsOfDisabled removes the alert files of sources that the
// configuration has switched off: nobody would ever clear them.
func removeAlertsOfDisabled(c *configs.Config) error {
	var errs []error
	for _, source := range registry(c) {
		if !source.Enabled {
			errs = append(errs, collectors.RemoveFile(filepath.Join(c.StateDir, source.AlertFile)))
		}
	}
	return errors.Join(errs...)
}

// prepareStateDir makes the directory if it is missing. One that can't be
// written is no reason not to run: readings need no disk, and the alert that
// can't be written is told in the log.
func prepareStateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		info, statErr := os.Stat(dir)
		if statErr == nil && info.IsDir() {
			return nil
		}
		return fmt.Errorf("state_dir: %w: create the directory or set state_dir to one that hueair2mqtt may write to", err)
	}
	return nil
}

// reportStateDir logs why a state directory can't be written. The error is that it
// can't even be read: what pairing stored there is needed.
func reportStateDir(dir string, log *zap.Logger) error {
	f := check.StateDir(dir)
	if f.Status != check.Fail {
		return nil
	}
	if _, err := os.ReadDir(dir); err != nil {
		return fmt.Errorf("state_dir: %s: %s", f.Reason, f.Remedy)
	}
	log.Error("the state directory can't be written, so that nothing is remembered after a restart", zap.String("reason", f.Reason), zap.String("remedy", f.Remedy))
	return nil
}

// tidyStateDir removes what a program that was killed while it wrote left there,
// and tells of credentials that others can read.
func tidyStateDir(c *configs.Config, log *zap.Logger) {
	var secrets []string
	for _, source := range registry(c) {
		for _, name := range []string{source.Setup.StateFile, source.AlertFile} {
			if name == "" {
				continue
			}
			if err := collectors.RemoveLeftovers(filepath.Join(c.StateDir, name)); err != nil {
				log.Warn("a temporary file in state_dir that a killed run left can't be removed; remove it by hand", zap.Error(err))
			}
		}
		if source.Setup.StateFile != "" {
			secrets = append(secrets, filepath.Join(c.StateDir, source.Setup.StateFile))
		}
	}
	for _, file := range append(secrets, c.Amazon.CookiesFile) {
		if exposed, err := collectors.ReadableByOthers(file); err != nil {
			log.Warn("who can read a file with secrets is unknown", zap.Error(err))
		} else if exposed {
			log.Warn("others than its owner can read a file with secrets: run chmod 600 on it; if that may have happened, pair or sign in again", zap.String("file", file))
		}
	}
	for _, file := range namedSecrets(c) {
		for _, finding := range check.SecretFile(file, c.StateDir) {
			log.Warn("a file with a secret is not safe from other users", zap.String("reason", finding.Reason), zap.String("remedy", finding.Remedy))
		}
	}
}

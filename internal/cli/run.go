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
	"hueair2mqtt/collectors/amazon"
	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/pairing"
	"hueair2mqtt/configs"
	"hueair2mqtt/internal/check"
	"hueair2mqtt/internal/statefile"
)

// The alert files' names, which users' scripts look for.
const (
	hueAlertFile    = "ALERT_HUE_PAIRING_NEEDED.txt"
	amazonAlertFile = "ALERT_TOKEN_REFRESH_NEEDED.txt"
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
			tasks, err := newTasks(config)
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
			options.Live = bridge.NewLive()
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

// runFollowing runs a bridge, which must have a Live, and keeps it in step with the
// Hue bridges that are paired.
func runFollowing(ctx context.Context, c *configs.Config, options bridge.Options) error {
	ctx, end := context.WithCancel(ctx)
	var following sync.WaitGroup
	defer following.Wait()
	defer end()
	if c.Hue.Enabled || options.Preview {
		following.Go(func() { (&pairings{c, options.Live, options.Log}).follow(ctx) })
	}
	return bridge.Run(ctx, options)
}

// newTasks makes the collectors that the configuration asks for. A new source is
// one more block here.
func newTasks(c *configs.Config) ([]bridge.Task, error) {
	var tasks []bridge.Task
	if c.Hue.Enabled && !awaitsPairing(c) {
		more, err := hueTasks(c)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, more...)
	}
	if c.Amazon.Enabled && !awaitsSignIn(c) {
		more, err := amazonTasks(c)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, more...)
	}
	return tasks, nil
}

// awaitsPairing says that there is no Hue bridge yet, but a page in the browser to
// pair with one.
func awaitsPairing(c *configs.Config) bool {
	paired, err := hue.WithPaired(nil, hue.Options{StateDir: c.StateDir})
	return c.Web.Listen != "" && err == nil && len(paired)+len(c.Hue.Bridges) == 0
}

// awaitsSignIn reports whether nobody has signed in to Amazon yet in the Home
// Assistant app, where both sources are on from the start and none need be used.
func awaitsSignIn(c *configs.Config) bool {
	_, err := os.Stat(filepath.Join(c.StateDir, account.StateFile))
	return c.App.Token != "" && errors.Is(err, os.ErrNotExist)
}

func hueTasks(c *configs.Config) ([]bridge.Task, error) {
	options, err := hueOptions(c, finder.Find)
	if err != nil {
		return nil, err
	}
	return tasksOf(c, options)
}

// hueTasksIfAny is hueTasks where no Hue bridge is no error.
func hueTasksIfAny(c *configs.Config) ([]bridge.Task, error) {
	options, err := hueOptionsIfAny(c, finder.Find)
	if err != nil {
		return nil, err
	}
	return tasksOf(c, options)
}

func tasksOf(c *configs.Config, options []hue.Options) (tasks []bridge.Task, err error) {
	for _, o := range options {
		collector, err := hue.New(o)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, bridge.Task{Collector: collector, Interval: c.Hue.Interval, AlertFile: hueAlertFile})
	}
	return tasks, nil
}

func amazonTasks(c *configs.Config) ([]bridge.Task, error) {
	collector, err := amazon.New(amazonOptions(c))
	if err != nil {
		return nil, fmt.Errorf("amazon: %w", err)
	}
	return []bridge.Task{{Collector: collector, Interval: c.Amazon.Interval, AlertFile: amazonAlertFile}}, nil
}

func bridgeOptions(c *configs.Config, tasks []bridge.Task, log *zap.Logger) bridge.Options {
	return bridge.Options{
		LocateBroker: locateBroker(c), MQTT: c.MQTT, HomeAssistant: c.HomeAssistant, Retry: c.Retry, Email: c.Alert.Email, History: c.History,
		StateDir: c.StateDir, Version: versionText(), Tasks: tasks, Log: log,
	}
}

// removeAlertsOfDisabled removes the alert files of sources that the
// configuration has switched off: nobody would ever clear them.
func removeAlertsOfDisabled(c *configs.Config) error {
	var errs []error
	for file, enabled := range map[string]bool{hueAlertFile: c.Hue.Enabled, amazonAlertFile: c.Amazon.Enabled} {
		if !enabled {
			errs = append(errs, statefile.Remove(filepath.Join(c.StateDir, file)))
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
	for _, name := range []string{pairing.StateFile, account.StateFile, hueAlertFile, amazonAlertFile} {
		if err := statefile.RemoveLeftovers(filepath.Join(c.StateDir, name)); err != nil {
			log.Warn("what a killed program left in state_dir can't be removed; remove it by hand", zap.Error(err))
		}
	}
	for _, file := range []string{filepath.Join(c.StateDir, pairing.StateFile), filepath.Join(c.StateDir, account.StateFile), c.Amazon.CookiesFile} {
		if exposed, err := statefile.ReadableByOthers(file); err != nil {
			log.Warn("who can read a file with secrets can't be told", zap.Error(err))
		} else if exposed {
			log.Warn("others than its owner can read a file with secrets: run chmod 600 on it; if that may have happened, pair or sign in anew", zap.String("file", file))
		}
	}
	for _, file := range namedSecrets(c) {
		for _, finding := range file.Look(c.StateDir) {
			log.Warn("a file with a secret is not safe from other users", zap.String("reason", finding.Reason), zap.String("remedy", finding.Remedy))
		}
	}
}

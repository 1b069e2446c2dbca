package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors"
	"hueair2mqtt/configs"
)

// checkTimeout bounds the whole check; its components are looked at side by side.
const checkTimeout = 15 * time.Second

func newCheckCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Tell what works and what is wrong: settings, state directory, broker, sources",
		Long: `Tries the settings, the state directory, the broker and every source once, a line
each. Publishes nothing. Exit code 0: all is well; 1: something failed; 2: the
settings can't be used.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			tasks, err := newTasks(config)
			if err != nil {
				return &exitError{exitUnusable, err}
			}
			failed := 0
			fmt.Fprintln(cmd.OutOrStdout(), "pass  configuration")
			for _, r := range runChecks(cmd.Context(), config, tasks) {
				if r.err != nil {
					failed++
					fmt.Fprintf(cmd.OutOrStdout(), "fail  %s: %v\n", r.name, r.err)
				} else {
					fmt.Fprintf(cmd.OutOrStdout(), "pass  %s%s\n", r.name, r.note)
				}
			}
			if failed > 0 {
				return &exitError{exitFailed, fmt.Errorf("%d of the components failed", failed)}
			}
			return nil
		},
	}
	configs.AddFlags(cmd.Flags())
	return cmd
}

// checkResult is one line of the check.
type checkResult struct {
	name string
	note string // beside a pass
	err  error
}

// runChecks looks at all components side by side.
func runChecks(ctx context.Context, config *configs.Config, tasks []bridge.Task) []checkResult {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	checks := []func() checkResult{
		func() checkResult {
			return checkResult{name: "state directory " + config.StateDir, err: checkStateDir(config.StateDir)}
		},
		func() checkResult {
			return checkResult{name: "broker " + config.MQTT.Broker, err: bridge.CheckBroker(ctx, bridgeOptions(config, nil, zap.NewNop()))}
		},
	}
	for _, task := range tasks {
		checks = append(checks, func() checkResult { return checkCollector(ctx, task.Collector) })
	}
	results := make([]checkResult, len(checks))
	var running sync.WaitGroup
	for i, check := range checks {
		running.Go(func() { results[i] = check() })
	}
	running.Wait()
	return results
}

// checkStateDir tries to write, which is what the alert file will need. A
// directory that is not there yet is made by run, so its parent has to let it.
func checkStateDir(dir string) error {
	for {
		_, err := os.Stat(dir)
		parent := filepath.Dir(dir)
		if !errors.Is(err, fs.ErrNotExist) || parent == dir {
			break
		}
		dir = parent
	}
	f, err := os.CreateTemp(dir, ".check-*")
	if err != nil {
		return fmt.Errorf("%w: let the user that runs hueair2mqtt write there, or set state_dir to another directory", err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// checkCollector polls once, without retrying.
func checkCollector(ctx context.Context, c collectors.Collector) checkResult {
	defer c.Close()
	r := checkResult{name: c.Source() + " " + c.Endpoint()}
	once := collectors.RetryPolicy{Attempts: 1}
	snapshot, err := c.Collect(ctx, collectors.NewRetrier(once, c.Source(), zap.NewNop()))
	if err != nil {
		r.err = err
		if refused, ok := errors.AsType[*collectors.AuthenticationError](err); ok && refused.Remedy != "" {
			r.err = fmt.Errorf("%w: %s", err, refused.Remedy)
		}
		return r
	}
	offline := 0
	for _, d := range snapshot.Devices {
		if !d.Online {
			offline++
		}
	}
	r.note = fmt.Sprintf(": %d devices, %d of them offline", len(snapshot.Devices), offline)
	return r
}

package cli

import (
	"errors"
	"fmt"
	"hueair2mqtt/configs"
	"path/filepath"

	"github.com/spf13/cobra"
)

// The hidden commands answer the questions of the service unit and of the package's scripts.

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

// newDirectoriesCommand prints where the service writes, for the package's scripts
// alone: a user that owns something there must outlive the package.
func newDirectoriesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:    "directories",
		Short:  "Print the directories that the service writes to, one a line",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := loadConfig(cmd, "state_dir", "log")
			if err != nil {
				return err
			}
			dirs := []string{config.StateDir}
			if config.Log.File != "" {
				dirs = append(dirs, filepath.Dir(config.Log.File))
			}
			for _, dir := range dirs {
				absolute, err := filepath.Abs(dir)
				if err != nil {
					return &exitError{exitFailed, fmt.Errorf("making %s absolute: %w", dir, err)}
				}
				fmt.Fprintln(cmd.OutOrStdout(), absolute)
			}
			return nil
		},
	}
	configs.AddFlags(cmd.Flags())
	return cmd
}

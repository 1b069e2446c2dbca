package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hueair2mqtt/internal/sources"
)

// newConfiguredCommand makes the command that the service unit and the package's scripts ask
// before they start the service. A user runs check instead.
func newConfiguredCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:    "configured",
		Short:  "Report with the exit code whether a source is enabled",
		Hidden: true,
		Args:   noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := loadConfig(cmd, sources.Names()...)
			if err != nil {
				// The user has begun, so the service starts and reports the faults.
				return nil
			}
			if slices.ContainsFunc(registry(config), func(s sources.Source) bool { return s.Enabled }) {
				return nil
			}
			return failed(fmt.Errorf("there is nothing to read yet: set %s.enabled to true in %s, then run: systemctl restart hueair2mqtt",
				strings.Join(sources.Names(), ".enabled or "), cmd.Flag("config").Value))
		},
	}
	return withConfig(cmd)
}

// newDirectoriesCommand makes the command with which the package's scripts find out where the
// service writes: they keep the user that owns files there.
func newDirectoriesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:    "directories",
		Short:  "Print the directories that the service writes to, one a line",
		Hidden: true,
		Args:   noArgs,
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
					return failed(fmt.Errorf("make %s absolute: %w", dir, err))
				}
				fmt.Fprintln(cmd.OutOrStdout(), absolute)
			}
			return nil
		},
	}
	return withConfig(cmd)
}

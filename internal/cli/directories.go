package cli

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"hueair2mqtt/configs"
)

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

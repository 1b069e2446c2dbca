package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"hueair2mqtt/configs"
)

// Exit codes, which scripts and service managers rely on.
const (
	exitGood     = 0
	exitFailed   = 1 // a component failed
	exitUnusable = 2 // the configuration or an argument is invalid
)

// failedError is an error of a component. All other errors are about the configuration or the
// arguments. One with an empty text isn't printed, because the command has printed everything.
type failedError struct{ error }

func (e failedError) Unwrap() error { return e.error }

// failed returns err as a failedError, nil for nil.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return failedError{err}
}

// group returns a command that only has subcommands.
func group(name, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: name, Short: short, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(commands...)
	return cmd
}

// noArgs is cobra.NoArgs with a remedy.
func noArgs(cmd *cobra.Command, args []string) error {
	return withHelp(cmd, cobra.NoArgs(cmd, args))
}

// withHelp adds to an error of the command line where the command is described.
func withHelp(cmd *cobra.Command, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: see %s --help", err, cmd.CommandPath())
}

// withConfig adds the flags of the configuration to a command.
func withConfig(cmd *cobra.Command) *cobra.Command {
	configs.AddFlags(cmd.Flags())
	return cmd
}

// defaultConfigFile returns the value of --config without the flag.
func defaultConfigFile() string {
	if file := os.Getenv("HUEAIR2MQTT_CONFIG"); file != "" {
		return file
	}
	return configs.DefaultFile
}

// loadConfig reads the configuration from the command's flags, the environment and the
// configuration file. A command that needs some sections alone names them: it works even if
// the others are not right yet.
func loadConfig(cmd *cobra.Command, sections ...string) (*configs.Config, error) {
	return loadFile(cmd, cmd.Flag("config").Value.String(), sections...)
}

// loadFile is loadConfig with this file; with none, there is only the default configuration.
func loadFile(cmd *cobra.Command, file string, sections ...string) (*configs.Config, error) {
	return configs.Load(file, os.Environ(), cmd.Flags(), sections...)
}

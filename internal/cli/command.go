package cli

import (
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

// exitError is an error that ends the program with its code. One with an empty text isn't
// printed, because the command has printed everything.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

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
	config, err := configs.Load(file, os.Environ(), cmd.Flags(), sections...)
	if err != nil {
		return nil, &exitError{exitUnusable, err}
	}
	return config, nil
}

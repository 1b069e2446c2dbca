// Package cli is the command line of hueair2mqtt, one file per command, and the wiring
// of the bridge.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"hueair2mqtt/collectors/hue/pairing"
	"hueair2mqtt/configs"
)

// Exit codes, which scripts and service managers rely on.
const (
	exitGood     = 0
	exitFailed   = 1 // a component failed
	exitUnusable = 2 // the settings or arguments can't be used
)

// exitError is an error that ends the program with a certain code. An empty
// text means that everything has been said already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// garbageCollection makes the collector run at half the growth that Go allows by
// default. A process that polls once a minute has the time, and a home server
// rather the memory: 1.2 MiB less are resident with 20 devices
// (BenchmarkResidentMemory). GOGC in the environment goes before it.
const garbageCollection = 50

// finder looks for Hue bridges; the tests have one that stays on this machine.
var finder pairing.Finder

// Main runs the command line of this process until it is done, SIGINT or SIGTERM comes,
// and returns the exit code.
func Main() int {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbageCollection)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
}

// execute runs one command line and returns the exit code.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := NewRootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitGood
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(stderr, text)
	}
	if exit, ok := errors.AsType[*exitError](err); ok {
		return exit.code
	}
	return exitUnusable // cobra's own errors are about the arguments
}

// NewRootCommand returns the command with all commands below it.
func NewRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "hueair2mqtt",
		Short: "Philips Hue sensors and Amazon air quality monitors over MQTT, for Home Assistant",
		Long: `hueair2mqtt reads Philips Hue motion sensors and Amazon Smart Air Quality
Monitors and publishes their readings over MQTT, so that they appear in Home
Assistant by themselves.

To see it at work without any device or setting:  hueair2mqtt demo
To set it up in a browser:  hueair2mqtt setup
To set it up here: fill in ` + configs.DefaultFile + `, then
hueair2mqtt check, and hueair2mqtt run (the service does that).`,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().String("config", defaultConfigFile(), "configuration file")
	root.AddCommand(
		newRunCommand(),
		newCheckCommand(),
		newSetupCommand(),
		newHueCommand(finder),
		newAmazonCommand(),
		newDemoCommand(),
		newDiscoveryCommand(),
		newConfiguredCommand(),
		newDirectoriesCommand(),
		newHealthCommand(),
		newVersionCommand(),
	)
	return root
}

// defaultConfigFile is what --config is without the flag.
func defaultConfigFile() string {
	if file := os.Getenv("HUEAIR2MQTT_CONFIG"); file != "" {
		return file
	}
	return configs.DefaultFile
}

// loadConfig reads the settings that a command's flags, the environment and the
// configuration file give. With sections, mistakes in others are ignored.
func loadConfig(cmd *cobra.Command, sections ...string) (*configs.Config, error) {
	file, err := cmd.Flags().GetString("config")
	if err != nil {
		return nil, err
	}
	config, err := configs.Load(file, os.Environ(), cmd.Flags(), sections...)
	if err != nil {
		return nil, &exitError{exitUnusable, err}
	}
	return config, nil
}

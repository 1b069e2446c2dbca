// Package cli is the command line of hueair2mqtt, with one file per command, and the wiring
// of the program.
//
// The package has more than 1,500 lines because every command belongs to it, and the wiring
// that joins all other packages.
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

	"hueair2mqtt/configs"
)

// garbageCollection makes the garbage collector run at half of the growth that Go allows by
// default. It saves 1.2 MiB of resident memory with 20 devices (BenchmarkResidentMemory), and
// a process that polls once a minute has the time. GOGC in the environment overrides it.
const garbageCollection = 50

// Main runs the command line of this process until the command ends, or SIGINT or SIGTERM
// stops it, and returns the exit code.
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
	if _, ok := errors.AsType[failedError](err); ok {
		return exitFailed
	}
	return exitUnusable
}

// NewRootCommand returns the command hueair2mqtt with all its subcommands.
func NewRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "hueair2mqtt",
		Short: "Philips Hue sensors and Amazon air quality monitors over MQTT, for Home Assistant",
		Long: `hueair2mqtt reads Philips Hue sensors and Amazon Smart Air Quality Monitors and
publishes their readings over MQTT. Home Assistant discovers them automatically.

See it at work without any device:  hueair2mqtt demo
Set it up in a browser:  hueair2mqtt setup

To set it up here, edit ` + configs.DefaultFile + `, run
"hueair2mqtt check", then "hueair2mqtt run", or start the service.`,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(withHelp)
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

package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"hueair2mqtt/bridge"
	"hueair2mqtt/configs"
	"hueair2mqtt/internal/sources"
)

// setupPort is always the same, for users who forward it by ssh.
const setupPort = 8467

// setupSections are what the set-up needs of the configuration, which the user may not have
// written yet.
var setupSections = append(sources.Names(), "retry", "state_dir", "log")

func newSetupCommand() *cobra.Command {
	var port uint16
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Set everything up in the browser",
		Long: `Serves a page on this machine only and prints a link that opens it once. There you
pair with the Hue bridge, sign in to Amazon, try the broker, and see the readings. It
stores the same files as "hue pair" and "amazon login", which a running service
notices by itself. It doesn't change the configuration file, but shows the lines to
add to it. Nothing is published. Press Ctrl-C to stop.

From another machine:  ssh -L 8467:127.0.0.1:8467 THIS-MACHINE
and open the link there.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := loadSetupConfig(cmd)
			if err != nil {
				return err
			}
			if err := prepareStateDir(config.StateDir); err != nil {
				return err
			}
			listener, err := (&net.ListenConfig{}).Listen(cmd.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				return fmt.Errorf("%w: choose another port with --port", err)
			}
			defer listener.Close() // in case it was never served
			return failed(setUp(cmd, config, listener))
		},
	}
	cmd.Flags().Uint16Var(&port, "port", setupPort, "loopback port of the page (0: any free one)")
	return withConfig(cmd)
}

// loadSetupConfig loads the configuration. The default file may be missing.
func loadSetupConfig(cmd *cobra.Command) (*configs.Config, error) {
	flag := cmd.Flag("config")
	file := flag.Value.String()
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) && !flag.Changed {
		file = ""
	}
	config, err := loadFile(cmd, file, setupSections...)
	if err != nil {
		return nil, err
	}
	config.Web, config.App = configs.Web{}, configs.App{} // they are for the page that run serves
	return config, nil
}

// setUp serves the page until the command ends.
func setUp(cmd *cobra.Command, config *configs.Config, listener net.Listener) error {
	p, err := newPage(cmd, config, bridge.NewLive(), zap.NewNop())
	if err != nil {
		return err
	}
	out, first := cmd.OutOrStdout(), true
	p.setup = true
	p.code = func(code string) {
		text := "The link was used. To open the page again:"
		if first {
			first, text = false, "Open this link in a browser on this machine:"
		}
		fmt.Fprintf(out, "%s\n\n  http://%s/sign-in?code=%s\n\nIt works once. Press Ctrl-C to stop.\n\n", text, listener.Addr(), code)
	}
	tasks, err := setupTasks(config)
	if err != nil {
		return err
	}
	o := bridgeOptions(config, tasks, p.log)
	o.Preview = true
	return p.around(cmd.Context(), o, func(context.Context) (net.Listener, error) { return listener, nil })
}

// setupTasks returns the tasks of everything that is set up already, enabled or not.
func setupTasks(c *configs.Config) (tasks []bridge.Task, err error) {
	for _, source := range registry(c) {
		done, err := source.IsSetUp()
		if err != nil {
			return nil, err
		}
		if !done && !source.Enabled {
			continue
		}
		endpoints, err := source.Collectors()
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, tasksOf(source, endpoints)...)
	}
	return tasks, nil
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors/amazon"
	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/configs"
)

// setupPort is of the range that nobody has a right to (RFC 6335, user ports), and
// the same each time, for those who have it forwarded by ssh.
const setupPort = 8467

// setupSections are what the set-up needs of the configuration, which people may
// have yet to write.
var setupSections = []string{"hue", "amazon", "retry", "state_dir", "log"}

func newSetupCommand() *cobra.Command {
	var port uint16
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Set everything up on a page in the browser",
		Long: `Serves a page on this machine alone and prints a link that opens it, once. There
you pair with the Hue bridge, sign in to Amazon, try the broker, and see what is
measured. It stores what the commands "hue pair" and "amazon login" store, which a
bridge that runs notices by itself; the configuration file is left as it is, and
the lines to add to it are shown. Nothing is published. Ctrl-C ends it.

From another machine:  ssh -L 8467:127.0.0.1:8467 THIS-MACHINE
and open the link there.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := loadSetupConfig(cmd)
			if err != nil {
				return err
			}
			if err := prepareStateDir(config.StateDir); err != nil {
				return &exitError{exitUnusable, err}
			}
			listener, err := (&net.ListenConfig{}).Listen(cmd.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				return &exitError{exitUnusable, fmt.Errorf("%w: choose another port with --port", err)}
			}
			defer listener.Close() // if it was never served
			if err := setUp(cmd, config, listener); err != nil {
				return &exitError{exitFailed, err}
			}
			return nil
		},
	}
	cmd.Flags().Uint16Var(&port, "port", setupPort, "loopback port of the page (0: any free one)")
	configs.AddFlags(cmd.Flags())
	return cmd
}

// loadSetupConfig reads what there is of the configuration. The default file may
// be missing.
func loadSetupConfig(cmd *cobra.Command) (*configs.Config, error) {
	flag := cmd.Flag("config")
	file := flag.Value.String()
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) && !flag.Changed {
		file = ""
	}
	config, err := configs.Load(file, os.Environ(), cmd.Flags(), setupSections...)
	if err != nil {
		return nil, &exitError{exitUnusable, err}
	}
	config.Web = configs.Web{} // of the page that run serves
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
			first, text = false, "Open this in a browser on this machine:"
		}
		fmt.Fprintf(out, "%s\n\n  http://%s/sign-in?code=%s\n\nIt works once. Ctrl-C ends the set-up.\n\n", text, listener.Addr(), code)
	}
	tasks, err := setupTasks(config)
	if err != nil {
		return err
	}
	o := bridgeOptions(config, tasks, p.log)
	o.Preview = true
	return p.around(cmd.Context(), o, func(context.Context) (net.Listener, error) { return listener, nil })
}

// setupTasks read what is set up already, whether the configuration wants it read
// or not.
func setupTasks(c *configs.Config) ([]bridge.Task, error) {
	paired, err := hue.WithPaired(nil, hue.Options{StateDir: c.StateDir})
	if err != nil {
		return nil, err
	}
	var tasks []bridge.Task
	if len(paired)+len(c.Hue.Bridges) > 0 {
		if tasks, err = hueTasks(c); err != nil {
			return nil, err
		}
	}
	if _, err := os.Stat(filepath.Join(c.StateDir, account.StateFile)); err == nil || c.Amazon.Enabled {
		more, err := amazonTasks(c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", amazon.Source, err)
		}
		tasks = append(tasks, more...)
	}
	return tasks, nil
}

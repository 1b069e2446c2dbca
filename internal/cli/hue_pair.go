package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/hue"
	"hueair2mqtt/collectors/hue/pairing"
	"hueair2mqtt/configs"
)

// hueSections are what pairing needs of the configuration; the user may pair before the
// rest is set up.
var hueSections = []string{"hue", "state_dir"}

func newHuePairCommand(finder pairing.Finder) *cobra.Command {
	var host string
	cmd := &cobra.Command{
		Use:   "pair",
		Short: "Pair with a Hue bridge by its link button",
		Long: `Finds the Hue bridge, or uses the one at --host, waits until you press its link
button, and stores the key and the bridge's identity in hue.json in the state
directory. Then it lists the sensors and their values.

With sudo, the file gets the owner of the state directory, so that the service can
read it.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := loadConfig(cmd, hueSections...)
			if err != nil {
				return err
			}
			if err := prepareStateDir(config.StateDir); err != nil {
				return err
			}
			if host == "" {
				if host, err = onlyBridge(cmd, finder); err != nil {
					return err
				}
			}
			return failed(pairHue(cmd, config, host))
		},
	}
	cmd.Flags().StringVar(&host, "host", "", "address of the Hue bridge (default: the only one in the network)")
	return withConfig(cmd)
}

// onlyBridge returns the address of the only bridge in the network. If the bridge is announced
// at several addresses, it is the only one that answers.
func onlyBridge(cmd *cobra.Command, finder pairing.Finder) (string, error) {
	found, err := finder.Find(cmd.Context())
	switch len(found) {
	case 0:
		return "", failed(noBridge(err))
	case 1:
		return found[0].Host, nil
	}
	pairing.Describe(cmd.Context(), found)
	if found[0].ID == found[len(found)-1].ID { // sorted by id
		answering := slices.DeleteFunc(slices.Clone(found), func(f pairing.Found) bool { return f.Software == "" })
		if len(answering) == 1 {
			return answering[0].Host, nil
		}
	}
	if err := writeBridges(cmd.OutOrStdout(), found); err != nil {
		return "", err
	}
	return "", fmt.Errorf("found %d Hue bridges, or several addresses of one: choose one with --host, such as --host %s", len(found), found[0].Host)
}

func pairHue(cmd *cobra.Command, config *configs.Config, host string) error {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	n, err := pairing.Identify(ctx, pairing.Options{Host: host, StateDir: config.StateDir, Timeout: config.Hue.Timeout, Setting: "--host"})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Hue bridge %s (%s) at %s\n", n.ID, orUnknown(n.Model), host)
	switch {
	case !n.Encrypted:
		fmt.Fprintln(out, "It is an old model without https: the key travels through your network unencrypted.")
	case n.Fingerprint != "":
		fmt.Fprintf(out, "Its certificate is self-signed. From now on only this certificate is accepted:\n  SHA-256 %s\n", n.Fingerprint)
	}
	name, err := os.Hostname()
	if err != nil {
		name = "host" // shown in the Hue app only
	}
	countdown := newCountdown(out)
	err = n.Pair(ctx, name, countdown.show)
	countdown.end()
	switch {
	case errors.Is(err, context.Canceled):
		return errors.New("stopped before the link button was pressed; nothing was changed")
	case err != nil:
		return err
	}
	fmt.Fprintf(out, "Paired; the key is in %s of %s.\n", pairing.StateFile, config.StateDir)
	if !config.Hue.Enabled {
		fmt.Fprintln(out, "Set hue.enabled to true in the configuration to have it read.")
	}
	return listHueSensors(ctx, out, config, n.ID)
}

// listHueSensors reads the bridge with its new key.
func listHueSensors(ctx context.Context, out io.Writer, config *configs.Config, id string) error {
	collector, err := hue.New(hue.Options{ID: id, StateDir: config.StateDir, Timeout: config.Hue.Timeout, Areas: config.Hue.Areas, Setting: pairing.StateFile})
	if err != nil {
		return err
	}
	defer collector.Close()
	snapshot, err := collector.Collect(ctx, collectors.NewRetrier(collectors.DefaultRetryPolicy, hue.Source, zap.NewNop()))
	if err != nil {
		return fmt.Errorf("the key is stored, but reading the sensors failed: %w", err)
	}
	if len(snapshot.Devices) == 0 {
		fmt.Fprintln(out, "No sensors, buttons or dials yet: add them in the Hue app, and they appear automatically.")
		return nil
	}
	return writeDevices(out, snapshot.Devices)
}

// countdown shows the time left to press the button: in place on a terminal, otherwise as a
// line every 5 s.
type countdown struct {
	out      io.Writer
	terminal bool
	next     time.Duration // time left at which the next line is due
}

const countdownStep = 5 * time.Second

func newCountdown(out io.Writer) *countdown {
	c := &countdown{out: out, next: pairing.ButtonTime}
	if f, ok := out.(*os.File); ok {
		info, err := f.Stat()
		c.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return c
}

func (c *countdown) show(left time.Duration) {
	left = left.Round(time.Second)
	const text = "Press the link button on the Hue bridge: %2.0f s left"
	switch {
	case c.terminal:
		fmt.Fprintf(c.out, "\r"+text+" ", left.Seconds())
	case left <= c.next:
		fmt.Fprintf(c.out, text+"\n", left.Seconds())
		c.next = left - countdownStep
	}
}

// end ends the line of the countdown.
func (c *countdown) end() {
	if c.terminal {
		fmt.Fprintln(c.out)
	}
}

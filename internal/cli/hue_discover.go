package cli

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"hueair2mqtt/collectors/hue/pairing"
)

func newHueDiscoverCommand(finder pairing.Finder) *cobra.Command {
	return &cobra.Command{
		Use:   "discover",
		Short: "Find the Hue bridges in the network",
		Long: `Asks the network (mDNS, SSDP) and the vendor's discovery service, side by side, for
Hue bridges, and lists them, a line each: id, model, address, software. Exit code 0:
there is one; 1: there is none.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found, err := finder.Find(cmd.Context())
			if len(found) == 0 {
				return &exitError{exitFailed, noBridge(err)}
			}
			pairing.Describe(cmd.Context(), found)
			return writeBridges(cmd.OutOrStdout(), found)
		},
	}
}

// noBridge says that nothing was found, and what of the search failed.
func noBridge(err error) error {
	const text = "no Hue bridge was found: look up its address in the Hue app (Settings, Bridges, i) and give it with hue pair --host"
	if err != nil {
		return fmt.Errorf("%s; the search failed %w", text, err)
	}
	return errors.New(text)
}

// writeBridges lists bridges, a line each.
func writeBridges(w io.Writer, found []pairing.Found) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, b := range found {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", b.ID, orUnknown(b.Model), b.Host, orUnknown(b.Software))
	}
	return table.Flush()
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

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
		Long: `Searches the network (mDNS, SSDP) and asks the vendor's discovery service, and lists
the Hue bridges, a line each: id, model, address, software. Exit code 0: found at
least one. 1: found none.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found, err := finder.Find(cmd.Context())
			if len(found) == 0 {
				return failed(noBridge(err))
			}
			pairing.Describe(cmd.Context(), found)
			return writeBridges(cmd.OutOrStdout(), found)
		},
	}
}

// noBridge returns the error for a search without a result, which may have failed with err.
func noBridge(err error) error {
	const text = "no Hue bridge was found: look up its address in the Hue app (Settings, Bridges, i) and pass it to hue pair with --host"
	if err != nil {
		return fmt.Errorf("%s; the search failed: %w", text, err)
	}
	return errors.New(text)
}

// writeBridges writes a table of bridges.
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

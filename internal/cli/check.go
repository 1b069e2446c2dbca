package cli

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"hueair2mqtt/configs"
	"hueair2mqtt/internal/check"
)

func newCheckCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Report what works, what is wrong, and how to fix it",
		Long: `Examines everything that hueair2mqtt needs, all at once and within 15 seconds: the
configuration, the files with credentials, the state directory, the broker and its
permissions, each Hue bridge, Amazon, the mail server, the clock, and the destination
of the log. Prints a line for each: pass, warning or fail, the reason, and after an
arrow what to do. It publishes nothing that the broker retains and sends no mail.

With --json it prints a list of objects with the keys component, status ("pass",
"warning", "fail"), reason and remedy. The remedy of a pass is empty.

Exit code 0: everything works, perhaps with warnings. 1: something failed. 2:
"hueair2mqtt run" would not even start.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			findings := findAll(cmd.Context(), cmd)
			write := check.WriteText
			if asJSON {
				write = check.WriteJSON
			}
			if err := write(cmd.OutOrStdout(), findings); err != nil {
				return failed(err)
			}
			switch failed, unusable := check.Outcome(findings); {
			case unusable:
				return errors.New("")
			case failed:
				return failedError{errors.New("")}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON list of what was found")
	return withConfig(cmd)
}

// findAll examines everything.
func findAll(ctx context.Context, cmd *cobra.Command) []check.Finding {
	return check.Installation{
		ConfigFile: cmd.Flag("config").Value.String(),
		Load:       func() (*configs.Config, error) { return loadConfig(cmd) },
		Journal:    isJournal(os.Stderr),
		Broker:     brokerOptions,
	}.Check(ctx)
}

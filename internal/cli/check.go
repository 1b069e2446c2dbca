package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"hueair2mqtt/bridge"
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
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			findings := findAll(cmd.Context(), cmd)
			write := check.WriteText
			if asJSON {
				write = check.WriteJSON
			}
			if err := write(cmd.OutOrStdout(), findings); err != nil {
				return &exitError{exitFailed, err}
			}
			// What is wrong has been said.
			switch check.Outcome(findings) {
			case check.ErrUnusable:
				return &exitError{exitUnusable, errors.New("")}
			case check.ErrFailed:
				return &exitError{exitFailed, errors.New("")}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON list of what was found")
	configs.AddFlags(cmd.Flags())
	return cmd
}

// findAll examines everything.
func findAll(ctx context.Context, cmd *cobra.Command) []check.Finding {
	return check.Installation{
		ConfigFile: cmd.Flag("config").Value.String(),
		Load:       func() (*configs.Config, error) { return loadConfig(cmd) },
		Journal:    isJournal(os.Stderr),
		Broker: func(ctx context.Context, c *configs.Config) []check.Finding {
			return brokerFindings(ctx, bridgeOptions(c, nil, zap.NewNop()))
		},
		Mail: func(ctx context.Context, c *configs.Config) []check.Finding {
			if err := bridge.CheckMail(ctx, bridgeOptions(c, nil, zap.NewNop())); err != nil {
				return []check.Finding{check.FromError("mail", fmt.Errorf("%s: %w", c.Alert.Email.SMTP, err), "check alert.email")}
			}
			return []check.Finding{check.Passed("mail", "%s accepts mail; none was sent", c.Alert.Email.SMTP)}
		},
	}.Check(ctx)
}

func brokerFindings(ctx context.Context, o bridge.Options) (findings []check.Finding) {
	const component = "broker"
	if o.LocateBroker != nil && o.MQTT.Broker == "" {
		located, err := o.LocateBroker(ctx)
		if err != nil {
			return []check.Finding{check.FromError(component, err, "")}
		}
		o.MQTT = located
	}
	unseen, problems := bridge.CheckBroker(ctx, o)
	for _, err := range problems {
		f := check.FromError(component, fmt.Errorf("%s: %w", o.MQTT.Broker, err), "check the settings under mqtt")
		_, f.Unusable = errors.AsType[*bridge.SettingsError](err)
		findings = append(findings, f)
	}
	switch {
	case len(findings) > 0:
	case len(unseen) > 0:
		return []check.Finding{check.Passed(component, "%s lets the program publish; whether it would get what comes on %s can't be told from here",
			o.MQTT.Broker, strings.Join(unseen, " and "))}
	default:
		return []check.Finding{check.Passed(component, "%s lets the program publish and subscribe", o.MQTT.Broker)}
	}
	return findings
}

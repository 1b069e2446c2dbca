package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon"
	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/configs"
	"hueair2mqtt/internal/check"
)

func newAmazonLoginCommand() *cobra.Command {
	var domain string
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Sign in to Amazon once, in your own browser",
		Long: `Prints an address of Amazon's to open in a browser, and asks for the address of the
page that the browser ends on, or for the code in it. Use a computer and a private
window: on a phone the Alexa app may open instead of a page. The address is at
amazon.com for every account, whatever its country.

Password and second factor are between you and Amazon: this program sees neither.
From then on it stays signed in by itself; a bridge that runs goes on at its next
poll.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := loadAmazonConfig(cmd)
			if err != nil {
				return err
			}
			if domain != "" {
				known, ok := configs.FindMarketplace(domain)
				if !ok {
					return &exitError{exitUnusable, fmt.Errorf("--domain: %q is not a marketplace of Alexa; write one of %s",
						domain, strings.Join(configs.Marketplaces, ", "))}
				}
				config.Amazon.Domain = known
			}
			// A code that can't be kept would be lost.
			if err := prepareStateDir(config.StateDir); err != nil {
				return &exitError{exitUnusable, err}
			}
			if f := check.StateDir(config.StateDir); f.Status == check.Fail {
				return &exitError{exitUnusable, fmt.Errorf("state_dir: %s; %s", f.Reason, f.Remedy)}
			}
			return amazonLogin(cmd, config)
		},
	}
	configs.AddFlags(cmd.Flags())
	cmd.Flags().StringVar(&domain, "domain", "", "marketplace where the account is at home, such as amazon.de, as a hint (default: amazon.domain of the configuration)")
	return cmd
}

// signInText explains the sign-in whose address is put in.
const signInText = `Open this address on a computer, in a private window of the browser, and sign in to
Amazon there:

%s

After signing in, the browser ends on a page that says it was not found and has
/ap/maplanding in its address. Copy the whole address of that page from the address
bar, paste it here within five minutes, and press Enter.

- If that page vanishes at once, take its address from the browser's history. The code
  in it, which begins with AN, is enough by itself.
- If "not found" comes before you could sign in, it is not that page: copy the address
  above once more, whole, into a new private window.

`

// amazonLogin signs in and shows what that lets it read.
func amazonLogin(cmd *cobra.Command, config *configs.Config) error {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	retry, err := amazonRetrier(cmd, config)
	if err != nil {
		return err
	}
	options := amazonOptions(config)
	signIn, err := account.NewSignIn(options.Account)
	if err != nil {
		return &exitError{exitUnusable, fmt.Errorf("amazon: %w", err)}
	}
	defer signIn.Close()

	fmt.Fprintf(out, signInText, signIn.Address())
	if err := finishSignIn(ctx, signIn, retry, cmd.InOrStdin(), out); err != nil {
		return &exitError{exitFailed, err}
	}
	fmt.Fprintf(out, "\nSigned in. hueair2mqtt now stays signed in by itself; what it needs for that is in amazon.json in %s.\n\n", config.StateDir)
	if err := showMonitors(ctx, options, retry, out); err != nil {
		return &exitError{exitFailed, fmt.Errorf("the sign-in is kept, but reading the monitors failed: %w", err)}
	}
	if !config.Amazon.Enabled {
		fmt.Fprint(out, "\nThe bridge does not read them yet: set amazon.enabled to true in the configuration.\n")
	}
	return nil
}

var (
	errInterrupted = errors.New("ended before the sign-in was done; nothing was changed")
	errNoAddress   = errors.New("not signed in: the input has ended without an address that Amazon takes; nothing was changed. " +
		"Run hueair2mqtt amazon login again")
)

// finishSignIn asks for the address that the browser ended on until one is right.
func finishSignIn(ctx context.Context, signIn *account.SignIn, retry *collectors.Retrier, in io.Reader, out io.Writer) error {
	addresses := newPastedAddresses(in)
	for {
		fmt.Fprint(out, "Address: ")
		text, err := addresses.next(ctx)
		switch {
		case ctx.Err() != nil:
			fmt.Fprintln(out)
			return errInterrupted
		case errors.Is(err, io.EOF):
			fmt.Fprintln(out)
			return errNoAddress
		case err != nil:
			return fmt.Errorf("reading the address: %w", err)
		}
		notes, err := signIn.Finish(ctx, retry, text)
		if _, mistaken := errors.AsType[*account.PastedError](err); mistaken {
			fmt.Fprintf(out, "\n%v\n\n", err)
			continue
		}
		switch {
		case err == nil:
			for _, note := range notes {
				fmt.Fprintln(out, note)
			}
			return nil
		case ctx.Err() != nil:
			return errInterrupted
		case collectors.AsThrottled(err) != nil:
			fmt.Fprintf(out, "\n%v\nWait a quarter of an hour, then open the address above, sign in again, and paste the new address.\n\n", err)
		case collectors.ClassOf(err) == collectors.Transient:
			fmt.Fprintf(out, "\nAmazon can't be reached at the moment: %v\nPaste the same address again in a minute.\n\n", err)
		default:
			return err
		}
	}
}

// showMonitors reads the monitors as the bridge will, and lists them.
func showMonitors(ctx context.Context, options amazon.Options, retry *collectors.Retrier, out io.Writer) error {
	collector, err := amazon.New(options)
	if err != nil {
		return err
	}
	defer collector.Close()
	snapshot, err := collector.Collect(ctx, retry)
	if err != nil {
		if refused, ok := errors.AsType[*collectors.AuthenticationError](err); ok && refused.Remedy != "" {
			return fmt.Errorf("%w: %s", err, refused.Remedy)
		}
		if collectors.AsThrottled(err) != nil {
			return fmt.Errorf("%w; %s", err, collector.Advise(err))
		}
		return err
	}
	for _, fault := range snapshot.Faults {
		fmt.Fprintf(out, "Note: %v\n", fault)
	}
	if len(snapshot.Devices) == 0 {
		return nil // a fault says so, and names the account
	}
	return writeMonitors(out, snapshot.Devices)
}

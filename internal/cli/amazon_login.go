package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon"
	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/configs"
	"hueair2mqtt/internal/check"
	"hueair2mqtt/internal/sources"
)

// amazonSections are what signing in and out need of the configuration; the user may sign in
// before the rest is set up.
var amazonSections = []string{"amazon", "retry", "state_dir", "log"}

// amazonRetrier retries as the bridge does. It logs only with log.level debug.
func amazonRetrier(cmd *cobra.Command, c *configs.Config) (*collectors.Retrier, error) {
	log := zap.NewNop()
	if c.Log.Level == "debug" {
		var err error
		if log, err = newLogger(c.Log, cmd.ErrOrStderr()); err != nil {
			return nil, err
		}
	}
	return collectors.NewRetrier(collectors.RetryPolicy(c.Retry), amazon.Source, log), nil
}

func newAmazonLoginCommand() *cobra.Command {
	var domain string
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Sign in to Amazon once, in your own browser",
		Long: `Prints the address of an Amazon page to open in a browser, then asks for the address
of the page on which the browser ends, or for the code in it. Use a computer and a
private window: on a phone the Alexa app may open instead. The address is at amazon.com
for every account, whatever its country.

You enter your password and second factor at Amazon; hueair2mqtt sees neither. It stays
signed in from then on. A running service continues at its next poll.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := loadConfig(cmd, amazonSections...)
			if err != nil {
				return err
			}
			if domain != "" {
				known, ok := configs.FindMarketplace(domain)
				if !ok {
					return fmt.Errorf("--domain: %q is not an Alexa marketplace: use one of %s",
						domain, strings.Join(configs.Marketplaces, ", "))
				}
				config.Amazon.Domain = known
			}
			// Without a writable directory the code from Amazon would be lost.
			if err := prepareStateDir(config.StateDir); err != nil {
				return err
			}
			if f := check.StateDir(config.StateDir); f.Status == check.Fail {
				return fmt.Errorf("state_dir: %s; %s", f.Reason, f.Remedy)
			}
			return amazonLogin(cmd, config)
		},
	}
	configs.AddFlags(cmd.Flags())
	cmd.Flags().StringVar(&domain, "domain", "", "home marketplace of the account, such as amazon.de, as a hint (default: amazon.domain of the configuration)")
	return cmd
}

// signInText explains the sign-in. Its argument is the address to open.
const signInText = `Open this address on a computer, in a private window of the browser, and sign in to
Amazon there:

%s

After you sign in, the browser ends on a page that says "not found" and has
/ap/maplanding in its address. Copy the whole address of that page from the address
bar, paste it here within five minutes, and press Enter.

- If that page vanishes at once, take its address from the browser's history. The code
  in it, which begins with AN, is enough.
- If "not found" appears before you could sign in, it is the wrong page: copy the whole
  address above again into a new private window.

`

// amazonLogin signs in and lists the monitors.
func amazonLogin(cmd *cobra.Command, config *configs.Config) error {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	retry, err := amazonRetrier(cmd, config)
	if err != nil {
		return err
	}
	options := sources.AmazonOptions(config)
	signIn, err := account.NewSignIn(options.Account)
	if err != nil {
		return fmt.Errorf("amazon: %w", err)
	}
	defer signIn.Close()

	fmt.Fprintf(out, signInText, signIn.Address())
	if err := finishSignIn(ctx, signIn, retry, cmd.InOrStdin(), out); err != nil {
		return failed(err)
	}
	fmt.Fprintf(out, "\nSigned in. It renews the sign-in by itself; the credentials are in amazon.json in %s.\n\n", config.StateDir)
	if err := showMonitors(ctx, options, retry, out); err != nil {
		return failed(fmt.Errorf("the sign-in is stored, but reading the monitors failed: %w", err))
	}
	if !config.Amazon.Enabled {
		fmt.Fprint(out, "\nThe bridge does not read them yet: set amazon.enabled to true in the configuration.\n")
	}
	return nil
}

var (
	errInterrupted = errors.New("interrupted before the sign-in was complete; nothing was changed")
	errNoAddress   = errors.New("not signed in: the input ended before Amazon accepted an address; nothing was changed. " +
		"Run hueair2mqtt amazon login again")
)

// finishSignIn asks for the address on which the browser ended until Amazon accepts one.
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

// showMonitors reads and lists the monitors.
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
		return nil // a fault says so and names the account
	}
	return writeDevices(out, snapshot.Devices)
}

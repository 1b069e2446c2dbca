package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"hueair2mqtt/bridge"
	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon"
	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/configs"
)

func newAmazonCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "amazon",
		Short: "Sign in to Amazon, once, and out again",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newAmazonLoginCommand(), newAmazonLogoutCommand())
	return cmd
}

// amazonSections are what signing in and out need of the configuration: people
// may do it before the rest is set up.
var amazonSections = []string{"amazon", "retry", "state_dir", "log"}

// loadAmazonConfig reads the settings of the Amazon account.
func loadAmazonConfig(cmd *cobra.Command) (*configs.Config, error) {
	return loadConfig(cmd, amazonSections...)
}

// amazonOptions are those of the configured account.
func amazonOptions(c *configs.Config) amazon.Options {
	return amazon.Options{
		Account: account.Options{
			Domain: c.Amazon.Domain, CookiesFile: c.Amazon.CookiesFile, StateDir: c.StateDir,
			Endpoint: c.Amazon.Endpoints.Alexa, AuthEndpoint: c.Amazon.Endpoints.Auth,
			Timeout: c.Amazon.Timeout, Marketplaces: configs.Marketplaces,
		},
		Areas: c.Amazon.Areas,
	}
}

// amazonRetrier retries as the bridge does; what it logs is only of interest to
// those who ask for it.
func amazonRetrier(cmd *cobra.Command, c *configs.Config) (*collectors.Retrier, error) {
	log := zap.NewNop()
	if c.Log.Level == "debug" {
		var err error
		if log, err = newLogger(c.Log, cmd.ErrOrStderr()); err != nil {
			return nil, &exitError{exitUnusable, err}
		}
	}
	return collectors.NewRetrier(bridge.RetryPolicy(c.Retry), amazon.Source, log), nil
}

func newAmazonLogoutCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "logout",
		Short: "Sign out of Amazon: take this device out of the account, and forget it",
		Long: `Removes the sign-in from this machine and takes the device out of the Amazon
account. A bridge that runs notices by itself at its next poll.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := loadAmazonConfig(cmd)
			if err != nil {
				return err
			}
			retry, err := amazonRetrier(cmd, config)
			if err != nil {
				return err
			}
			err = account.SignOut(cmd.Context(), retry, amazonOptions(config).Account)
			switch {
			case errors.Is(err, account.ErrNotSignedIn):
				fmt.Fprintf(cmd.OutOrStdout(), "Nobody is signed in: there is no amazon.json in %s.\n", config.StateDir)
				return nil
			case err != nil:
				return &exitError{exitFailed, fmt.Errorf("amazon logout: %w", err)}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Signed out: the device is no longer in the Amazon account, and amazon.json is removed from %s.\n", config.StateDir)
			return nil
		},
	}
	configs.AddFlags(cmd.Flags())
	return cmd
}

package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/internal/sources"
)

func newAmazonCommand() *cobra.Command {
	return group("amazon", "Sign in to Amazon and sign out", newAmazonLoginCommand(), newAmazonLogoutCommand())
}

func newAmazonLogoutCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "logout",
		Short: "Sign out of Amazon and remove this device from the account",
		Long: `Removes the sign-in from this machine and the device from the Amazon account. A
running service notices at its next poll.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := loadConfig(cmd, amazonSections...)
			if err != nil {
				return err
			}
			retry, err := amazonRetrier(cmd, config)
			if err != nil {
				return err
			}
			err = account.SignOut(cmd.Context(), retry, sources.AmazonOptions(config).Account)
			switch {
			case errors.Is(err, account.ErrNotSignedIn):
				fmt.Fprintf(cmd.OutOrStdout(), "Not signed in: there is no amazon.json in %s.\n", config.StateDir)
				return nil
			case err != nil:
				return failed(fmt.Errorf("amazon logout: %w", err))
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Signed out: the device is no longer in the Amazon account, and amazon.json is removed from %s.\n", config.StateDir)
			return nil
		},
	}
	return withConfig(cmd)
}

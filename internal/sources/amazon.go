package sources

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"hueair2mqtt/collectors"
	"hueair2mqtt/collectors/amazon"
	"hueair2mqtt/collectors/amazon/account"
	"hueair2mqtt/configs"
)

func amazonSource(c *configs.Config) Source {
	file := filepath.Join(c.StateDir, account.StateFile)
	return Source{
		Name: amazon.Source, Title: "Amazon", Enabled: c.Amazon.Enabled, Interval: c.Amazon.Interval,
		AlertFile: "ALERT_TOKEN_REFRESH_NEEDED.txt",
		Collectors: func() ([]collectors.Collector, error) {
			collector, err := amazon.New(AmazonOptions(c))
			if err != nil {
				return nil, fmt.Errorf("amazon: %w", err)
			}
			return []collectors.Collector{collector}, nil
		},
		Setup: Setup{
			Action: "Sign in to Amazon", Command: "hueair2mqtt amazon login", StateFile: account.StateFile,
			Missing: "no Amazon account is signed in",
			OnPage:  c.App.Token != "", // the app enables all sources, whether the user has them or not
			Done: func() (bool, error) {
				_, err := os.Stat(file)
				return err == nil, nil
			},
		},
		Credentials: amazonCredentials(c, file),
		ServerTime: func(ctx context.Context) (string, time.Time, error) {
			return account.ServerTime(ctx, AmazonOptions(c).Account)
		},
	}
}

// amazonCredentials returns the stored sign-in or, without one, the configured cookies.
func amazonCredentials(c *configs.Config, file string) SecretFile {
	if _, err := os.Lstat(file); errors.Is(err, os.ErrNotExist) && c.Amazon.CookiesFile != "" {
		return SecretFile{
			Name: "amazon.cookies_file", Path: c.Amazon.CookiesFile, Refused: true,
			Renew: "export the cookies of a browser that is signed in there, or better: run hueair2mqtt amazon login",
		}
	}
	return SecretFile{Name: account.StateFile, Path: file, Kept: true, Renew: "run: hueair2mqtt amazon login"}
}

// AmazonOptions returns the options of the configured account.
func AmazonOptions(c *configs.Config) amazon.Options {
	return amazon.Options{
		Account: account.Options{
			Domain: c.Amazon.Domain, CookiesFile: c.Amazon.CookiesFile, StateDir: c.StateDir,
			Endpoint: c.Amazon.Endpoints.Alexa, AuthEndpoint: c.Amazon.Endpoints.Auth,
			Timeout: c.Amazon.Timeout, Marketplaces: configs.Marketplaces,
		},
		Areas: c.Amazon.Areas,
	}
}

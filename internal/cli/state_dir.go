package cli

import (
	"errors"
	"fmt"
	"hueair2mqtt/configs"
	"hueair2mqtt/internal/check"
	"hueair2mqtt/internal/statefile"
	"os"
	"path/filepath"

	"go.uber.org/zap"
)

// removeAlertsOfDisabled removes the alert files of disabled sources, which nothing else would
// remove.
func removeAlertsOfDisabled(c *configs.Config) error {
	var errs []error
	for _, source := range registry(c) {
		if !source.Enabled {
			errs = append(errs, statefile.Remove(filepath.Join(c.StateDir, source.AlertFile)))
		}
	}
	return errors.Join(errs...)
}

// prepareStateDir creates the directory if it is missing. The program runs even if it can't
// write there: readings need no disk, and an alert is logged too.
func prepareStateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		info, statErr := os.Stat(dir)
		if statErr == nil && info.IsDir() {
			return nil
		}
		return fmt.Errorf("state_dir: %w: create the directory or set state_dir to one that hueair2mqtt may write to", err)
	}
	return nil
}

// reportStateDir logs why the state directory can't be written. It returns an error if the
// directory can't even be read, because it has the keys of the Hue bridges.
func reportStateDir(dir string, log *zap.Logger) error {
	f := check.StateDir(dir)
	if f.Status != check.Fail {
		return nil
	}
	if _, err := os.ReadDir(dir); err != nil {
		return fmt.Errorf("state_dir: %s: %s", f.Reason, f.Remedy)
	}
	log.Error("the state directory can't be written, so hueair2mqtt remembers nothing after a restart", zap.String("reason", f.Reason), zap.String("remedy", f.Remedy))
	return nil
}

// tidyStateDir removes temporary files of a killed run and logs which files with secrets other
// users can read.
func tidyStateDir(c *configs.Config, log *zap.Logger) {
	var secrets []string
	for _, source := range registry(c) {
		for _, name := range []string{source.Setup.StateFile, source.AlertFile} {
			if name == "" {
				continue
			}
			if err := statefile.RemoveLeftovers(filepath.Join(c.StateDir, name)); err != nil {
				log.Warn("a temporary file that a killed run left in state_dir can't be removed; remove it by hand", zap.Error(err))
			}
		}
		if source.Setup.StateFile != "" {
			secrets = append(secrets, filepath.Join(c.StateDir, source.Setup.StateFile))
		}
	}
	for _, file := range append(secrets, c.Amazon.CookiesFile) {
		if exposed, err := statefile.ReadableByOthers(file); err != nil {
			log.Warn("who can read a file with secrets is unknown", zap.Error(err))
		} else if exposed {
			log.Warn("other users can read a file with secrets: run chmod 600 on it; if that may have happened, pair or sign in again", zap.String("file", file))
		}
	}
	for _, file := range check.ConfiguredSecrets(c) {
		for _, finding := range check.SecretFile(file, c.StateDir) {
			log.Warn("a file with a secret is not safe from other users", zap.String("reason", finding.Reason), zap.String("remedy", finding.Remedy))
		}
	}
}

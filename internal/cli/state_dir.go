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

// removeAlertsOfDisabled removes the alert files of sources that the
// configuration has switched off: nobody would ever clear them.
func removeAlertsOfDisabled(c *configs.Config) error {
	var errs []error
	for _, source := range registry(c) {
		if !source.Enabled {
			errs = append(errs, statefile.Remove(filepath.Join(c.StateDir, source.AlertFile)))
		}
	}
	return errors.Join(errs...)
}

// prepareStateDir makes the directory if it is missing. One that can't be
// written is no reason not to run: readings need no disk, and the alert that
// can't be written is told in the log.
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

// reportStateDir logs why a state directory can't be written. The error is that it
// can't even be read: what pairing stored there is needed.
func reportStateDir(dir string, log *zap.Logger) error {
	f := check.StateDir(dir)
	if f.Status != check.Fail {
		return nil
	}
	if _, err := os.ReadDir(dir); err != nil {
		return fmt.Errorf("state_dir: %s: %s", f.Reason, f.Remedy)
	}
	log.Error("the state directory can't be written, so that nothing is remembered after a restart", zap.String("reason", f.Reason), zap.String("remedy", f.Remedy))
	return nil
}

// tidyStateDir removes what a program that was killed while it wrote left there,
// and tells of credentials that others can read.
func tidyStateDir(c *configs.Config, log *zap.Logger) {
	var secrets []string
	for _, source := range registry(c) {
		for _, name := range []string{source.Setup.StateFile, source.AlertFile} {
			if name == "" {
				continue
			}
			if err := statefile.RemoveLeftovers(filepath.Join(c.StateDir, name)); err != nil {
				log.Warn("a temporary file in state_dir that a killed run left can't be removed; remove it by hand", zap.Error(err))
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
			log.Warn("others than its owner can read a file with secrets: run chmod 600 on it; if that may have happened, pair or sign in again", zap.String("file", file))
		}
	}
	for _, file := range check.ConfiguredSecrets(c) {
		for _, finding := range check.SecretFile(file, c.StateDir) {
			log.Warn("a file with a secret is not safe from other users", zap.String("reason", finding.Reason), zap.String("remedy", finding.Remedy))
		}
	}
}

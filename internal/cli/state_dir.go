package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"hueair2mqtt/configs"
	"hueair2mqtt/internal/check"
	"hueair2mqtt/internal/statefile"
)

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

// tidyStateDir removes the alert files of disabled sources and the temporary files of a killed
// run. It logs which files with secrets other users can read.
func tidyStateDir(c *configs.Config, log *zap.Logger) {
	secrets := []string{c.Amazon.CookiesFile}
	for _, source := range registry(c) {
		alertFile := filepath.Join(c.StateDir, source.AlertFile)
		errs := []error{statefile.RemoveLeftovers(alertFile)}
		if !source.Enabled {
			errs = append(errs, statefile.Remove(alertFile))
		}
		if name := source.Setup.StateFile; name != "" {
			file := filepath.Join(c.StateDir, name)
			secrets, errs = append(secrets, file), append(errs, statefile.RemoveLeftovers(file))
		}
		if err := errors.Join(errs...); err != nil {
			log.Warn("an outdated file in state_dir can't be removed; remove it by hand", zap.String("collector", source.Name), zap.Error(err))
		}
	}
	for _, file := range secrets {
		if exposed, err := statefile.ReadableByOthers(file); err != nil {
			log.Warn("cannot find out who can read a file with secrets", zap.Error(err))
		} else if exposed {
			log.Warn("other users can read a file with secrets: run chmod 600 on it; if somebody may have read it, pair or sign in again", zap.String("file", file))
		}
	}
	for _, file := range check.ConfiguredSecrets(c) {
		for _, finding := range check.SecretFile(file, c.StateDir) {
			log.Warn("a file with a secret is not safe from other users", zap.String("reason", finding.Reason), zap.String("remedy", finding.Remedy))
		}
	}
}

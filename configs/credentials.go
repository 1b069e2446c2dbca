package configs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// credentialPath returns the path of a file in the credentials folder by its
// name, or "" if there is no such folder.
//
// The service's user cannot read the folder next to the configuration. systemd
// passes it copies whose names begin with the id in the unit (LoadCredential).
// Commands run with sudo read the folder, so that check sees the same files.
func credentialPath(configFile string, environ []string, name string) string {
	for _, pair := range environ {
		if dir, ok := strings.CutPrefix(pair, "CREDENTIALS_DIRECTORY="); ok && dir != "" {
			return filepath.Join(dir, "hueair2mqtt_"+name)
		}
	}
	if configFile == "" {
		return ""
	}
	return filepath.Join(filepath.Dir(configFile), "credentials", name)
}

// findCredentials sets the files of the credentials folder where nothing else is
// configured. All of them are optional.
func (c *Config) findCredentials(path func(name string) string) {
	if c.MQTT.Password == "" && c.MQTT.PasswordFile == "" {
		c.MQTT.PasswordFile = existing(path("mqtt-password"), c.MQTT.Username != "")
	}
	if mail := &c.Alert.Email; mail.PasswordFile == "" && mail.Username != "" {
		mail.PasswordFile = existing(path("mail-password"), true)
	}
	if web := &c.Web; web.PasswordFile == "" && web.Listen != "" {
		web.PasswordFile = existing(path("web-password"), web.exposed() != "")
	}
	if c.Amazon.CookiesFile == "" {
		c.Amazon.CookiesFile = existing(path("amazon-cookies"), false)
	}
}

// existing returns the path if the file exists, else "". A required file that
// this user may not see counts as existing, so that reading it reports why.
func existing(path string, required bool) string {
	_, err := os.Stat(path)
	if err == nil || required && errors.Is(err, fs.ErrPermission) {
		return path
	}
	return ""
}

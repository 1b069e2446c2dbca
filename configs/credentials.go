package configs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The files of the credentials' folder, which need no key in the configuration.
const (
	mqttPasswordFile  = "mqtt-password"
	mailPasswordFile  = "mail-password"
	amazonCookiesFile = "amazon-cookies"
	webPasswordFile   = "web-password"
)

// credentialsIn says where the credentials are: it gives the path of each by its
// name.
//
// The service runs as a user of its own, from whom the folder beside the
// configuration is hidden. systemd hands it copies (LoadCredential in the unit),
// whose names begin with the unit's word for them. Who runs a command with sudo
// reads the folder itself, so that check sees what the service will see.
func credentialsIn(file string, environ []string) func(name string) string {
	for _, pair := range environ {
		if dir, ok := strings.CutPrefix(pair, "CREDENTIALS_DIRECTORY="); ok && dir != "" {
			return func(name string) string { return filepath.Join(dir, "hueair2mqtt_"+name) }
		}
	}
	if file == "" {
		return nil
	}
	return func(name string) string { return filepath.Join(filepath.Dir(file), "credentials", name) }
}

// findCredentials names the files of the credentials' folder where nothing else
// is configured. One that is not there is no fault: not everybody needs it.
func (c *Config) findCredentials(path func(name string) string) {
	if path == nil {
		return
	}
	if c.MQTT.Password == "" && c.MQTT.PasswordFile == "" {
		c.MQTT.PasswordFile = credential(path(mqttPasswordFile), c.MQTT.Username != "")
	}
	// A mail password says nothing before there is a mail account.
	if mail := &c.Alert.Email; mail.PasswordFile == "" && mail.Username != "" {
		mail.PasswordFile = credential(path(mailPasswordFile), true)
	}
	if web := &c.Web; web.PasswordFile == "" && web.Listen != "" {
		web.PasswordFile = credential(path(webPasswordFile), web.reach() != "")
	}
	if c.Amazon.CookiesFile == "" {
		c.Amazon.CookiesFile = credential(path(amazonCookiesFile), false)
	}
}

// credential is the path of a file that is there, else empty. One that is needed
// and hidden from this user is named, so that reading it says why it can't be.
func credential(path string, needed bool) string {
	_, err := os.Stat(path)
	if err == nil || needed && errors.Is(err, fs.ErrPermission) {
		return path
	}
	return ""
}

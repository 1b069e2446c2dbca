package configs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hueair2mqtt/configs"
)

const withAccounts = `
mqtt: {username: home}
hue: {enabled: true}
alert: {email: {smtp: "mail.example.org:587", from: a@example.org, to: [b@example.org], username: home}}
web: {listen: "0.0.0.0:8467"}
`

// put writes files below a new folder and returns it.
func put(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestCredentialsNeedNoKey(t *testing.T) {
	beside := put(t, map[string]string{
		"hueair2mqtt.yaml": withAccounts, "credentials/mqtt-password": "beside\n",
		"credentials/mail-password": "mail beside\n", "credentials/amazon-cookies": "{}", "credentials/web-password": "web beside\n",
	})
	handed := put(t, map[string]string{
		"hueair2mqtt_mqtt-password": "handed\n", "hueair2mqtt_mail-password": "mail handed\n", "hueair2mqtt_amazon-cookies": "{}",
		"hueair2mqtt_web-password": "web handed\n",
	})
	file := filepath.Join(beside, "hueair2mqtt.yaml")
	for name, test := range map[string]struct {
		environ         []string
		mqtt, mail, web string
		cookiesDir      string
	}{
		"beside the configuration": {nil, "beside", "mail beside", "web beside", filepath.Join(beside, "credentials")},
		"handed over by systemd":   {[]string{"CREDENTIALS_DIRECTORY=" + handed}, "handed", "mail handed", "web handed", handed},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := configs.Load(file, test.environ, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := c.MQTT.Password.Reveal(); got != test.mqtt {
				t.Errorf("the broker's password is %q, want %q", got, test.mqtt)
			}
			if got := c.Alert.Email.Password.Reveal(); got != test.mail {
				t.Errorf("the mail password is %q, want %q", got, test.mail)
			}
			if got := c.Web.Password.Reveal(); got != test.web {
				t.Errorf("the page's password is %q, want %q", got, test.web)
			}
			if got := filepath.Dir(c.Amazon.CookiesFile); got != test.cookiesDir {
				t.Errorf("the cookies are in %q, want %q", got, test.cookiesDir)
			}
		})
	}
}

func TestServiceUsesSystemdCredentialsOnly(t *testing.T) {
	dir := put(t, map[string]string{"hueair2mqtt.yaml": "mqtt: {username: home}\nhue: {enabled: true}", "credentials/mqtt-password": "beside"})
	c, err := configs.Load(filepath.Join(dir, "hueair2mqtt.yaml"), []string{"CREDENTIALS_DIRECTORY=" + t.TempDir()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.MQTT.PasswordFile != "" || c.MQTT.Password != "" {
		t.Errorf("the password is from %q", c.MQTT.PasswordFile)
	}
}

func TestKeyOverridesCredential(t *testing.T) {
	dir := put(t, map[string]string{
		"hueair2mqtt.yaml":          "mqtt: {username: home, password: written}\nhue: {enabled: true}\namazon: {cookies_file: /named}",
		"credentials/mqtt-password": "beside", "credentials/amazon-cookies": "{}",
	})
	c, err := configs.Load(filepath.Join(dir, "hueair2mqtt.yaml"), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.MQTT.Password.Reveal(); got != "written" {
		t.Errorf("the password is %q", got)
	}
	if c.Amazon.CookiesFile != "/named" {
		t.Errorf("the cookies are in %q", c.Amazon.CookiesFile)
	}
}

func TestBadCredentialIsAFault(t *testing.T) {
	for name, test := range map[string]struct{ config, password, fault string }{
		"an empty one":           {"mqtt: {username: home}\nhue: {enabled: true}", "\n", "is empty"},
		"one without a username": {"hue: {enabled: true}", "secret", "a password without a username is not sent"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := put(t, map[string]string{"hueair2mqtt.yaml": test.config, "credentials/mqtt-password": test.password})
			_, err := configs.Load(filepath.Join(dir, "hueair2mqtt.yaml"), nil, nil)
			if err == nil || !strings.Contains(err.Error(), "mqtt.password_file") || !strings.Contains(err.Error(), test.fault) {
				t.Errorf("the error is %v, want mqtt.password_file and %q in it", err, test.fault)
			}
		})
	}
}

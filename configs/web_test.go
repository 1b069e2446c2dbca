package configs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hueair2mqtt/configs"
)

func TestWeb(t *testing.T) {
	dir := t.TempDir()
	password, short := filepath.Join(dir, "password"), filepath.Join(dir, "short")
	for file, text := range map[string]string{password: "a long password\n", short: "1234567"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		web  string
		path string // of the fault; empty where there is none
		says string
	}{
		"none":                  {"{}", "", ""},
		"here":                  {"{listen: '127.0.0.1:8467'}", "", ""},
		"here by name":          {"{listen: 'localhost:0'}", "", ""},
		"here in IPv6":          {"{listen: '[::1]:8467'}", "", ""},
		"elsewhere":             {"{listen: ':8467', password_file: " + password + "}", "", ""},
		"without a password":    {"{listen: '0.0.0.0:8467'}", "web.password_file", "other machines can reach the page"},
		"likewise on all":       {"{listen: ':8467'}", "web.password_file", "127.0.0.1:8467"},
		"likewise in IPv6":      {"{listen: '[::]:8467', trust_ingress: true}", "web.password_file", "other machines"},
		"a short password":      {"{listen: ':8467', password_file: " + short + "}", "web.password_file", "only 7 characters"},
		"no password's file":    {"{listen: ':8467', password_file: /none}", "web.password_file", "/none"},
		"no port":               {"{listen: 127.0.0.1}", "web.listen", "is not address:port"},
		"an impossible port":    {"{listen: '127.0.0.1:65536'}", "web.listen", "is not address:port"},
		"a name":                {"{listen: 'example.org:80'}", "web.listen", "is not address:port"},
		"a path":                {"{base_path: /a/b-c_d.e~/}", "", ""},
		"a path without slash":  {"{base_path: a}", "web.base_path", "/hueair2mqtt"},
		"a path that goes up":   {"{base_path: /a/../b}", "web.base_path", "is no path"},
		"a path of two slashes": {"{base_path: //evil.example}", "web.base_path", "is no path"},
		"names":                 {"{hosts: [Sensors.example.org, nas]}", "", ""},
		"a name with a port":    {"{hosts: ['nas:80']}", "web.hosts[0]", "is no name"},
	} {
		t.Run(name, func(t *testing.T) {
			content := sound + "web: " + test.web
			if test.path == "" {
				c := load(t, content)
				if strings.HasSuffix(c.Web.BasePath, "/") || len(c.Web.Hosts) > 0 && c.Web.Hosts[0] != "sensors.example.org" {
					t.Errorf("not brought into form: %+v", c.Web)
				}
				return
			}
			c, err := configs.Load(write(t, content), nil, nil)
			found := faultsOf(t, c, err)
			if len(found) != 1 || found[0].Path != test.path || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v", err)
			}
			if strings.Contains(err.Error(), "1234567") {
				t.Errorf("tells the password: %v", err)
			}
		})
	}
}

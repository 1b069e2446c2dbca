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
		"a path that goes up":   {"{base_path: /a/../b}", "web.base_path", "is not a valid path"},
		"a path of two slashes": {"{base_path: //evil.example}", "web.base_path", "is not a valid path"},
		"names":                 {"{hosts: [Sensors.example.org, nas]}", "", ""},
		"here, with a password": {"{listen: '127.0.0.1:8467', hosts: [sensors.example.org], base_path: /a, password_file: " + password + "}", "", ""},
		"a proxy by its name":   {"{listen: '127.0.0.1:8467', hosts: [sensors.example.org]}", "web.password_file", "reverse proxy, as web.hosts is set"},
		"a proxy by its path":   {"{listen: 'localhost:8467', base_path: /a}", "web.password_file", "reverse proxy, as web.base_path is set"},
		"a proxy that's known":  {"{listen: '[::1]:8467', trusted_proxies: ['::1']}", "web.password_file", "reverse proxy, as web.trusted_proxies is set"},
		"Ingress":               {"{listen: '127.0.0.1:8467', trust_ingress: true}", "web.password_file", "reverse proxy, as web.trust_ingress is set"},
		"an empty path":         {"{listen: '127.0.0.1:8467', base_path: /}", "", ""},
		"proxies":               {"{trusted_proxies: [192.168.1.2, 172.30.33.1/23, 'fd00::/8', '::ffff:10.0.0.1']}", "", ""},
		"a proxy's name":        {"{trusted_proxies: [nginx]}", "web.trusted_proxies[0]", "is not an address or network"},
		"everybody a proxy":     {"{trusted_proxies: [127.0.0.1, 0.0.0.0/0]}", "web.trusted_proxies[1]", "anybody could forge"},
		"everybody in IPv6":     {"{trusted_proxies: ['::/0']}", "web.trusted_proxies[0]", "anybody could forge"},
		"a name with a port":    {"{hosts: ['nas:80']}", "web.hosts[0]", "is not a host name"},
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
				t.Errorf("contains the password: %v", err)
			}
		})
	}
}

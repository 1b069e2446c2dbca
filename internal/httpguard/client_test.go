package httpguard_test

import (
	"net/http"
	"net/netip"
	"testing"

	"hueair2mqtt/internal/httpguard"
)

func TestClient(t *testing.T) {
	proxies := httpguard.Proxies{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("172.30.32.0/23"), netip.MustParsePrefix("fd00::/64")}
	for name, test := range map[string]struct {
		remote    string
		forwarded []string
		want      string
		local     bool
	}{
		"IPv4":                          {"192.0.2.1:1000", nil, "192.0.2.1", false},
		"IPv4 at home":                  {"192.168.1.2:1000", nil, "192.168.1.2", true},
		"IPv6":                          {"[2001:db8:1:2:3:4:5:6]:1000", nil, "2001:db8:1:2::/64", false},
		"IPv6 at home":                  {"[fd12::1]:1000", nil, "fd12::/64", true},
		"link-local":                    {"[fe80::1%eth0]:1000", nil, "fe80::/64", true},
		"IPv4 in IPv6":                  {"[::ffff:192.0.2.1]:1000", nil, "192.0.2.1", false},
		"loopback in IPv6":              {"[::1]:1000", nil, "::/64", true},
		"no address":                    {"pipe", nil, "unknown", false},
		"forged":                        {"192.0.2.1:1000", []string{"198.51.100.1"}, "192.0.2.1", false},
		"forged beside a proxy":         {"127.0.0.2:1000", []string{"198.51.100.1"}, "127.0.0.2", true},
		"a proxy":                       {"127.0.0.1:1000", []string{"198.51.100.1"}, "198.51.100.1", false},
		"a proxy without a header":      {"127.0.0.1:1000", nil, "127.0.0.1", true},
		"forged through a proxy":        {"127.0.0.1:1000", []string{"10.0.0.1, 198.51.100.1"}, "198.51.100.1", false},
		"forged in a header of its own": {"127.0.0.1:1000", []string{"10.0.0.1", "198.51.100.1"}, "198.51.100.1", false},
		"two proxies":                   {"127.0.0.1:1000", []string{"10.0.0.1, 198.51.100.1, 172.30.33.2"}, "198.51.100.1", false},
		"through a proxy with ports":    {"127.0.0.1:1000", []string{"[2001:db8::5]:99"}, "2001:db8::/64", false},
		"a proxy's nonsense":            {"127.0.0.1:1000", []string{"198.51.100.1, unknown"}, "127.0.0.1", true},
		"nothing but proxies":           {"127.0.0.1:1000", []string{"127.0.0.1, 172.30.32.2"}, "127.0.0.1", true},
		"a proxy in IPv6":               {"[fd00::7]:1000", []string{"2001:db8::5"}, "2001:db8::/64", false},
	} {
		r := &http.Request{RemoteAddr: test.remote, Header: http.Header{"X-Forwarded-For": test.forwarded}}
		got := proxies.Client(r)
		if got.String() != test.want || got.Local() != test.local {
			t.Errorf("%s: %s, local %v", name, got, got.Local())
		}
	}
}

package httpguard_test

import (
	"testing"

	"hueair2mqtt/internal/httpguard"
)

func TestHostsAllowed(t *testing.T) {
	hosts := httpguard.Hosts{"nas.example.org"}
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.0.0.1:9469": true, "192.168.1.2:80": true, "[::1]": true, "[::1]:9469": true, "[fe80::1%eth0]:80": true,
		"localhost": true, "LocalHost:80": true, "localhost.": true,
		"nas.example.org": true, "NAS.example.org:9469": true, "nas.example.org.:80": true,
		"": false, ":9469": false, ".": false, "evil.example": false, "evil.example:9469": false, "nas": false,
		"x.nas.example.org": false, "nas.example.org.evil.example": false, "localhost.evil.example": false, "127.0.0.1.evil.example": false,
		"127.0.0.1.evil.example:9469": false, "127.0.0.1@evil.example": false, "[evil.example]": false, "127.1": false, "2130706433": false,
	} {
		if got := hosts.Allowed(host); got != want {
			t.Errorf("%q: allowed %v, want %v", host, got, want)
		}
	}
}

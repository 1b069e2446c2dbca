package access

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"hueair2mqtt/internal/httpguard"
)

// The attacker has many networks.
func TestGuessesOfAllTogetherAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAttempts()
		allowed := func(address string) bool { return a.allow(httpguard.ClientOf(netip.MustParseAddr(address)), "") }
		attack := func(networks, each int) (guesses int) {
			for i := range networks {
				for range each {
					if allowed(fmt.Sprintf("2001:db8:%x::1", i)) {
						guesses++
					}
				}
			}
			return guesses
		}
		if n := attack(250, 6); n < 1000 || n > 1150 {
			t.Errorf("250 networks have %d guesses", n)
		}
		for range 2 {
			if !allowed("2001:db8:ffff::1") {
				t.Error("the owner is locked out meanwhile")
			}
		}
		if n := attack(4500, 1); n > 4000 {
			t.Errorf("4,500 networks have %d more", n)
		}
		if !allowed("192.168.1.2") {
			t.Error("the owner at home is locked out")
		}
		time.Sleep(time.Minute)
		if n := attack(200, 1); n > 61 {
			t.Errorf("a minute later they have %d", n)
		}
	})
}

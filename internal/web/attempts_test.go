package web_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hueair2mqtt/internal/web"
)

const (
	wrong   = http.StatusForbidden
	limited = http.StatusTooManyRequests
	inside  = http.StatusSeeOther
)

func TestStrangersDontLockTheOwnerOut(t *testing.T) {
	for name, addresses := range map[string][]string{
		"IPv4": {"192.168.1.66", "192.168.1.2"},
		"IPv6": {"2001:db8:1:1::66", "2001:db8:1:2::2"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, withPassword, func(s *site) {
				stranger := s.visitorFrom(addresses[0])
				for range 5 {
					if code := stranger.signIn("wrong"); code != wrong {
						t.Fatalf("a wrong password: %d", code)
					}
				}
				// A new browser and a forged header change nothing.
				for i, again := range []*visitor{
					stranger, s.visitorFrom(addresses[0]), s.visitorFrom(addresses[0], "X-Forwarded-For", "192.0.2.1"), s.visitorFrom(addresses[0], "Cookie", "hueair2mqtt="+strings.Repeat("x", 26)+"."+strings.Repeat("y", 22)),
				} {
					if code := again.signIn(password); code != limited {
						t.Errorf("attempt %d beyond the limit: %d", i, code)
					}
				}
				if code := s.visitorFrom(addresses[1]).signIn(password); code != inside {
					t.Errorf("the owner: %d", code)
				}
				if a := stranger.send("/sign-in", url.Values{"secret": {password}}); a.Header.Get("Retry-After") != "10" {
					t.Errorf("the header is %v", a.Header)
				}
				// There is one attempt every 10 s: 360 in an hour of guessing.
				time.Sleep(10 * time.Second)
				for i, want := range []int{wrong, limited} {
					if code := stranger.signIn("wrong"); code != want {
						t.Errorf("attempt %d after 10 s: %d", i, code)
					}
				}
				time.Sleep(time.Minute)
				if code := stranger.signIn(password); code != inside {
					t.Errorf("a minute later, with the password: %d", code)
				}
			})
		})
	}
}

func TestAnIPv6NetworkIsOneStranger(t *testing.T) {
	inBubble(t, withPassword, func(s *site) {
		for i := range 5 {
			s.visitorFrom(fmt.Sprintf("2001:db8:1:1:%x::1", i)).signIn("wrong")
		}
		if code := s.visitorFrom("2001:db8:1:1:ffff::1").signIn(password); code != limited {
			t.Errorf("the sixth address of a network: %d", code)
		}
	})
}

// The owner and a stranger may have the same address: in the same IPv6 network, or
// behind a proxy that is not trusted.
func TestABrowserThatWasSignedInHasItsOwnLimit(t *testing.T) {
	inBubble(t, withPassword, func(s *site) {
		owner, stranger := s.visitorFrom("192.168.1.2"), s.visitorFrom("192.168.1.2")
		if code := owner.signIn(password); code != inside {
			t.Fatal(code)
		}
		before := owner.cookie()
		if code := owner.send("/sign-out", url.Values{}).StatusCode; code != inside || owner.cookie() == before {
			t.Fatalf("sign-out: %d, the same cookie %v", code, owner.cookie() == before)
		}
		for range 10 {
			stranger.signIn("wrong")
		}
		for range 4 {
			if code := owner.signIn("mistyped"); code != wrong {
				t.Errorf("the owner's mistake: %d", code)
			}
		}
		if code := owner.signIn(password); code != inside {
			t.Errorf("the owner: %d", code)
		}
		// The cookie alone grants nothing, and it has a limit too.
		owner.send("/sign-out", url.Values{})
		if code := owner.do("GET", "/", nil).StatusCode; code != http.StatusSeeOther {
			t.Errorf("signed out: %d", code)
		}
		for range 5 {
			owner.signIn("wrong")
		}
		if code := owner.signIn(password); code != limited {
			t.Errorf("after five mistakes: %d", code)
		}
	})
}

func TestTrustedProxiesNameTheClient(t *testing.T) {
	trusting := func(o *web.Options) {
		withPassword(o)
		o.Config.Web.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	}
	inBubble(t, trusting, func(s *site) {
		for i := range 5 {
			// The proxy appends the address after those that the stranger wrote.
			s.visitorFrom("127.0.0.1", "X-Forwarded-For", fmt.Sprintf("10.0.0.%d, 198.51.100.66", i)).signIn("wrong")
		}
		if code := s.visitorFrom("127.0.0.1", "X-Forwarded-For", "10.1.1.1, 198.51.100.66").signIn(password); code != limited {
			t.Errorf("a stranger with forged addresses: %d", code)
		}
		if code := s.visitorFrom("127.0.0.1", "X-Forwarded-For", "198.51.100.2").signIn(password); code != inside {
			t.Errorf("the owner through the proxy: %d", code)
		}
	})
}

func TestTheCodeIsNotLimited(t *testing.T) {
	code := ""
	inBubble(t, func(o *web.Options) { o.PrintCode = func(c string) { code = c } }, func(s *site) {
		b := s.visitorFrom("127.0.0.1")
		for range 100 {
			if got := b.signIn("wrong"); got != wrong {
				t.Fatalf("a wrong code: %d", got)
			}
		}
		used := code
		if got := b.signIn(code); got != inside || code == used {
			t.Errorf("the code: %d, a new one %v", got, code != used)
		}
		if got := s.visitorFrom("127.0.0.1").signIn(used); got != wrong {
			t.Errorf("the code again: %d", got)
		}
	})
}

func TestWrongSignInsAreLoggedOnceAMinute(t *testing.T) {
	inBubble(t, withPassword, func(s *site) {
		lines := func(when string, want ...string) {
			t.Helper()
			synctest.Wait()
			var got []string
			for _, entry := range s.logs.TakeAll() {
				fields := entry.ContextMap()
				got = append(got, fmt.Sprint(entry.Message, " ", fields["from"], " ", fields["count"]))
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s:\n%q, want\n%q", when, got, want)
			}
		}
		b := s.visitorFrom("192.0.2.1")
		for range 1000 {
			b.signIn("wrong")
		}
		const failed, refused = "sign-in to the page with a wrong password or code", "too many attempts to sign in to the page"
		lines("at once", failed+" 192.0.2.1 <nil>", refused+" 192.0.2.1 <nil>")
		time.Sleep(59 * time.Second)
		lines("within a minute")
		time.Sleep(time.Second)
		synctest.Wait()
		got := s.logs.TakeAll()
		if len(got) != 2 {
			t.Fatalf("after a minute: %v", got)
		}
		if sum := got[0].ContextMap()["count"].(int64) + got[1].ContextMap()["count"].(int64); sum != 998 {
			t.Errorf("%d more are counted", sum)
		}
	})
}

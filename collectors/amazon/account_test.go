package amazon_test

import (
	"strings"
	"testing"

	"hueair2mqtt/collectors/amazon/amazontest"
)

// Where no monitor is listed, the user reads whose account that is, and that another
// adult's devices may be missing.
func TestNoMonitorNamesTheAccount(t *testing.T) {
	empty := func(a *amazontest.Account) {
		a.RemoveMonitor(kitchen.Serial)
		a.RemoveMonitor(cellar.Serial)
	}
	t.Run("signed in", func(t *testing.T) {
		inSignInHome(t, func(h *signInHome) {
			empty(h.account)
			h.signIn("amazon.co.uk")
			wantFault(t, h.poll(), "no air quality monitor", "the account of "+amazontest.Holder+" at amazon.co.uk", "another adult of the household")
			if advice := h.collector.Advise(nil); !strings.Contains(advice, amazontest.Holder) || !strings.Contains(advice, "another adult") {
				t.Errorf("the advice is %q", advice)
			}
		})
	})
	t.Run("a browser's cookies", func(t *testing.T) {
		inHome(t, func(h *testHome) {
			empty(h.account)
			wantFault(t, h.poll(), "no air quality monitor", "the account at amazon.co.uk whose cookies are in "+h.cookies, "another adult of the household")
		})
	})
}
